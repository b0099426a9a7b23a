"""What ``instar doctor`` makes of what it was told: lines that say ok, warn or fail, and what to do. No I/O."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from instar.core.checkpoint import group_of
from instar.core.control import TOPIC
from instar.core.provenance import Direction
from instar.kafka.cluster import Topic
from instar.kafka.config import TRANSACTION_TIMEOUT_MS
from instar.kafka.inspection import INIT_PRODUCER_ID, OFFSET_FETCH, STABLE_OFFSET_FETCH, Broker, Client
from instar.processor.modes import topic_faults
from instar.project.migration import Migration
from instar.rollout.running.control import transactional_id

Status = Literal["ok", "warn", "fail"]
_DAY_MS = 86_400_000
_NEVER_MS = 2**63 - 1
_CODECS = ("gzip", "snappy", "lz4", "zstd")

# The operations of Kafka's ACLs that a topic needs, by what a bridge does with it.
_READS = frozenset({"DESCRIBE", "READ", "DESCRIBE_CONFIGS"})
_WRITES = frozenset({"DESCRIBE", "READ", "WRITE", "DESCRIBE_CONFIGS"})  # read: to recover a checkpoint and to verify
_CHANGED = frozenset({"ALTER_CONFIGS", "DESCRIBE_CONFIGS", "DELETE"})


@dataclass(frozen=True, slots=True)
class Line:
    section: str
    status: Status
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Topics:
    """A migration's topics as the cluster has them; None where it has not."""

    source: Topic | None
    target: Topic | None
    dead_letters: Topic | None
    history: Topic | None = None  # of segregated only


# --------------------------------------------------------------------------------------------------- client, broker


def client_lines(client: Client, kafka: Mapping[str, Any]) -> Iterator[Line]:
    section = "client"
    yield Line(section, "ok", f"confluent-kafka {client.confluent_kafka}, librdkafka {client.librdkafka}")
    missing = [codec for codec in _CODECS if codec not in client.features]
    if missing:
        message = f"this librdkafka was built without {', '.join(missing)}: topics compressed so cannot be read"
        yield Line(section, "warn", message, "Install confluent-kafka from its wheel.")
    else:
        yield Line(section, "ok", f"compression {', '.join(_CODECS)}")
    protocol = str(kafka.get("security.protocol", "plaintext")).lower()
    needed = _needed(protocol, str(kafka.get("sasl.mechanisms", kafka.get("sasl.mechanism", ""))).upper())
    for feature in sorted(needed - client.features):
        message = f"the settings ask for {protocol}, and this librdkafka was built without {feature}"
        yield Line(section, "fail", message, f"Install a librdkafka with {feature}, and confluent-kafka from source.")


def _needed(protocol: str, mechanism: str) -> set[str]:
    """The features of librdkafka that a security.protocol and a SASL mechanism rest on."""
    needed = {"ssl"} if protocol in ("ssl", "sasl_ssl") else set()
    if protocol.startswith("sasl"):
        by_mechanism = {"GSSAPI": "sasl_gssapi", "PLAIN": "sasl_plain", "OAUTHBEARER": "sasl_oauthbearer"}
        needed.add("sasl_scram" if mechanism.startswith("SCRAM") else by_mechanism.get(mechanism or "GSSAPI", "sasl"))
    return needed


def broker_lines(broker: Broker) -> Iterator[Line]:
    section = "broker"
    count = f"{broker.brokers} broker{'s' if broker.brokers != 1 else ''}"
    if broker.cluster_id.startswith("mockCluster"):
        message = f"{count}, built into librdkafka: it proves nothing about exactly-once and knows no permissions"
        yield Line(section, "warn", message, "`make kafka` starts a real one.")
        return
    speaks = f"speaks the protocol of Kafka {broker.release} or newer" if broker.release else "very old"
    yield Line(section, "ok", f"cluster {broker.cluster_id}: {count}, {speaks}")
    if broker.apis.get(INIT_PRODUCER_ID) is None:
        yield Line(section, "fail", "the broker has no transactions", "instar needs Kafka 0.11, better 2.5 or newer.")
    elif broker.apis.get(OFFSET_FETCH, 0) < STABLE_OFFSET_FETCH:
        message = "the broker cannot hold back offsets of open transactions (KIP-447)"
        yield Line(section, "fail", message, "instar needs Kafka 2.5 or newer.")
    else:
        yield Line(section, "ok", "transactions, and offsets that wait for them (KIP-447)")
    if broker.settings is None:
        message = f"the broker's settings cannot be read: {broker.refused}"
        yield Line(section, "warn", message, "Grant DESCRIBE_CONFIGS on the cluster, or check them by hand.")
        return
    longest_ms = int(broker.settings.get("transaction.max.timeout.ms", TRANSACTION_TIMEOUT_MS))
    if longest_ms < TRANSACTION_TIMEOUT_MS:
        message = f"transaction.max.timeout.ms is {longest_ms}, and a worker's transactions may take longer"
        yield Line(section, "fail", message, f"Set it to {TRANSACTION_TIMEOUT_MS} or more on the brokers.")
    minutes = int(broker.settings.get("offsets.retention.minutes", 10_080))
    if minutes < 1_440:
        message = f"offsets.retention.minutes is {minutes}: the checkpoint of a stopped worker is gone after that"
        yield Line(section, "warn", message, "Raise it, or do not let workers stand still that long.")


