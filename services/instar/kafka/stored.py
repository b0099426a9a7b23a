"""Reading a partition whole, with whose clock each timestamp is of: for copies of a topic."""

from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from instar.core.stored import Stored, TimestampKind
from instar.kafka import config
from instar.kafka.errors import Refused, Unreachable, error_of, is_unreachable, trouble
from instar.kafka.scan import SILENCE_TIMEOUT_S, to_record

_POLL_S = 0.1
_BATCH_RECORDS = 2_000


def read_stored(
    kafka: Mapping[str, Any],
    topic: str,
    partition: int,
    start: int,
    bound: int,
    *,
    silence_timeout_s: float = SILENCE_TIMEOUT_S,
) -> Iterator[Stored]:
    """The committed records from ``start`` on and below ``bound``, in order.

    An open transaction below the bound is waited for. Raises ``Refused`` where retention deleted records while they
    were read, ``Unreachable`` when nothing arrives for the silence timeout, and ``KafkaTrouble``.
    """
    if start >= bound:
        return
    consumer = Consumer(config.reader(kafka))
    try:
        consumer.assign([TopicPartition(topic, partition, start)])
        heard_s = monotonic()
        while True:
            messages: list[Any] = consumer.consume(_BATCH_RECORDS, _POLL_S)
            if messages:
                heard_s = monotonic()
            elif monotonic() - heard_s > silence_timeout_s:
                raise Unreachable(
                    f"Nothing came of partition {partition} of {topic} below offset {bound:,} for "
                    f"{silence_timeout_s:.0f} s.",
                    "Is the cluster well, and does an open transaction hold the end back? `kafka-transactions.sh "
                    "find-hanging` shows one that never ends.",
                )
            for message in messages:
                if _is_end(message, topic, partition):
                    if message.offset() >= bound:
                        return
                    continue
                if message.offset() >= bound:
                    return
                kind, _ = message.timestamp()
                yield Stored(to_record(message), TimestampKind(kind))
                if message.offset() == bound - 1:
                    return
    except KafkaException as exception:
        raise trouble(error_of(exception), f"reading {topic}") from exception
    finally:
        consumer.close()


def _is_end(message: Any, topic: str, partition: int) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
        return True
    if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):  # noqa: SLF001
        raise Refused(
            f"Records of partition {partition} of {topic} were deleted while they were read: {error.str()}.",
            "Raise the topic's retention for as long as it is read, and begin again.",
        )
    if is_unreachable(error):
        raise Unreachable(f"While reading {topic}, no broker answered: {error.str()}.")
    raise trouble(error, f"reading {topic}")
