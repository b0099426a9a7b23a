"""The shop's programs: each writes or reads with the client library in a thread of its own, as a team's program would.

All of them make and take records of the version that they know; what a topic holds is the library's concern.
"""

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from random import Random
from typing import Any

from confluent_kafka import Consumer, Message, Producer
from confluent_kafka.serialization import MessageField, SerializationContext

from instar.cli.demonstration.live.project import PRODUCER_HEADER
from instar.cli.demonstration.orders import BREAKS, PARTITIONS, a_broken_order
from instar.client import (
    Closing,
    InstarDeserializer,
    InstarSerializer,
    ManagedConsumer,
    ManagedProducer,
    RecordRejected,
    Way,
)
from instar.core.subject import Subject

REPORT_EVERY_S = 5.0
_TIDE_S = 240.0  # customers come and go: the rates rise and fall by a half in this time
_POLL_S = 0.2
_LOOK_AGAIN_S = 1.0
Make = Callable[[int], tuple[str, dict[str, Any]]]
"""The key and the value, at v1, of the record of that number."""


class Program(threading.Thread, ABC):
    """Works until ``stop`` is set. ``trouble`` is what ended it before."""

    def __init__(self, name: str, stop: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self._stop_it = stop
        self.done = 0  # records
        self.trouble: Exception | None = None

    def run(self) -> None:
        try:
            with self._at_work() as turn:
                while not self._stop_it.is_set():
                    turn()
        except Exception as problem:
            self.trouble = problem

    @abstractmethod
    def _at_work(self) -> AbstractContextManager[Callable[[], None]]:
        """A context that gives one turn of the work, and puts everything away at the end."""


class Writer(Program):
    """Writes ``rate`` records a second on average. ``old`` and ``new``: the two ways of a managed producer."""

    def __init__(
        self,
        name: str,
        stop: threading.Event,
        kafka: dict[str, Any],
        migration: str,
        ways: tuple[tuple[str, InstarSerializer], tuple[str, InstarSerializer]],
        make: Make,
        rate: float,
        owner: str,
    ) -> None:
        super().__init__(name, stop)
        self._kafka, self._migration, self._ways = kafka, migration, ways
        self._make, self._rate, self._owner = make, rate, owner

    @contextmanager
    def _at_work(self) -> Iterator[Callable[[], None]]:
        (old, old_way), (new, new_way) = self._ways
        with ManagedProducer(
            self._kafka,
            self._migration,
            name=self.name,
            old=Way(old, old_way),
            new=Way(new, new_way),
            owner=self._owner,
            wait_s=_LOOK_AGAIN_S,
        ) as producer:

            def turn() -> None:
                key, value = self._make(self.done)
                try:
                    producer.produce(value, key=key.encode(), partition=partition_of(key), headers=signed(self.name))
                    self.done += 1
                except Closing:  # authority moves: this customer is asked to come again
                    return
                self._stop_it.wait(1 / _now(self._rate))

            try:
                yield turn
            finally:
                old_way.close()
                new_way.close()


class PlainWriter(Program):
    """Writes one version to one topic with a plain producer."""

    def __init__(
        self,
        name: str,
        stop: threading.Event,
        kafka: dict[str, Any],
        topic: str,
        serializer: InstarSerializer,
        make: Make,
        rate: float,
    ) -> None:
        super().__init__(name, stop)
        self._kafka, self._topic, self._serializer = kafka, topic, serializer
        self._make, self._rate = make, rate

    @contextmanager
    def _at_work(self) -> Iterator[Callable[[], None]]:
        producer = Producer({**self._kafka, "enable.idempotence": True, "log_level": 2})
        context = SerializationContext(self._topic, MessageField.VALUE, [])

        def turn() -> None:
            key, value = self._make(self.done)
            data = self._serializer(value, context)
            producer.produce(self._topic, data, key, partition=partition_of(key), headers=signed(self.name))
            producer.poll(0)
            self.done += 1
            self._stop_it.wait(1 / _now(self._rate))

        try:
            yield turn
        finally:
            producer.flush(_LOOK_AGAIN_S)
            producer.close()
            self._serializer.close()


class Breaker(Program):
    """Writes something that cannot be carried, now and then."""

    def __init__(
        self,
        name: str,
        stop: threading.Event,
        kafka: dict[str, Any],
        topic: str,
        subject: Subject,
        ids: dict[int, int],
        every_s: float,
    ) -> None:
        super().__init__(name, stop)
        self._kafka, self._topic, self._subject, self._ids, self._every_s = kafka, topic, subject, ids, every_s
        self._random = Random(name)

    @contextmanager
    def _at_work(self) -> Iterator[Callable[[], None]]:
        producer = Producer({**self._kafka, "log_level": 2})

        def turn() -> None:
            if self._stop_it.wait(self._every_s):
                return
            how = BREAKS[self.done % len(BREAKS)]
            value = a_broken_order(self._random, self._subject, self._ids, self.done, how)
            producer.produce(self._topic, value, f"import-{self.done}", partition=0, headers=signed(self.name))
            producer.flush(_LOOK_AGAIN_S)
            self.done += 1

        try:
            yield turn
        finally:
            producer.close()


class Reader(Program):
    """Reads one topic, or with ``managed`` whichever the rollout sends its group to.

    ``rests_s``: it reads all there is and then rests for so long, so that it lags in between.
    """

    def __init__(
        self,
        name: str,
        stop: threading.Event,
        kafka: dict[str, Any],
        group: str,
        topic: str,
        deserializer: InstarDeserializer,
        *,
        managed: tuple[str, str] | None = None,
        rests_s: float = 0.0,
    ) -> None:
        super().__init__(name, stop)
        self._settings = {**kafka, "auto.offset.reset": "earliest", "isolation.level": "read_committed", "log_level": 2}
        self._group, self._topic, self._deserializer = group, topic, deserializer
        self._managed, self._rests_s = managed, rests_s
        self.refused = 0

    @contextmanager
    def _at_work(self) -> Iterator[Callable[[], None]]:
        consumer: ManagedConsumer | Consumer
        if self._managed is not None:
            migration, new = self._managed
            consumer = ManagedConsumer(self._settings, migration, group=self._group, old=self._topic, new=new)
        else:
            # The client's own storing of offsets can skip records: docs/for-programs.md.
            consumer = Consumer({**self._settings, "group.id": self._group, "enable.auto.offset.store": False})
            consumer.subscribe([self._topic])

        def turn() -> None:
            message = consumer.poll(_POLL_S)
            if message is not None and message.error() is None:
                self._take(message)
                if isinstance(consumer, Consumer):
                    consumer.store_offsets(message)
            elif message is None and self._rests_s and self.done:
                self._stop_it.wait(self._rests_s)

        try:
            yield turn
        finally:
            consumer.close()
            self._deserializer.close()

    def _take(self, message: Message) -> None:
        try:
            self._deserializer.read(message)
            self.done += 1
        except RecordRejected:  # what cannot be read is put aside
            self.refused += 1


def signed(name: str) -> list[tuple[str, str | bytes | None]]:
    return [(PRODUCER_HEADER, name.encode())]


def partition_of(key: str) -> int:
    return sum(key.encode()) % PARTITIONS


def _now(rate: float) -> float:
    """The rate at this moment."""
    return rate * (1 + 0.5 * math.sin(2 * math.pi * time.time() / _TIDE_S))
