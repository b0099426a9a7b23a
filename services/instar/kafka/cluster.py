"""The cluster as an operator sees it: topics with their ids and limits, watermarks, a group's offsets.

Every method translates librdkafka's errors to ``KafkaTrouble`` once, here.
"""

import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AclOperation, AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from instar.core.provenance import NO_TOPIC_ID
from instar.kafka import config
from instar.kafka.errors import (
    AmbiguousOutcome,
    Refused,
    TopicMissing,
    Unreachable,
    error_of,
    is_denied,
    is_missing_topic,
    trouble,
)

T = TypeVar("T")

REQUEST_TIMEOUT_S = 15.0
RETRY_EVERY_S = 0.05
LEAVING_GRACE_S = 5.0  # the broker looks for timed-out sessions now and then only
NOT_READY = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
}
# A leader was elected anew, as after a restart. The admin client does not ask for metadata again because of it.
_STALE_LEADER = {KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH}
DEFAULT_MAX_MESSAGE_BYTES = 1_048_588  # Kafka's own default of max.message.bytes


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. ``id`` is 16 bytes, all zero where the broker has no topic ids (the built-in one)."""

    name: str
    id: bytes
    partitions: int
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def max_message_bytes(self) -> int:
        return int(self.settings.get("max.message.bytes", DEFAULT_MAX_MESSAGE_BYTES))

    @property
    def compacted(self) -> bool:
        return "compact" in self.settings.get("cleanup.policy", "")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a consumer group. ``name`` is its instance name where it has one."""

    name: str
    host: str
    partitions: tuple[tuple[str, int], ...]  # topic, partition


