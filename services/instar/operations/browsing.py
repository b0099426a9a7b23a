"""A few records of a topic, from a place or a time on, or the last ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from instar.core.record import Record
from instar.kafka.cluster import Cluster
from instar.kafka.partition_reader import PartitionReader
from instar.kafka.scan import scan
from instar.operations.failure import USAGE, NotThere
from instar.operations.scope import existing_topic

LOOK_LIMIT_RECORDS = 20_000  # how many are looked at for those that fit
_SILENCE_TIMEOUT_S = 10.0
_MARKERS = 20  # offsets that may be ends of transactions and no records; where each has one record, every other one is

Place = tuple[int, int]
"""A partition and an offset."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are looked for. ``partition`` None: of all of them. Times are milliseconds since 1970, both ends
    included; ``offset`` is where to begin in each partition, ``place`` where an earlier look ended.
    """

    partition: int | None = None
    place: Place | None = None
    offset: int | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    fits: Callable[[Record], bool] | None = None

    @property
    def newest_first(self) -> bool:
        """Nothing says where to begin: the last ones are wanted."""
        return self.place is None and self.offset is None and self.from_ms is None

    @property
    def chooses(self) -> bool:
        return self.fits is not None or self.until_ms is not None

    def takes(self, record: Record) -> bool:
        at_ms = record.timestamp_ms
        if (self.from_ms is not None and at_ms < self.from_ms) or (self.until_ms is not None and at_ms > self.until_ms):
            return False
        return self.fits is None or self.fits(record)


@dataclass(frozen=True, slots=True)
class Window:
    """Committed records, by partition and offset; the last ones by time, the newest first.

    ``held`` is what each partition has: its first offset, and the one behind its last. ``looked`` is how many records
    were looked at. ``next`` is where to go on, None at the end. ``older``: there are more before those that were
    looked at, or shown.
    """

    records: tuple[Record, ...]
    held: Mapping[int, Place]
    looked: int
    next: Place | None = None
    older: bool = False


def browse(cluster: Cluster, topic: str, wanted: Wanted, limit: int) -> Window:
    """The records that are wanted, at most ``limit``. What is not committed is not shown.

    Raises ``Failure`` where there is no such partition, and ``KafkaTrouble``.
    """
    count = existing_topic(cluster, topic).partitions
    asked = wanted.partition if wanted.place is None else wanted.place[0]
    if asked is not None and asked >= count:
        has = f"It has {count}, from 0 to {count - 1}."
        raise NotThere(f"{topic} has no partition {asked}.", has, USAGE)
    partitions = range(count) if wanted.partition is None else [wanted.partition]
    starts = cluster.start_offsets(topic, partitions)
    ends = cluster.end_offsets(topic, partitions, committed=True)
    held = {partition: (starts[partition], ends[partition]) for partition in partitions}
    look = _last if wanted.newest_first else _onwards
    return look(cluster, topic, wanted, limit, held)


def _last(cluster: Cluster, topic: str, wanted: Wanted, limit: int, held: Mapping[int, Place]) -> Window:
    """The newest that fit among the last ones of every partition, which are read all at once."""
    depth = LOOK_LIMIT_RECORDS // len(held) if wanted.chooses else 2 * limit + _MARKERS
    begins = {partition: max(start, end - depth) for partition, (start, end) in held.items()}
    ends = {partition: end for partition, (_, end) in held.items()}
    looked, found = 0, []
    for record in scan(cluster.kafka, topic, begins, ends, silence_timeout_s=_SILENCE_TIMEOUT_S):
        looked += 1
        if wanted.takes(record):
            found.append(record)
    found.sort(key=lambda record: (record.timestamp_ms, record.partition, record.offset), reverse=True)
    older = len(found) > limit or any(begins[partition] > start for partition, (start, _) in held.items())
    return Window(tuple(found[:limit]), held, looked, older=older)


def _onwards(cluster: Cluster, topic: str, wanted: Wanted, limit: int, held: Mapping[int, Place]) -> Window:
    """One partition after the other, each in the order of its offsets."""
    begins = {partition: max(start, wanted.offset or 0) for partition, (start, _) in held.items()}
    if wanted.place is not None:
        first, offset = wanted.place
        begins = {partition: begin for partition, begin in begins.items() if partition > first}
    if wanted.from_ms is not None and not cluster.built_in:  # that one cannot look up times: it is read from the start
        found_at = cluster.offsets_at(topic, list(begins), wanted.from_ms)
        begins = {partition: max(begin, found_at[partition]) for partition, begin in begins.items()}
    if wanted.place is not None:
        begins[first] = max(offset, held[first][0])
    looked = 0
    found: list[Record] = []
    with PartitionReader(cluster.kafka, topic, silence_timeout_s=_SILENCE_TIMEOUT_S) as reader:
        for partition in sorted(begins):
            for record in reader.read(partition, begins[partition], held[partition][1]):
                if len(found) == limit or looked == LOOK_LIMIT_RECORDS:
                    return Window(tuple(found), held, looked, (partition, record.offset))
                looked += 1
                if wanted.takes(record):
                    found.append(record)
    return Window(tuple(found), held, looked)
