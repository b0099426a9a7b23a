"""Reading partitions by hand with no end: for ``tail --follow``."""

from collections.abc import Iterator, Mapping
from threading import Event
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from instar.core.record import Record
from instar.kafka import config
from instar.kafka.errors import error_of, is_unreachable, trouble
from instar.kafka.scan import to_record

_POLL_S = 0.5  # how long a signal may go unnoticed


def follow(kafka: Mapping[str, Any], topic: str, starts: Mapping[int, int], stop: Event) -> Iterator[Record]:
    """Every committed record from the given offsets on, as it comes, until ``stop`` is set.

    A cluster that is away is waited for. Raises ``KafkaTrouble`` for anything else: a deleted topic, an offset that
    retention took.
    """
    consumer = Consumer(config.reader(kafka))
    try:
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])
        while not stop.is_set():
            messages: list[Any] = consumer.consume(1_000, _POLL_S)
            for message in messages:
                error = message.error()
                if error is None:
                    yield to_record(message)
                elif error.code() != KafkaError._PARTITION_EOF and not is_unreachable(error):  # noqa: SLF001
                    raise trouble(error, f"reading {topic}")
    except KafkaException as exception:
        raise trouble(error_of(exception), f"reading {topic}") from exception
    finally:
        consumer.close()
