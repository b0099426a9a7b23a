"""librdkafka's errors, translated once: what happened, and what to do about it."""

from confluent_kafka import KafkaError, KafkaException


class KafkaTrouble(Exception):
    """Something about the cluster stops the work. The message says what, where and why; ``remedy`` what to do."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class Unreachable(KafkaTrouble):
    """No broker answered in time."""

    exit_code = 5


class NotAllowed(KafkaTrouble):
    """The principal lacks a permission."""

    exit_code = 4


class TopicMissing(KafkaTrouble):
    """A topic that must exist does not."""


class Refused(KafkaTrouble):
    """instar will not go on without a decision of the operator's."""

    exit_code = 4


class Fenced(KafkaTrouble):
    """Another worker took over this slot; this one must not write again."""

    exit_code = 4


class AmbiguousOutcome(Exception):
    """A Kafka call neither succeeded nor failed for sure: only a new producer can tell (design section 8)."""


class PlaceInDoubt(AmbiguousOutcome):
    """The group has this member's name under another id: a twin took it, or a request to join lost its answer."""


class Aborted(Exception):
    """The transaction was rolled back; what it held will be read again."""


_UNREACHABLE = {
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._TRANSPORT,
    KafkaError._RESOLVE,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.BROKER_NOT_AVAILABLE,
}
_NOT_ALLOWED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
_CREDENTIALS = {KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._AUTHENTICATION, KafkaError._SSL}
_MISSING = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
_FENCED = {
    KafkaError._FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.PRODUCER_FENCED,
    KafkaError.FENCED_INSTANCE_ID,
}
# The group moved on without us: not a fence of the slot, the batch is only read again.
_STALE_MEMBER = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
}


# The broker will never take this transaction, however often it is made: the record, its size or its time is against the
# topic's settings, or writing is not allowed.
_NEVER_TAKEN = _NOT_ALLOWED | {
    KafkaError.INVALID_RECORD,
    KafkaError.INVALID_TIMESTAMP,
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.POLICY_VIOLATION,
    KafkaError.OFFSET_METADATA_TOO_LARGE,
    KafkaError.INVALID_COMMIT_OFFSET_SIZE,
}


def error_of(exception: KafkaException) -> KafkaError:
    error: KafkaError = exception.args[0]
    return error


def is_fence(error: KafkaError) -> bool:
    return error.code() in _FENCED


def is_stale_member(error: KafkaError) -> bool:
    return error.code() in _STALE_MEMBER


def is_unreachable(error: KafkaError) -> bool:
    return error.code() in _UNREACHABLE


def is_denied(error: KafkaError) -> bool:
    return error.code() in _NOT_ALLOWED


def is_never_taken(error: KafkaError) -> bool:
    return error.code() in _NEVER_TAKEN


def is_missing_topic(error: KafkaError) -> bool:
    return error.code() in _MISSING


def trouble(error: KafkaError, doing: str, bootstrap: str = "") -> KafkaTrouble:
    """An error as a person needs it. ``doing`` completes the sentence "While ..."."""
    where = f" ({bootstrap})" if bootstrap else ""
    said = error.str()
    if error.code() in _CREDENTIALS:
        return NotAllowed(
            f"While {doing}, the cluster{where} refused the credentials: {said}.",
            "Check security.protocol, sasl.* and ssl.* under [tool.instar.environments.<name>] kafka.",
        )
    if error.code() in _NOT_ALLOWED:
        return NotAllowed(
            f"While {doing}, the cluster{where} denied permission: {said}.",
            "`instar doctor` lists the permissions that a migration needs.",
        )
    if error.code() in _MISSING:
        return TopicMissing(f"While {doing}, a topic was missing: {said}.", "Create it, or run with --create.")
    if error.code() in _UNREACHABLE:
        return Unreachable(
            f"While {doing}, no broker answered{where}: {said}.",
            "Is Kafka running and is bootstrap.servers right? `make kafka` starts one for development.",
        )
    return KafkaTrouble(f"While {doing}, Kafka answered: {said} ({error.name()}).")


def unforeseen(exception: KafkaException) -> KafkaTrouble:
    """What a client raised where nothing was asked of the cluster yet: mostly a setting that librdkafka refuses."""
    error = error_of(exception)
    if error.code() == KafkaError._INVALID_ARG:
        return KafkaTrouble(
            f"The Kafka client does not take its settings: {error.str()}.",
            "Correct kafka under [tool.instar.environments.<name>]; its names are librdkafka's own.",
        )
    return trouble(error, "talking to Kafka")
