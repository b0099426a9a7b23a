"""Reading here and there in one topic: many short ranges of partitions through one consumer."""

from collections.abc import Iterator, Mapping
from time import monotonic
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from instar.core.record import Record
from instar.kafka import config
from instar.kafka.errors import Unreachable, error_of, is_unreachable, trouble
from instar.kafka.scan import SILENCE_TIMEOUT_S, to_record

_WAIT_S = 0.1
_BATCH_RECORDS = 2_000


class PartitionReader:
    """Committed records of one topic. A context manager; ``scan`` is for reading whole topics."""

    def __init__(self, kafka: Mapping[str, Any], topic: str, *, silence_timeout_s: float = SILENCE_TIMEOUT_S) -> None:
        # Most ranges end after a few records, so little is fetched ahead.
        self._config = config.reader({"queued.max.messages.kbytes": 8_192, **kafka})
        self._topic = topic
        self._silence_timeout_s = silence_timeout_s
        self._reads = 0

    def __enter__(self) -> Self:
        self._consumer = Consumer(self._config)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def read(self, partition: int, start: int, bound: int) -> Iterator[Record]:
        """The records from ``start`` on and below ``bound``, fetched as they are asked for.

        A read that is begun ends the one before it. Waits for an open transaction below the bound; raises
        ``KafkaTrouble`` when nothing arrives for the silence timeout.
        """
        if start >= bound:
            return
        self._reads += 1
        number = self._reads
        try:
            self._consumer.assign([TopicPartition(self._topic, partition, start)])
            heard_s = monotonic()
            while True:
                messages = self._next()
                if messages:
                    heard_s = monotonic()
                elif monotonic() - heard_s > self._silence_timeout_s:
                    raise self._silent(partition, bound)
                for message in messages:
                    offset = message.offset()
                    if self._is_end(message):
                        if offset >= bound:
                            return
                        continue
                    if offset >= bound:
                        return
                    yield to_record(message)
                    if number != self._reads:
                        raise RuntimeError("a read went on after another was begun on the same reader")
                    if offset == bound - 1:
                        return
        except KafkaException as exception:
            raise trouble(error_of(exception), f"reading {self._topic}") from exception

    def _next(self) -> list[Any]:
        """What has arrived; waits for the first only, since ``consume`` otherwise waits for a full batch."""
        first: list[Any] = self._consumer.consume(1, _WAIT_S)
        return first + self._consumer.consume(_BATCH_RECORDS, 0) if first else first

    def _is_end(self, message: Any) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            return True
        if is_unreachable(error):
            raise Unreachable(f"While reading {self._topic}, no broker answered: {error.str()}.")
        raise trouble(error, f"reading {self._topic}")

    def _silent(self, partition: int, bound: int) -> Exception:
        return trouble(
            KafkaError(KafkaError._TIMED_OUT),  # noqa: SLF001
            f"reading partition {partition} of {self._topic} up to offset {bound} "
            "(does an open transaction hold the end?)",
        )