# --------------------------------------------------------------------------------------------------- topics


def topic_lines(name: str, migration: Migration, topics: Topics) -> Iterator[Line]:
    section = f"migration {name}"
    source, target, letters = topics.source, topics.target, topics.dead_letters
    if source is None:
        message = f"the source topic {migration.source.topic} does not exist"
        yield Line(section, "fail", message, "Create it, or correct source.topic in the settings.")
    else:
        yield Line(section, "ok", f"source {_told(source)}")
    wanted_topics = [("target", target, migration.target.topic), ("dead letters", letters, migration.dead_letter_topic)]
    if migration.history_topic is not None:
        wanted_topics.append(("history", topics.history, migration.history_topic))
    for what, topic, wanted in wanted_topics:
        if topic is None:
            message = f"the topic {wanted} ({what}) does not exist yet"
            yield Line(section, "warn", message, f"`instar worker {name} --create` makes it.")
            continue
        if source is not None and topic.partitions < source.partitions:
            message = (
                f"{what} {topic.name} has {topic.partitions} partitions, the source {source.partitions}: "
                "records keep their partition number"
            )
            yield Line(section, "fail", message, f"Add partitions to {topic.name}.")
        else:
            yield Line(section, "ok", f"{what} {_told(topic)}")
    if target is not None:
        yield from _target_lines(section, source, target)
    if letters is not None and letters.settings and source is not None:
        yield from _letter_lines(section, source, letters)
    if source is not None and source.settings:
        for fault in topic_faults(migration, source, target):
            yield Line(section, "fail", fault.message, fault.remedy)


def _letter_lines(section: str, source: Topic, letters: Topic) -> Iterator[Line]:
    if letters.max_message_bytes <= source.max_message_bytes:
        message = f"{letters.name} takes no more than the source's {source.max_message_bytes:,} bytes"
        wanted = source.max_message_bytes + 65_536
        yield Line(section, "fail", message, f"Raise its max.message.bytes to {wanted}: a letter is a record and more.")


def _target_lines(section: str, source: Topic | None, target: Topic) -> Iterator[Line]:
    """What would change, refuse or delete records that are older than their arrival (KIP-870, KIP-937)."""
    settings = target.settings
    if source is not None and settings and target.max_message_bytes < source.max_message_bytes:
        message = f"{target.name} takes {target.max_message_bytes:,} bytes, the source {source.max_message_bytes:,}"
        yield Line(section, "warn", message, "Larger outputs become dead letters: raise its max.message.bytes.")
    if settings.get("message.timestamp.type") == "LogAppendTime":
        message = f"{target.name} replaces the time of every record (message.timestamp.type)"
        yield Line(section, "fail", message, "Set it to CreateTime.")
    oldest_ms = int(settings.get("message.timestamp.before.max.ms", _NEVER_MS))
    if oldest_ms < _NEVER_MS:
        message = f"{target.name} refuses records older than {_days(oldest_ms)} (message.timestamp.before.max.ms)"
        yield Line(section, "warn", message, f"Set it to {_NEVER_MS} while history is carried.")
    keeps_ms = int(settings.get("retention.ms", -1))
    if keeps_ms >= 0 and "delete" in settings.get("cleanup.policy", "delete"):
        message = f"{target.name} deletes records older than {_days(keeps_ms)}, by their own time: as they arrive"
        yield Line(section, "warn", message, "Set retention.ms to -1 until readers have moved over.")


def _told(topic: Topic) -> str:
    what = f"{topic.name}: {topic.partitions} partitions"
    if any(topic.id):
        what += f", id {topic.id.hex()}"
    if topic.settings:
        what += f", records up to {topic.max_message_bytes:,} bytes, cleanup {topic.settings.get('cleanup.policy')}"
    return what


def _days(duration_ms: int) -> str:
    return f"{duration_ms / _DAY_MS:g} days"


# --------------------------------------------------------------------------------------------------- permissions


