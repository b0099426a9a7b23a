"""What a client and a cluster can do and may do: for ``instar doctor``, so it asks, and changes nothing."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from instar.kafka import config
from instar.kafka.errors import error_of, trouble

T = TypeVar("T")

TIMEOUT_S = 10.0
_RETRY_EVERY_S = 0.1
_FEATURES = re.compile(r"builtin\.features ([a-z0-9_,]+)")
_API = re.compile(r"ApiKey \S+ \((\d+)\) Versions (\d+)\.\.(\d+)")

# Requests, by key and version, that a release of Kafka was the first to offer (Kafka's protocol guide and its
# clients/src/main/resources/common/message/*Request.json). The newest come first.
_RELEASES = (
    (0, 13, "4.1"),  # Produce by topic id (KIP-516)
    (26, 5, "4.0"),  # EndTxn of the second transaction protocol (KIP-890)
    (80, 0, "3.9"),  # AddRaftVoter (KIP-853)
    (75, 0, "3.8"),  # DescribeTopicPartitions (KIP-966)
    (74, 0, "3.7"),  # ListClientMetricsResources (KIP-714)
    (65, 0, "3.0"),  # DescribeTransactions (KIP-664)
    (60, 0, "2.8"),  # DescribeCluster (KIP-700)
    (22, 0, "0.11"),  # InitProducerId (KIP-98)
)
INIT_PRODUCER_ID = 22
OFFSET_FETCH = 9
STABLE_OFFSET_FETCH = 7  # the version that can wait for pending transactions (KIP-447)


@dataclass(frozen=True, slots=True)
class Client:
    """The Kafka client in this Python. ``features`` are what its librdkafka was built with."""

    confluent_kafka: str
    librdkafka: str
    features: frozenset[str]


@dataclass(frozen=True, slots=True)
class Broker:
    """What a cluster answered. ``apis`` are the highest version of each request, by key; ``settings`` one broker's.

    ``settings`` and ``operations`` are None where the cluster does not tell, ``refused`` then says why.
    """

    cluster_id: str
    brokers: int
    apis: Mapping[int, int]
    settings: Mapping[str, str] | None = None
    operations: frozenset[str] | None = None
    refused: str = field(default="")

    @property
    def release(self) -> str | None:
        """The oldest release of Kafka that offers what this broker does; None for one that predates transactions."""
        return next((release for key, version, release in _RELEASES if self.apis.get(key, -1) >= version), None)

    @property
    def has_authorizer(self) -> bool:
        """False only where the broker says so."""
        return self.settings is None or bool(self.settings.get("authorizer.class.name"))


class _Lines(logging.Handler):
    """The client's log, kept: librdkafka tells its features and the broker's requests nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


class Inspection:
    """Asks one cluster. Raises ``KafkaTrouble`` at its making when no broker answers."""

    def __init__(self, kafka: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> None:
        self._bootstrap = str(kafka.get("bootstrap.servers", ""))
        self._timeout_s = timeout_s
        self._log = _Lines()
        self._admin = AdminClient(
            {**config.admin(kafka), "debug": "feature", "log_level": 7}, logger=_logger(self._log)
        )
        self._metadata = self._ask("connecting", lambda: self._admin.list_topics(timeout=timeout_s))

    def broker(self) -> Broker:
        self._admin.poll(0)  # the client's log is handed over here
        cluster_id = str(self._metadata.cluster_id)
        apis = {int(key): int(highest) for line in self._log.said for key, _, highest in _API.findall(line)}
        broker = Broker(cluster_id, len(self._metadata.brokers), apis)
        if cluster_id.startswith("mockCluster"):  # it knows no settings and no permissions
            return broker
        settings: dict[str, str] | None
        refused = ""
        try:
            settings = self._settings(next(iter(self._metadata.brokers)))
        except KafkaException as exception:
            settings, refused = None, error_of(exception).str()
        described = self._ask(
            "describing the cluster",
            lambda: self._admin.describe_cluster(
                include_authorized_operations=True, request_timeout=self._timeout_s
            ).result(),
        )
        return Broker(cluster_id, broker.brokers, apis, settings, _names(described.authorized_operations), refused)

    def topic_operations(self, topic: str) -> frozenset[str]:
        """What we may do with a topic that exists: ``READ``, ``WRITE``, ... Raises ``KafkaTrouble``."""
        described = self._ask(
            f"describing topic {topic}",
            lambda: self._admin.describe_topics(
                TopicCollection([topic]), include_authorized_operations=True, request_timeout=self._timeout_s
            )[topic].result(),
        )
        return _names(described.authorized_operations)

    def group_operations(self, group: str) -> frozenset[str]:
        """What we may do with a consumer group, which need not exist. Raises ``KafkaTrouble``."""
        described = self._ask(
            f"describing group {group}",
            lambda: self._admin.describe_consumer_groups(
                [group], include_authorized_operations=True, request_timeout=self._timeout_s
            )[group].result(),
        )
        return _names(described.authorized_operations)

    def _settings(self, broker_id: int) -> dict[str, str]:
        resource = ConfigResource(ResourceType.BROKER, str(broker_id))
        found = self._admin.describe_configs([resource], request_timeout=self._timeout_s)
        entries: dict[str, Any] = next(iter(found.values())).result()
        return {name: entry.value for name, entry in entries.items() if entry.value is not None}

    def _ask(self, doing: str, request: Callable[[], T]) -> T:
        """A request, again while a coordinator is only being found: right after a start none is there yet."""
        deadline_s = time.monotonic() + self._timeout_s
        while True:
            try:
                return request()
            except KafkaException as exception:
                error = error_of(exception)
                coordinating = error.code() in (
                    KafkaError.NOT_COORDINATOR,
                    KafkaError.COORDINATOR_NOT_AVAILABLE,
                    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
                )
                if not coordinating or time.monotonic() > deadline_s:
                    raise trouble(error, doing, self._bootstrap) from exception
                time.sleep(_RETRY_EVERY_S)


def client() -> Client:
    """Needs no cluster."""
    log = _Lines()
    admin = AdminClient({"debug": "generic,feature", "log_level": 7}, logger=_logger(log))
    admin.poll(0)
    features = {name for line in log.said for found in _FEATURES.findall(line) for name in found.split(",") if name}
    return Client(str(confluent_kafka.__version__), str(confluent_kafka.libversion()[0]), frozenset(features))


def _logger(handler: logging.Handler) -> logging.Logger:
    """Of its own, so that nothing of it reaches anybody else's log."""
    logger = logging.Logger("instar.kafka.inspection", logging.DEBUG)
    logger.addHandler(handler)
    return logger


def _names(operations: Any) -> frozenset[str]:
    return frozenset(each.name for each in operations or ())
