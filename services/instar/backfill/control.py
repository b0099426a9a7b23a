"""The control topic, read and written: what operators ask for reaches workers on any machine through it."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from instar.core.control import TOPIC, Orders
from instar.kafka import config
from instar.kafka.cluster import Cluster
from instar.kafka.errors import AmbiguousOutcome, KafkaTrouble, NotAllowed, error_of, trouble
from instar.kafka.scan import scan

log = structlog.get_logger(__name__)

WRITE_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 3.0  # a thread may be waiting for a cluster that is away
_POLL_S = 0.2
_LOOK_AGAIN_S = 2.0  # how often to look whether a topic that is not there has been made
_SETTINGS = {
    "cleanup.policy": "compact",
    "retention.ms": "-1",
    "message.timestamp.type": "CreateTime",
    # Entries are few and everybody reads all of them at the start: old ones must not pile up for long.
    "segment.ms": "86400000",
    "min.cleanable.dirty.ratio": "0.1",
}


class Control:
    """The topic as an operator's command uses it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def ensure(self) -> None:
        """Make the topic where it is not there. Raises ``KafkaTrouble``."""
        if self._cluster.find(TOPIC) is None:
            self._cluster.create(TOPIC, 1, _SETTINGS)

    def orders(self, migration: str, direction: str) -> Orders:
        """What stands now. Raises ``KafkaTrouble``."""
        if self._cluster.find(TOPIC) is None:
            return Orders()
        starts, ends = self._cluster.start_offsets(TOPIC, [0]), self._cluster.end_offsets(TOPIC, [0])
        entries: dict[str, bytes] = {}
        for record in scan(self._cluster.kafka, TOPIC, starts, ends, committed=False):
            _take(entries, record.key, record.value)
        return Orders.of(migration, direction, entries)

    def write(self, entries: Mapping[str, bytes | None]) -> None:
        """Set entries, or with None take them back; returns when all are written. Raises ``KafkaTrouble``."""
        self.ensure()
        settings = {
            name: value for name, value in config.admin(self._cluster.kafka).items() if name != "message.timeout.ms"
        }
        producer = Producer(
            {**settings, "acks": "all", "enable.idempotence": True, "message.timeout.ms": int(WRITE_TIMEOUT_S * 1000)}
        )
        failures: list[KafkaError] = []
        try:
            for name, value in entries.items():
                producer.produce(
                    TOPIC,
                    key=name.encode(),
                    value=value,
                    partition=0,
                    on_delivery=lambda error, _: failures.append(error) if error is not None else None,
                )
            left = producer.flush(WRITE_TIMEOUT_S + 5)
        except KafkaException as exception:
            raise trouble(error_of(exception), f"writing to {TOPIC}", self._cluster.bootstrap) from exception
        finally:
            producer.close()
        if failures or left:
            error = failures[0] if failures else KafkaError(KafkaError._TIMED_OUT)  # noqa: SLF001
            raise trouble(error, f"writing to {TOPIC}", self._cluster.bootstrap)


class Follower:
    """Keeps the orders of one migration and direction up to date, in a thread of its own.

    ``orders`` may be read at any time. A cluster that is away or a topic that is not there yet changes nothing about
    them; both are looked for again.
    """

    def __init__(self, kafka: Mapping[str, Any], migration: str, direction: str) -> None:
        self._kafka = kafka
        self._name = migration, direction
        self._changed = threading.Condition()
        self._next = -1  # the offset up to which everything was seen; -1 before the topic was found
        self._closed = threading.Event()
        self._cluster = Cluster(kafka)
        self.orders = Orders()
        self._thread = threading.Thread(target=self._run, name="instar control", daemon=True)
        self._thread.start()

    def catch_up(self, timeout_s: float) -> None:
        """Return when everything that was written before this call is in ``orders``.

        Raises ``AmbiguousOutcome`` when that takes too long. Somebody who may not read the topic has no orders.
        """
        try:
            if self._cluster.find(TOPIC) is None:
                return
            end = self._cluster.end_offsets(TOPIC, [0])[0]
        except NotAllowed as denied:
            log.warning("the control topic cannot be read; pause and rate do not reach this worker", why=str(denied))
            return
        except KafkaTrouble as problem:
            raise AmbiguousOutcome(f"reading {TOPIC}: {problem}") from problem
        with self._changed:
            if not self._changed.wait_for(lambda: self._next >= end or self._closed.is_set(), timeout_s):
                raise AmbiguousOutcome(f"{TOPIC} was not read up to its end in {timeout_s:.0f} s")

    def close(self) -> None:
        self._closed.set()
        self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                if self._cluster.find(TOPIC) is not None:
                    start, end = self._cluster.start_offsets(TOPIC, [0])[0], self._cluster.end_offsets(TOPIC, [0])[0]
                    self._follow(start, end)
            except NotAllowed as denied:
                log.warning("the control topic cannot be read", why=str(denied))
                return
            except KafkaTrouble as problem:
                log.info("the control topic is out of reach", why=str(problem))
            except KafkaException as exception:
                log.info("the control topic is out of reach", why=error_of(exception).str())
            self._closed.wait(_LOOK_AGAIN_S)

    def _follow(self, start: int, end: int) -> None:
        """Follow the topic until closed, or until it must be looked for anew.

        Up to ``end`` what stood before still holds: a worker that is held back must not run while its order is read
        again.
        """
        consumer = Consumer(config.reader(self._kafka, committed=False))
        try:
            consumer.assign([TopicPartition(TOPIC, 0, start)])
            entries: dict[str, bytes] = {}

            def seen(offset: int) -> None:
                if offset >= end:
                    self._seen(offset, entries)

            seen(start)
            while not self._closed.is_set():
                messages: list[Any] = consumer.consume(500, _POLL_S)
                for message in messages:
                    error = message.error()
                    if error is None:
                        _take(entries, message.key(), message.value())
                        seen(message.offset() + 1)
                    elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                        seen(message.offset())
                    elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
                        raise trouble(error, f"reading {TOPIC}")
        finally:
            consumer.close()

    def _seen(self, offset: int, entries: Mapping[str, bytes]) -> None:
        with self._changed:
            self.orders = Orders.of(*self._name, entries)
            self._next = offset
            self._changed.notify_all()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _take(entries: dict[str, bytes], key: bytes | None, value: bytes | None) -> None:
    name = (key or b"").decode("utf-8", "replace")
    if value is None:
        entries.pop(name, None)
    else:
        entries[name] = value