@dataclass(frozen=True, slots=True)
class Need:
    """Operations that a migration needs on one resource of Kafka's. ``why``: for which steps, where not all need it."""

    kind: Literal["topic", "group", "transactional-id", "cluster"]
    name: str
    operations: frozenset[str]
    why: str = ""

    def __str__(self) -> str:
        return "the cluster" if self.kind == "cluster" else f"{self.kind} {self.name}"


def needs_of(name: str, migration: Migration, directions: tuple[Direction, ...]) -> list[Need]:
    """Everything a migration's workers ask of the cluster's authorizer."""
    written = {migration.target.topic, migration.dead_letter_topic}
    history = [migration.history_topic] if migration.history_topic else []
    written.update(history)
    if "down" in directions:
        written.add(migration.source.topic)
    topics = dict.fromkeys((migration.source.topic, migration.target.topic, migration.dead_letter_topic, *history))
    needs = [Need("topic", topic, _WRITES if topic in written else _READS) for topic in topics]
    for direction in directions:
        group = group_of(name, direction)
        needs.append(Need("group", group, frozenset({"DESCRIBE", "READ"})))
        needs.append(Need("transactional-id", group, frozenset({"DESCRIBE", "WRITE"})))
    return needs


def moving_needs_of(name: str, migration: Migration) -> list[Need]:
    """What those steps ask of the authorizer that people give a command for, beyond what the workers need."""
    if migration.in_place:
        return [Need("cluster", "", frozenset({"DESCRIBE", "DESCRIBE_CONFIGS"}), "--fence acl reads the access rules")]
    source, target = migration.source.topic, migration.target.topic
    made = [topic for topic in (target, migration.history_topic) if topic is not None]
    directions: tuple[Direction, ...] = ("up",) if migration.reverse is None else ("up", "down")
    rules = "to withdraw write permission from producers that stay silent, and to lock the old topic"
    return [
        Need("cluster", "", frozenset({"ALTER", "DESCRIBE", "DESCRIBE_CONFIGS"}), rules),
        Need("topic", TOPIC, frozenset({"DESCRIBE", "READ", "WRITE"}), "to order producers, groups and bridges"),
        Need("transactional-id", transactional_id(name), frozenset({"DESCRIBE", "WRITE"}), "to write these orders"),
        *(Need("topic", topic, _CHANGED, "apply holds its retention back, abandon deletes it") for topic in made),
        Need("topic", migration.dead_letter_topic, frozenset({"DELETE"}), "abandon deletes it"),
        *(
            Need("group", group_of(name, direction), frozenset({"DESCRIBE", "READ", "DELETE"}), "abandon deletes it")
            for direction in directions
        ),
        *(
            Need("group", each.group, frozenset({"DESCRIBE", "READ"}), "switch and rollback move it")
            for each in migration.rollout.plan_groups()
        ),
        Need("topic", source, _CHANGED | ({"WRITE"} if migration.reverse else set()), "retire locks and deletes it"),
    ]


def moving_line(section: str, need: Need, allowed: frozenset[str] | None, bootstrap: str) -> Line:
    """A warning, not a failure: whoever moves a rollout may be somebody else than its workers. None: not known."""
    if allowed is None:
        remedy = f"If in doubt: {grant(need, need.operations, bootstrap)}"
        return Line(
            section, "warn", f"whether we may {_listed(need.operations)} {need}, {need.why}, is not told", remedy
        )
    missing = sorted(need.operations - allowed)
    if not missing:
        return Line(section, "ok", f"may {_listed(need.operations)} {need}: {need.why}")
    message = f"may not {_listed(missing)} {need}: {need.why}"
    return Line(section, "warn", message, f"For whoever moves it: {grant(need, missing, bootstrap)}")


def permission_line(section: str, need: Need, allowed: frozenset[str], bootstrap: str) -> Line:
    missing = sorted(need.operations - allowed)
    if not missing:
        return Line(section, "ok", f"may {_listed(need.operations)} {need}")
    return Line(section, "fail", f"may not {_listed(missing)} {need}", grant(need, missing, bootstrap))


def grant(need: Need, operations: Any, bootstrap: str) -> str:
    """The command that an administrator runs."""
    flags = " ".join(f"--operation {_camel(operation)}" for operation in sorted(operations))
    prefixed = " --resource-pattern-type prefixed" if need.kind == "transactional-id" else ""
    return (
        f"kafka-acls --bootstrap-server {bootstrap} --add --allow-principal User:NAME {flags} "
        f"--{need.kind} {need.name}{prefixed}".rstrip()
    )


def _listed(operations: Any) -> str:
    return ", ".join(operation.lower().replace("_", " ") for operation in sorted(operations))


def _camel(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))
