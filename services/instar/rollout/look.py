"""What the machine is told of the world: is a bridge at work, how far is each partition, what do the counts say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from instar.core import checkpoint
from instar.core.checkpoint import Checkpoint, Counts
from instar.core.provenance import Direction
from instar.core.record import TIMESTAMP_NONE_MS
from instar.core.rollout.event import BridgeSeen, Event, LagMeasured
from instar.core.rollout.limits import Sample
from instar.kafka.cluster import Cluster
from instar.kafka.errors import TopicMissing
from instar.kafka.scan import scan

T = TypeVar("T", int, float)
_FEW_RECORDS = 16  # only the first of each partition is wanted


@dataclass(frozen=True, slots=True)
class Look:
    """One direction at one moment. ``lag_records`` has every partition of its source, None where there is no
    checkpoint. ``members`` is None where the group may not be looked into."""

    direction: Direction
    members: int | None
    points: Mapping[int, Checkpoint]
    lag_records: Mapping[int, int | None]

    @property
    def counts(self) -> Counts:
        total = Counts()
        for point in self.points.values():
            total = total.plus(point.counts)
        return total

    @property
    def at_work(self) -> bool:
        """Has a worker joined, or has one been there and carried something?"""
        return bool(self.members) or any(point.counts.read for point in self.points.values())

    @property
    def largest_lag(self) -> int | None:
        known = [lag for lag in self.lag_records.values() if lag is not None]
        return max(known, default=0) if len(known) == len(self.lag_records) else None


def look(cluster: Cluster, migration: str, direction: Direction, source: str) -> Look:
    """Raises ``KafkaTrouble``; ``TopicMissing`` where the source is gone."""
    found = cluster.find(source)
    if found is None:
        raise TopicMissing(f"Topic {source} does not exist.", "Was it deleted, or is this the wrong cluster?")
    partitions = range(found.partitions)
    group = checkpoint.group_of(migration, direction)
    committed = cluster.committed(group, source, partitions)
    points = {number: checkpoint.parse(offset, said) for number, (offset, said) in committed.items()}
    ends = cluster.end_offsets(source, partitions)
    lags: dict[int, int | None] = {}
    for number in partitions:
        point = points.get(number)
        lags[number] = None if point is None else max(0, point.end(ends[number]) - point.offset) + point.history_left
    members = cluster.members(group)
    return Look(direction, None if members is None else len(members), points, lags)


def events(seen: Look, threshold_records: int) -> list[Event]:
    """What the machine makes of a look at the up bridge."""
    found: list[Event] = [BridgeSeen()] if seen.at_work else []
    return [*found, LagMeasured(seen.lag_records, threshold_records)]


def sample(cluster: Cluster, seen: Sequence[tuple[Look, str]], now_ms: int, mismatches: int | None) -> Sample:
    """One look for the limits, at each direction that has begun, with the topic that it reads.

    Records that a bridge wrote itself come by in the other direction as echoes and are not counted twice. Lag and
    latency are those of the worse direction. ``mismatches`` are those that `verify --follow` has counted, None where
    none runs. Latency is the age of the oldest record that is not carried yet: what a reader of the other topic waits
    for. Zero where nothing waits. It is None where a checkpoint is missing, like everything else then.
    """
    total = Counts()
    lags: list[int | None] = []
    waits: list[float | None] = []
    for each, source in seen:
        total = total.plus(each.counts)
        lags.append(each.largest_lag)
        waits.append(None if each.largest_lag is None else _oldest_ms(cluster, each, source, now_ms))
    known = all(each.points for each, _ in seen)
    return Sample(
        at_ms=now_ms,
        read=total.read - total.echoed if known else None,
        dead_lettered=total.dead_lettered if known else None,
        mismatches=mismatches,
        lag_records=_worst(lags),
        latency_ms=_worst(waits),
    )


def _worst(values: Sequence[T | None]) -> T | None:
    known = [value for value in values if value is not None]
    return max(known) if known and len(known) == len(values) else None


def _oldest_ms(cluster: Cluster, seen: Look, source: str, now_ms: int) -> float:
    starts = {number: point.offset for number, point in seen.points.items() if seen.lag_records[number]}
    bounds = {number: start + (seen.lag_records[number] or 0) for number, start in starts.items()}
    waits, asked = 0.0, set(starts)
    for record in scan(cluster.kafka, source, starts, bounds, committed=False, batch_records=_FEW_RECORDS):
        if record.partition in asked and record.timestamp_ms != TIMESTAMP_NONE_MS:
            waits = max(waits, float(now_ms - record.timestamp_ms))
        asked.discard(record.partition)
        if not asked:
            break
    return waits
