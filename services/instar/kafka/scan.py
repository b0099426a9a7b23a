"""Reading partitions by hand, outside any group: for verification, recovery, ``tail`` and ``record show``."""

import time
from collections.abc import Generator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from instar.core.record import TIMESTAMP_NONE_MS, Record
from instar.kafka import config
from instar.kafka.errors import KafkaTrouble, error_of, trouble

SILENCE_TIMEOUT_S = 60.0  # longer than a transaction's timeout: an open one holds the end back for as long
# consume() waits this long for a full batch, so a short partition costs it once or twice.
_POLL_S = 0.05


def to_record(message: Any) -> Record:
    """A consumed message as a record. (The client types every part as optional, for its error events.)

    Raises ``KafkaTrouble`` for a message whose headers the client cannot give: it could not be copied, nor kept.
    """
    kind, timestamp_ms = message.timestamp()
    try:
        headers = message.headers()
    except (SystemError, UnicodeDecodeError) as error:  # the client reads headers' names as UTF-8, and only here
        raise KafkaTrouble(
            f"{message.topic()} partition {message.partition()} offset {message.offset()} has a header whose name is "
            "not UTF-8, so the Kafka client cannot read its headers.",
            "To go on without this record, stop what reads the topic and set its group's offset of that partition to "
            f"{message.offset() + 1}.",
        ) from error
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        tuple(headers) if headers else (),
        timestamp_ms if kind else TIMESTAMP_NONE_MS,
    )


def scan(
    kafka: Mapping[str, Any],
    topic: str,
    starts: Mapping[int, int],
    bounds: Mapping[int, int],
    *,
    committed: bool = True,
    batch_records: int = 5_000,
    silence_timeout_s: float = SILENCE_TIMEOUT_S,
) -> Generator[Record, None, None]:
    """Every record of the partitions in ``starts`` from that offset on and below the partition's bound.

    In the order of offsets within a partition; partitions interleave. A partition is done when its bound is reached
    or its end is seen at or past it, since markers and compaction leave no record right below the bound. Raises
    ``KafkaTrouble`` when nothing arrives for ``silence_timeout_s``: most often an open transaction holds the end.
    """
    todo = {partition for partition, start in starts.items() if start < bounds[partition]}
    if not todo:
        return
    consumer = Consumer(config.reader(kafka, committed=committed))
    try:
        consumer.assign([TopicPartition(topic, partition, starts[partition]) for partition in todo])
        last_heard_s = time.monotonic()
        while todo:
            messages: list[Any] = consumer.consume(batch_records, _POLL_S)
            if messages:
                last_heard_s = time.monotonic()
            elif time.monotonic() - last_heard_s >= silence_timeout_s:
                raise trouble(
                    KafkaError(KafkaError._TIMED_OUT),  # noqa: SLF001
                    f"reading {topic} up to the offsets {bounds} (does an open transaction hold the end?)",
                )
            for message in messages:
                error = message.error()
                partition, offset = message.partition(), message.offset()
                if error is None:
                    if offset < bounds[partition]:
                        yield to_record(message)
                    if offset >= bounds[partition] - 1:
                        todo.discard(partition)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    if offset >= bounds[partition]:
                        todo.discard(partition)
                else:
                    raise trouble(error, f"reading {topic}")
    except KafkaException as exception:
        raise trouble(error_of(exception), f"reading {topic}") from exception
    finally:
        consumer.close()
