"""Records from all over a topic: a short stretch here and there, because old versions are at its beginning."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from instar.core.record import Record
from instar.kafka.cluster import Cluster
from instar.kafka.partition_reader import PartitionReader

# So many stretches of a partition, evenly spread from its first record to its last.
STRETCHES = 12


def sample(kafka: Mapping[str, Any], topic: str, limit_records: int) -> Iterator[Record]:
    """At most that many committed records. Raises ``KafkaTrouble``."""
    cluster = Cluster(kafka)
    partitions = range(cluster.topic(topic).partitions)
    firsts = cluster.start_offsets(topic, partitions)
    ends = cluster.end_offsets(topic, partitions, committed=True)
    used = [partition for partition in partitions if firsts[partition] < ends[partition]]
    if not used:
        return
    share = max(1, limit_records // len(used))
    with PartitionReader(kafka, topic) as reader:
        for partition in used:
            for start, bound in stretches(firsts[partition], ends[partition], share):
                yield from islice(reader.read(partition, start, bound), bound - start)


def stretches(first: int, end: int, limit_records: int) -> list[tuple[int, int]]:
    """(start, bound) of each stretch of [first, end), together at most the limit; the ends are always among them."""
    if end - first <= limit_records:
        return [(first, end)]
    count = max(1, min(STRETCHES, limit_records))
    length = limit_records // count
    last = end - length
    if count == 1:
        return [(last, end)]
    starts = [first + (last - first) * index // (count - 1) for index in range(count)]
    return [(start, start + length) for start in starts]
