"""A compacted topic of one partition as entries by key: read to its end, written, and followed as it changes."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from instar.kafka import config
from instar.kafka.cluster import Cluster
from instar.kafka.errors import AmbiguousOutcome, KafkaTrouble, NotAllowed, error_of, trouble
from instar.kafka.scan import scan

WRITE_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 3.0  # a thread may be waiting for a cluster that is away
LOOK_AGAIN_S = 2.0  # how often to look whether a topic that is not there has been made
_POLL_S = 0.2
SETTINGS: Mapping[str, str] = {
    "cleanup.policy": "compact",
    "retention.ms": "-1",
    "message.timestamp.type": "CreateTime",
    # Entries are few and everybody reads all of them at the start: old ones must not pile up for long.
    "segment.ms": "86400000",
    "min.cleanable.dirty.ratio": "0.1",
}


def ensure(cluster: Cluster, topic: str) -> None:
    """Make the topic where it is not there. Raises ``KafkaTrouble``."""
    if cluster.find(topic) is None:
        cluster.create(topic, 1, SETTINGS)


def read_entries(cluster: Cluster, topic: str) -> dict[str, bytes]:
    """What stands now, committed; nothing where there is no topic. Raises ``KafkaTrouble``."""
    if cluster.find(topic) is None:
        return {}
    starts, ends = cluster.start_offsets(topic, [0]), cluster.end_offsets(topic, [0])
    entries: dict[str, bytes] = {}
    for record in scan(cluster.kafka, topic, starts, ends):
        _take(entries, record.key, record.value)
    return entries


def write_entries(cluster: Cluster, topic: str, entries: Mapping[str, bytes | None]) -> None:
    """Set entries, or with None take them back; returns when all are written. Raises ``KafkaTrouble``."""
    ensure(cluster, topic)
    settings = {name: value for name, value in config.admin(cluster.kafka).items() if name != "message.timeout.ms"}
    producer = Producer(
        {**settings, "acks": "all", "enable.idempotence": True, "message.timeout.ms": int(WRITE_TIMEOUT_S * 1000)}
    )
    failures: list[KafkaError] = []
    try:
        for name, value in entries.items():
            producer.produce(
                topic,
                key=name.encode(),
                value=value,
                partition=0,
                on_delivery=lambda error, _: failures.append(error) if error is not None else None,
            )
        left = producer.flush(WRITE_TIMEOUT_S + 5)
    except KafkaException as exception:
        raise trouble(error_of(exception), f"writing to {topic}", cluster.bootstrap) from exception
    finally:
        producer.close()
    if failures or left:
        error = failures[0] if failures else KafkaError(KafkaError._TIMED_OUT)  # noqa: SLF001
        raise trouble(error, f"writing to {topic}", cluster.bootstrap)


class EntriesFollower:
    """Keeps what is made of a topic's committed entries up to date, in a thread of its own.

    ``seen`` is called in that thread with all entries by key whenever they may have changed. A cluster that is away or
    a topic that is not there yet changes nothing about them; both are looked for again. ``troubled`` is told why, as
    often as that fails. With ``confirm_every_s`` the broker is asked that often whether there is more, see
    ``confirmed_s``.
    """

    def __init__(
        self,
        kafka: Mapping[str, Any],
        topic: str,
        seen: Callable[[Mapping[str, bytes]], None],
        *,
        troubled: Callable[[KafkaTrouble], None] = lambda _: None,
        confirm_every_s: float | None = None,
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._take_seen = seen
        self._troubled = troubled
        self._confirm_every_s = confirm_every_s
        self._confirmed_s = -float("inf")
        self._changed = threading.Condition()
        self._next = -1  # the offset up to which everything was seen; -1 before the topic was found
        self._closed = threading.Event()
        self._cluster = Cluster(kafka)
        self._thread = threading.Thread(target=self._run, name=f"following {topic}", daemon=True)
        self._thread.start()

    @property
    def confirmed_s(self) -> float:
        """The last moment (``time.monotonic``) of which it is known that all that was committed by then was seen."""
        return self._confirmed_s

    def catch_up(self, timeout_s: float) -> None:
        """Return when everything that was written before this call was seen.

        Raises ``AmbiguousOutcome`` when that takes too long, ``NotAllowed`` where the topic may not be read.
        """
        asked_s = time.monotonic()
        try:
            if self._cluster.find(self._topic) is None:
                return
            end = self._cluster.end_offsets(self._topic, [0])[0]
        except NotAllowed:
            raise
        except KafkaTrouble as problem:
            raise AmbiguousOutcome(f"reading {self._topic}: {problem}") from problem
        with self._changed:
            if not self._changed.wait_for(lambda: self._next >= end or self._closed.is_set(), timeout_s):
                raise AmbiguousOutcome(f"{self._topic} was not read up to its end in {timeout_s:.0f} s")
            if self._next >= end:
                self._confirmed_s = max(self._confirmed_s, asked_s)

    def close(self) -> None:
        self._closed.set()
        self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                if self._cluster.find(self._topic) is not None:
                    start = self._cluster.start_offsets(self._topic, [0])[0]
                    self._follow(start, self._cluster.end_offsets(self._topic, [0])[0])
            except KafkaTrouble as problem:
                self._troubled(problem)
            except KafkaException as exception:
                self._troubled(trouble(error_of(exception), f"reading {self._topic}"))
            self._closed.wait(LOOK_AGAIN_S)

    def _follow(self, start: int, end: int) -> None:
        """Follow the topic until closed, or until it must be looked for anew.

        Up to ``end`` what stood before still holds: who is held back must not run while its order is read again.
        """
        consumer = Consumer(config.reader(self._kafka))
        try:
            consumer.assign([TopicPartition(self._topic, 0, start)])
            entries: dict[str, bytes] = {}

            def seen(offset: int) -> None:
                if offset >= end:
                    self._seen(offset, entries)

            seen(start)
            asked_s = -float("inf")
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
                        raise trouble(error, f"reading {self._topic}")
                if self._confirm_every_s is not None and time.monotonic() - asked_s >= self._confirm_every_s:
                    asked_s = self._confirm()
        finally:
            consumer.close()

    def _confirm(self) -> float:
        """Ask where what is committed ends: whoever stands there has seen it all. When it was asked."""
        asked_s = time.monotonic()
        end = self._cluster.end_offsets(self._topic, [0], committed=True)[0]
        if self._next >= end:
            self._confirmed_s = asked_s
        return asked_s

    def _seen(self, offset: int, entries: Mapping[str, bytes]) -> None:
        with self._changed:
            self._take_seen(entries)
            self._next = offset
            self._changed.notify_all()


def _take(entries: dict[str, bytes], key: bytes | None, value: bytes | None) -> None:
    name = (key or b"").decode("utf-8", "replace")
    if value is None:
        entries.pop(name, None)
    else:
        entries[name] = value
