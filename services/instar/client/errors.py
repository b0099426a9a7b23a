"""What the deserializer and the serializer raise, with what it is about as attributes.

What concerns one record derives from confluent-kafka's ``SerializationError``, so that code which handles that one
handles these; its consumers and producers put it into ``ValueDeserializationError.exception`` and the like.
"""

from confluent_kafka.serialization import SerializationError

from instar.core.rejected import Rejected

NOT_ONE = "not-one-record"


class SetupError(Exception):
    """The library is set up wrongly: nothing was read or written. ``remedy`` says what to do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.remedy = remedy


class Closing(Exception):
    """Nothing was written: authority over the topics is moving, or who has it cannot be told now.

    ``why`` says which. Keep the record and write it again later: neither topic may have it now.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"Nothing may be written now: {why}.")
        self.why = why


class CommitUnknown(Exception):
    """A transaction was committed or it was not: the broker's answer was lost, and nothing is on its way any more.

    Read the topic, or the offsets that were in the transaction, to find out before it is written again.
    """

    def __init__(self, producer: str, why: str) -> None:
        super().__init__(f"Whether the last transaction of {producer} was committed is not known: {why}.")


class ClientError(SerializationError):
    """One record could not be read or written.

    ``code`` is one of ``instar.core.rejected``, or ``model-mismatch``, ``not-one-record``, ``no-schema-id``,
    ``registry-unreachable``, ``registry-refused``. ``topic``, ``partition`` and ``offset`` are None where the caller
    did not say them: confluent-kafka's context names the topic alone.
    """

    code: str = ""
    remedy: str = ""

    def __init__(
        self,
        message: str,
        *,
        topic: str | None = None,
        partition: int | None = None,
        offset: int | None = None,
    ) -> None:
        place = "" if not topic else topic if partition is None else f"{topic}[{partition}]@{offset}"
        super().__init__(f"{place}: {message}" if place else message)
        self.topic = topic
        self.partition = partition
        self.offset = offset


class RecordRejected(ClientError):
    """The record itself is the reason; reading it again gives the same answer.

    ``hop`` is written as its file is (``v1_to_v2``), ``path`` is a field path, versions are written ``v2``. The
    message never holds values of the record.
    """

    def __init__(
        self,
        rejected: Rejected,
        *,
        topic: str | None = None,
        partition: int | None = None,
        offset: int | None = None,
    ) -> None:
        super().__init__(_words(rejected), topic=topic, partition=partition, offset=offset)
        self.rejected = rejected
        self.code = rejected.code
        self.subject = rejected.subject
        self.hop = rejected.hop
        self.path = rejected.path
        self.from_version = rejected.from_version
        self.to_version = rejected.to_version


class RegistryAway(ClientError):
    """The record may be well: the registry could not be asked what its schema id is, or an id to write it under.

    Do not skip the record. Read it again (seek to its offset) after ``retry_after_s`` seconds.
    """

    def __init__(
        self, message: str, *, code: str, remedy: str, retry_after_s: float, topic: str | None = None,
        partition: int | None = None, offset: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message, topic=topic, partition=partition, offset=offset)
        self.code = code
        self.remedy = remedy
        self.retry_after_s = retry_after_s


def _words(rejected: Rejected) -> str:
    way = " to ".join(each for each in (rejected.from_version, rejected.to_version) if each)
    parts = (
        rejected.subject,
        way,
        f"hop {rejected.hop}" if rejected.hop else None,
        f"field {rejected.path}" if rejected.path else None,
    )
    about = ", ".join(part for part in parts if part)
    return f"{rejected.code}{f' ({about})' if about else ''}: {rejected.message}"
