"""A few records of a topic's partition, from a place on."""

from collections.abc import Callable
from dataclasses import dataclass

from instar.core.record import Record
from instar.kafka.cluster import Cluster
from instar.kafka.partition_reader import PartitionReader
from instar.operations.failure import USAGE, NotThere
from instar.operations.scope import existing_topic

LOOK_LIMIT_RECORDS = 20_000  # how many are looked at for those that fit
_SILENCE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Window:
    """Committed records in the order of their offsets; ``next`` is where to go on, None at the end."""

    records: tuple[Record, ...]
    start: int
    end: int
    next: int | None


def browse(
    cluster: Cluster,
    topic: str,
    partition: int,
    *,
    offset: int | None,
    at_ms: int | None,
    limit: int,
    fits: Callable[[Record], bool] = lambda _: True,
) -> Window:
    """Records from an offset or a time on; without either, the last ones. What is not committed is not shown.

    Raises ``Failure`` where there is no such partition, and ``KafkaTrouble``.
    """
    partitions = existing_topic(cluster, topic).partitions
    if partition >= partitions:
        has = f"It has {partitions}, from 0 to {partitions - 1}."
        raise NotThere(f"{topic} has no partition {partition}.", has, USAGE)
    start = cluster.start_offsets(topic, [partition])[partition]
    end = cluster.end_offsets(topic, [partition], committed=True)[partition]
    if offset is not None:
        begin = offset
    elif at_ms is not None:
        begin = cluster.offsets_at(topic, [partition], at_ms)[partition]
    else:
        begin = end - limit
    begin = max(begin, start)
    found: list[Record] = []
    looked = 0
    following: int | None = None
    with PartitionReader(cluster.kafka, topic, silence_timeout_s=_SILENCE_TIMEOUT_S) as reader:
        for record in reader.read(partition, begin, end):
            if len(found) == limit or looked == LOOK_LIMIT_RECORDS:
                following = record.offset
                break
            looked += 1
            if fits(record):
                found.append(record)
    return Window(tuple(found), start, end, following)
