"""The cluster as an operator sees it: topics with their ids and limits, watermarks, a group's offsets.

Every method translates librdkafka's errors to ``KafkaTrouble`` once, here.
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from instar.core.provenance import NO_TOPIC_ID
from instar.kafka import config
from instar.kafka.errors import TopicMissing, error_of, is_missing_topic, trouble

REQUEST_TIMEOUT_S = 15.0
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
        # The broker inside librdkafka has no topic ids, no settings, and does not store transactional offsets.
        self.built_in = bool(cluster_id) and str(cluster_id).startswith("mockCluster")

    def topics(self) -> list[str]:
        try:
            return sorted(self._admin.list_topics(timeout=self._timeout_s).topics)
        except KafkaException as exception:
            raise trouble(error_of(exception), "listing topics", self.bootstrap) from exception

    def find(self, name: str) -> Topic | None:
        """The topic, or None when it does not exist. Raises ``KafkaTrouble``."""
        if self.built_in:
            return self._find_built_in(name)
        futures = self._admin.describe_topics(TopicCollection([name]), request_timeout=self._timeout_s)
        try:
            described = futures[name].result()
        except KafkaException as exception:
            if is_missing_topic(error_of(exception)):
                return None
            raise trouble(error_of(exception), f"describing topic {name}", self.bootstrap) from exception
        return Topic(name, _uuid_bytes(described.topic_id), len(described.partitions), self._settings(name))

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
        if self.built_in:  # It makes a topic when it is asked about one, always with four partitions.
            self._admin.list_topics(name, timeout=self._timeout_s)
            return
        topic = NewTopic(name, partitions, replication_factor, config=dict(settings))
        futures = self._admin.create_topics([topic], request_timeout=self._timeout_s)
        try:
            futures[name].result()
        except KafkaException as exception:
            if error_of(exception).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise trouble(error_of(exception), f"creating topic {name}", self.bootstrap) from exception

    def end_offsets(self, topic: str, partitions: Iterable[int], *, committed: bool = False) -> dict[int, int]:
        """High watermarks, read uncommitted unless asked: read committed, they stand still at an open transaction."""
        return self._offsets(topic, partitions, OffsetSpec.latest(), committed=committed)

    def start_offsets(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        return self._offsets(topic, partitions, OffsetSpec.earliest(), committed=False)

    def committed(self, group: str, topic: str, partitions: Sequence[int]) -> dict[int, tuple[int, str | None]]:
        """The group's committed offsets and metadata; partitions without one are left out."""
        asked = [TopicPartition(topic, partition) for partition in partitions]
        try:
            futures = self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group, asked)],
                require_stable=not self.built_in,
                request_timeout=self._timeout_s,
            )
            found = futures[group].result().topic_partitions
        except KafkaException as exception:
            raise trouble(error_of(exception), f"reading the offsets of group {group}", self.bootstrap) from exception
        return {one.partition: (one.offset, one.metadata) for one in found if one.offset >= 0}

    def commit(self, group: str, topic: str, offsets: Mapping[int, tuple[int, str]]) -> None:
        """Set an empty group's offsets. The broker refuses while the group has members."""
        wanted = [
            TopicPartition(topic, partition, offset, metadata) for partition, (offset, metadata) in offsets.items()
        ]
        try:
            futures = self._admin.alter_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group, wanted)], request_timeout=self._timeout_s
            )
            for one in futures[group].result().topic_partitions:
                if one.error is not None:
                    raise trouble(one.error, f"setting the offsets of group {group}", self.bootstrap)
        except KafkaException as exception:
            raise trouble(error_of(exception), f"setting the offsets of group {group}", self.bootstrap) from exception

    def _offsets(self, topic: str, partitions: Iterable[int], spec: OffsetSpec, *, committed: bool) -> dict[int, int]:
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        try:
            futures = self._admin.list_offsets(
                {TopicPartition(topic, partition): spec for partition in partitions},
                isolation_level=level,
                request_timeout=self._timeout_s,
            )
            return {asked.partition: future.result().offset for asked, future in futures.items()}
        except KafkaException as exception:
            raise trouble(error_of(exception), f"reading the offsets of topic {topic}", self.bootstrap) from exception

    def _settings(self, name: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, name)
        futures = self._admin.describe_configs([resource], request_timeout=self._timeout_s)
        try:
            entries = next(iter(futures.values())).result()
        except KafkaException as exception:
            raise trouble(error_of(exception), f"reading the settings of topic {name}", self.bootstrap) from exception
        return {key: entry.value for key, entry in entries.items() if entry.value is not None}

    def _find_built_in(self, name: str) -> Topic | None:
        try:
            found = self._admin.list_topics(timeout=self._timeout_s).topics.get(name)
        except KafkaException as exception:
            raise trouble(error_of(exception), f"describing topic {name}", self.bootstrap) from exception
        return None if found is None else Topic(name, NO_TOPIC_ID, len(found.partitions))


def _uuid_bytes(topic_id: object) -> bytes:
    """Kafka writes a topic id as unpadded URL-safe base64 of its 16 bytes (KIP-516)."""
    return urlsafe_b64decode(f"{topic_id}==")