class Cluster:
    """One cluster through one admin client. ``kafka`` are librdkafka's settings."""

    def __init__(self, kafka: Mapping[str, Any], timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self.kafka = dict(kafka)
        self.bootstrap = str(kafka.get("bootstrap.servers", ""))
        self._timeout_s = timeout_s
        self._admin = AdminClient(config.admin(kafka))
        try:
            cluster_id = self._admin.list_topics(timeout=timeout_s).cluster_id
        except KafkaException as exception:
            raise trouble(error_of(exception), "connecting", self.bootstrap) from exception
        self.id = str(cluster_id)
        # The broker inside librdkafka has no topic ids, no settings, and does not store transactional offsets.
        self.built_in = bool(cluster_id) and str(cluster_id).startswith("mockCluster")

    def topics(self) -> list[str]:
        return sorted(self._ask("listing topics", lambda: self._admin.list_topics(timeout=self._timeout_s)).topics)

    def find(self, name: str) -> Topic | None:
        """The topic, or None when it does not exist. Raises ``KafkaTrouble``."""
        doing = f"describing topic {name}"
        if self.built_in:
            found = self._ask(doing, lambda: self._admin.list_topics(timeout=self._timeout_s)).topics.get(name)
            return None if found is None else Topic(name, NO_TOPIC_ID, len(found.partitions))
        try:
            described = self._ask(
                doing,
                lambda: self._admin.describe_topics(TopicCollection([name]), request_timeout=self._timeout_s)[
                    name
                ].result(),
            )
            settings = self._settings(name)
        except TopicMissing:  # also where it is deleted between the two questions
            return None
        return Topic(name, _uuid_bytes(described.topic_id), len(described.partitions), settings)

    def topic(self, name: str) -> Topic:
        """The topic. Raises ``TopicMissing``."""
        found = self.find(name)
        if found is None:
            raise TopicMissing(
                f"Topic {name!r} does not exist on {self.bootstrap}.", "Create it, or run with --create."
            )
        return found

    def create(self, name: str, partitions: int, settings: Mapping[str, str], replication_factor: int = -1) -> None:
        """Create a topic; one that exists already is left as it is. -1: the broker's default replication."""
        doing = f"creating topic {name}"
        if self.built_in:  # It makes a topic when it is asked about one, always with four partitions.
            self._ask(doing, lambda: self._admin.list_topics(name, timeout=self._timeout_s))
            return

        def request() -> None:
            topic = NewTopic(name, partitions, replication_factor, config=dict(settings))
            try:
                self._admin.create_topics([topic], request_timeout=self._timeout_s)[name].result()
            except KafkaException as exception:
                if error_of(exception).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise

        self._ask(doing, request)
        # The controller has it; the broker that answers questions about it learns of it a moment later.
        deadline_s = time.monotonic() + self._timeout_s
        while self.find(name) is None:
            if time.monotonic() > deadline_s:
                raise TopicMissing(f"Topic {name!r} was created but did not appear within {self._timeout_s:.0f} s.")
            time.sleep(RETRY_EVERY_S)

    def delete(self, name: str) -> None:
        """Delete a topic, and wait until it is gone; one that is not there is left at that.

        Raises ``AmbiguousOutcome`` where no answer came in time, or it is still seen: it may go later, or be gone.
        """
        doing = f"deleting topic {name}"

        def request() -> None:
            try:
                self._admin.delete_topics([name], operation_timeout=self._timeout_s, request_timeout=self._timeout_s)[
                    name
                ].result()
            except KafkaException as exception:
                if not is_missing_topic(error_of(exception)):
                    raise

        try:
            self._ask(doing, request)
        except Unreachable as seen:
            raise AmbiguousOutcome(f"{seen} The topic may be gone, or go yet.") from seen
        deadline_s = time.monotonic() + self._timeout_s
        while self.find(name) is not None:
            if time.monotonic() > deadline_s:
                raise AmbiguousOutcome(f"Topic {name!r} was deleted and is still seen after {self._timeout_s:.0f} s.")
            time.sleep(RETRY_EVERY_S)

    def end_offsets(self, topic: str, partitions: Iterable[int], *, committed: bool = False) -> dict[int, int]:
        """High watermarks, read uncommitted unless asked: read committed, they stand still at an open transaction."""
        return self._offsets(topic, partitions, OffsetSpec.latest(), committed=committed)

    def start_offsets(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        return self._offsets(topic, partitions, OffsetSpec.earliest(), committed=False)

    def offsets_at(self, topic: str, partitions: Iterable[int], at_ms: int) -> dict[int, int]:
        """The first offset whose record is not older, in each partition; the end where there is none."""
        partitions = list(partitions)
        if self.built_in:
            raise Refused("The broker that is built into librdkafka cannot look up times.", "Name offsets instead.")
        found = self._offsets(topic, partitions, OffsetSpec.for_timestamp(at_ms), committed=False)
        ends = self.end_offsets(topic, partitions)
        return {partition: offset if offset >= 0 else ends[partition] for partition, offset in found.items()}

    def members(self, group: str) -> list["Member"] | None:
        """The group's members; None where the broker does not tell (the built-in one)."""
        if self.built_in:
            return None
        described = self._ask(
            f"describing group {group}",
            lambda: self._admin.describe_consumer_groups([group], request_timeout=self._timeout_s)[group].result(),
        )
        return [
            Member(
                one.group_instance_id or one.member_id,
                one.host,
                tuple((part.topic, part.partition) for part in one.assignment.topic_partitions)
                if one.assignment
                else (),
            )
            for one in described.members
        ]

    def sees_all_groups(self) -> bool:
        """Does ``groups`` have every group? Without the permission to describe the cluster Kafka leaves those out that
        we may not describe, and says nothing of it. Raises ``KafkaTrouble``."""
        if self.built_in:
            return True
        described = self._ask(
            "describing the cluster",
            lambda: self._admin.describe_cluster(
                include_authorized_operations=True, request_timeout=self._timeout_s
            ).result(),
        )
        return AclOperation.DESCRIBE in (described.authorized_operations or ())

    def groups(self) -> list[str]:
        """All consumer groups that we may see."""
        if self.built_in:
            return []
        listed = self._ask(
            "listing groups", lambda: self._admin.list_consumer_groups(request_timeout=self._timeout_s).result()
        )
        return sorted(one.group_id for one in listed.valid)

    def committed(self, group: str, topic: str, partitions: Iterable[int]) -> dict[int, tuple[int, str | None]]:
        """The group's committed offsets and metadata; partitions without one are left out.

        What an open transaction is about to commit is not waited for: what it holds is not published either.
        """
        asked = [TopicPartition(topic, partition) for partition in partitions]
        doing = f"reading the offsets of group {group}"
        with self._of_group(group, doing) as consumer:
            found = self._ask(doing, lambda: consumer.committed(asked, timeout=self._timeout_s))
        return {one.partition: (one.offset, one.metadata) for one in found if one.offset >= 0}

    def commit(self, group: str, topic: str, offsets: Mapping[int, tuple[int, str]]) -> None:
        """Set an empty group's offsets. Raises ``Refused`` when the group still has members after a session's time.

        A worker that has stopped keeps its place in the group until its session times out (KIP-345), so the broker's
        no is taken for an answer only then.
        """
        wanted = [
            TopicPartition(topic, partition, offset, metadata) for partition, (offset, metadata) in offsets.items()
        ]
        doing = f"setting the offsets of group {group}"
        session_ms = int(self.kafka.get("session.timeout.ms", config.SESSION_TIMEOUT_MS))
        deadline_s = time.monotonic() + session_ms / 1000 + LEAVING_GRACE_S
        with self._of_group(group, doing) as consumer:
            while True:
                error = self._ask(doing, lambda: _commit_error(consumer, wanted))
                if error is None:
                    return
                if error.code() != KafkaError.UNKNOWN_MEMBER_ID:
                    raise trouble(error, doing, self.bootstrap)
                if time.monotonic() > deadline_s:
                    raise Refused(
                        f"Group {group} has members: only an empty group's offsets can be set.",
                        "Stop its workers first, on every machine.",
                    )
                time.sleep(RETRY_EVERY_S)

    @contextmanager
    def _of_group(self, group: str, doing: str) -> Iterator[Consumer]:
        """A consumer that never joins its group.

        Not the admin client: while a coordinator loads or moves, librdkafka 2.16's ListConsumerGroupOffsets reaches for
        the consumer group of a client that has none, and the process dies of a segmentation fault.
        """
        consumer = Consumer(config.offsets_of(self.kafka, group))
        try:
            yield consumer
        except Unreachable:
            # Where the group's coordinator may not be asked for, the request only times out; why comes with a poll.
            message = consumer.poll(0.1)
            error = None if message is None else message.error()
            if error is None or not is_denied(error):
                raise
            raise trouble(error, doing, self.bootstrap) from None
        finally:
            consumer.close()

    def _offsets(self, topic: str, partitions: Iterable[int], spec: OffsetSpec, *, committed: bool) -> dict[int, int]:
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        asked = {TopicPartition(topic, partition): spec for partition in partitions}
        if not asked:
            return {}

        def request() -> dict[int, int]:
            futures = self._admin.list_offsets(asked, isolation_level=level, request_timeout=self._timeout_s)
            return {one.partition: future.result().offset for one, future in futures.items()}

        return self._ask(f"reading the offsets of topic {topic}", request)

    def _settings(self, name: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, name)
        entries: dict[str, Any] = self._ask(
            f"reading the settings of topic {name}",
            lambda: next(
                iter(self._admin.describe_configs([resource], request_timeout=self._timeout_s).values())
            ).result(),
        )
        return {key: entry.value for key, entry in entries.items() if entry.value is not None}

    def _ask(self, doing: str, request: Callable[[], T]) -> T:
        """A request, again while the cluster says that it is only not ready yet (a coordinator that loads or moves)."""
        deadline_s = time.monotonic() + self._timeout_s
        while True:
            try:
                return request()
            except KafkaException as exception:
                error = error_of(exception)
                if error.code() not in NOT_READY | _STALE_LEADER or time.monotonic() > deadline_s:
                    raise trouble(error, doing, self.bootstrap) from exception
                if error.code() in _STALE_LEADER:
                    self._admin = AdminClient(config.admin(self.kafka))
                time.sleep(RETRY_EVERY_S)


def _commit_error(consumer: Consumer, wanted: list[TopicPartition]) -> KafkaError | None:
    """What stands against setting these offsets; a group with members is an answer, other errors are raised."""
    try:
        done = consumer.commit(offsets=wanted, asynchronous=False)
    except KafkaException as exception:
        if error_of(exception).code() == KafkaError.UNKNOWN_MEMBER_ID:
            return error_of(exception)
        raise
    return next((one.error for one in done if one.error is not None), None)


def _uuid_bytes(topic_id: object) -> bytes:
    """Kafka writes a topic id as unpadded URL-safe base64 of its 16 bytes (KIP-516)."""
    return urlsafe_b64decode(f"{topic_id}==")
