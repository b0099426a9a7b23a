"""A topic as any program reads it: the plain client, and none of instar's code."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

SILENCE_S = 60.0


class Seen(NamedTuple):
    """One record. ``headers`` are a list of pairs, or None where there is none; ``timestamp`` is kind and ms."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Any
    timestamp: tuple[int, int]

    @property
    def content(self) -> tuple[Any, ...]:
        return self[1:]


def read_topic(kafka: Mapping[str, Any], topic: str, partitions: int) -> dict[int, list[Seen]]:
    """Every committed record of each partition, in order, up to the partition's end."""
    consumer = Consumer(
        {
            **kafka,
            "group.id": "somebody",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "log_level": 0,
        }
    )
    found: dict[int, list[Seen]] = {partition: [] for partition in range(partitions)}
    open_ = set(found)
    try:
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in found])
        while open_:
            message = consumer.poll(SILENCE_S)
            assert message is not None, f"nothing came of {topic} {open_} in {SILENCE_S:.0f} s"
            error = message.error()
            if error is None:
                found[message.partition()].append(
                    Seen(message.offset(), message.key(), message.value(), message.headers(), message.timestamp())
                )
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                open_.discard(message.partition())
    finally:
        consumer.close()
    return found
