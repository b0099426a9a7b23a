"""Records from all over a topic: a short stretch here and there, because old versions are at its beginning."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from instar.core.record import Record
from instar.kafka.cluster import Cluster
from instar.kafka.partition_reader import PartitionReader

# So many stretches of a partition, evenly spread from its first record to its last.
STRETCHES = 12


def extent(cluster: Cluster, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    """The first offset and the end of what is committed, of each partition. Raises ``KafkaTrouble``."""
    partitions = range(cluster.topic(topic).partitions)
    return cluster.start_offsets(topic, partitions), cluster.end_offsets(topic, partitions, committed=True)


def sample(
    kafka: Mapping[str, Any],
    topic: str,
    limit_records: int,
    *,
    most_stretches: int = STRETCHES,
    within: tuple[Mapping[int, int], Mapping[int, int]] | None = None,
) -> Iterator[Record]:
    """At most that many committed records of the extent ``within``. Raises ``KafkaTrouble``."""
    firsts, ends = within or extent(Cluster(kafka), topic)
    used = [partition for partition in firsts if firsts[partition] < ends[partition]]
    if not used:
        return
    share = max(1, limit_records // len(used))
    with PartitionReader(kafka, topic) as reader:
        for partition in used:
            for start, bound in stretches(firsts[partition], ends[partition], share, most_stretches):
                yield from islice(reader.read(partition, start, bound), bound - start)


def stretches(first: int, end: int, limit_records: int, most: int = STRETCHES) -> list[tuple[int, int]]:
    """(start, bound) of each stretch of [first, end), together at most the limit; the ends are always among them."""
    if end - first <= limit_records:
        return [(first, end)]
    count = max(1, min(most, limit_records))
    length = limit_records // count
    last = end - length
    if count == 1:
        return [(last, end)]
    starts = [first + (last - first) * index // (count - 1) for index in range(count)]
    return [(start, start + length) for start in starts]
