"""The end of a topic as it grows, outside any group: for who watches, not for who must have every record."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from instar.core.record import Record
from instar.kafka import config
from instar.kafka.errors import error_of, is_unreachable, trouble
from instar.kafka.scan import to_record

_QUEUED_KB = 8_192  # whoever watches sees a few records a second: more need not wait in memory


class LiveReader:
    """Committed records of partitions from ``starts`` on, as they come. A context manager, for one thread.

    A cluster that is away is waited for. Everything raises ``KafkaTrouble`` for what does not pass: a deleted topic, an
    offset that retention took.
    """

    def __init__(self, kafka: Mapping[str, Any], topic: str, starts: Mapping[int, int]) -> None:
        self._config = config.reader({"queued.max.messages.kbytes": _QUEUED_KB, **kafka})
        self._topic = topic
        self._next = dict(starts)

    def __enter__(self) -> Self:
        self._consumer = Consumer(self._config)
        self._assign()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def read(self, limit: int, wait_s: float) -> list[Record]:
        """What has come, at most ``limit`` records; waits for the first only."""
        try:
            messages: list[Any] = self._consumer.consume(1, wait_s)
            if messages and limit > 1:
                messages += self._consumer.consume(limit - 1, 0)
        except KafkaException as exception:
            raise trouble(error_of(exception), f"reading {self._topic}") from exception
        return [record for record in map(self._record, messages) if record is not None]

    def behind(self) -> int:
        """How many offsets there are past what was read, as the last answers of the brokers had it."""
        return sum(end - self._next[partition] for partition, end in self._ends().items())

    def skip(self) -> int:
        """Go on at the present ends; how many offsets are passed over."""
        passed = self.behind()
        self._next |= self._ends()
        self._assign()
        return passed

    def _ends(self) -> dict[int, int]:
        """Where partitions end that are not read to their end."""
        ends: dict[int, int] = {}
        for partition, offset in self._next.items():
            marks = self._consumer.get_watermark_offsets(TopicPartition(self._topic, partition), cached=True)
            if marks[1] > offset:
                ends[partition] = marks[1]
        return ends

    def _assign(self) -> None:
        try:
            self._consumer.assign([TopicPartition(self._topic, *place) for place in self._next.items()])
        except KafkaException as exception:
            raise trouble(error_of(exception), f"reading {self._topic}") from exception

    def _record(self, message: Any) -> Record | None:
        error = message.error()
        if error is None:
            self._next[message.partition()] = message.offset() + 1
            return to_record(message)
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            self._next[message.partition()] = max(self._next[message.partition()], message.offset())
        elif not is_unreachable(error):
            raise trouble(error, f"reading {self._topic}")
        return None
