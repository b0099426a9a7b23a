"""How far a migration is, and how fast: seen from its checkpoints, so from any machine and whoever runs it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from instar.core import checkpoint
from instar.core.checkpoint import Checkpoint, Counts
from instar.core.control import Orders
from instar.core.estimate import History, Sample, Speed, seconds_left
from instar.core.status import PartitionStatus, Status
from instar.kafka.cluster import Cluster, Member


@dataclass(frozen=True, slots=True)
class Watched:
    """One direction of a migration."""

    migration: str
    direction: str
    group: str
    source: str
    target: str
    partitions: int


@dataclass(slots=True)
class Progress:
    """Looks again and again; the speeds come from what changed between the looks."""

    watched: Watched
    cluster: Cluster
    _histories: dict[int, History] = field(default_factory=dict)

    def look(self, orders: Orders) -> Status:
        """Raises ``KafkaTrouble``."""
        watched, cluster = self.watched, self.cluster
        partitions = range(watched.partitions)
        committed = cluster.committed(watched.group, watched.source, partitions)
        points = {number: checkpoint.parse(offset, said) for number, (offset, said) in committed.items()}
        ends = cluster.end_offsets(watched.source, partitions)
        ends |= {number: point.end(ends[number]) for number, point in points.items()}
        starts = cluster.start_offsets(watched.source, partitions)
        members = cluster.members(watched.group)
        owners = _owners(watched.source, members)
        now_s = time.time()
        speeds = {number: self._speed(number, point, now_s) for number, point in points.items()}
        rows = []
        for number in partitions:
            point = points.get(number)
            offset = starts[number] if point is None else point.offset
            rows.append(
                PartitionStatus(
                    partition=number,
                    start=max(starts[number], point.begin) if point else starts[number],
                    offset=None if point is None else point.offset,
                    end=ends[number],
                    lag_records=max(0, ends[number] - offset) + (point.history_left if point else 0),
                    speed=speeds.get(number, Speed()),
                    worker=_worker(owners, number, orders),
                    held=point.held if point else "",
                    age_s=now_s - point.at_ms / 1000 if point and point.at_ms else None,
                    counts=point.counts if point else Counts(),
                )
            )
        lags = {row.partition: row.lag_records for row in rows}
        reading = None if members is None else {row.partition: row.worker for row in rows}
        return Status(
            migration=watched.migration,
            direction=watched.direction,
            source=watched.source,
            target=watched.target,
            workers=None if members is None else len({row.worker for row in rows if row.worker}),
            partitions=tuple(rows),
            orders=orders,
            left_s=seconds_left(lags, speeds, reading),
        )

    def _speed(self, partition: int, point: Checkpoint, now_s: float) -> Speed:
        history = self._histories.setdefault(partition, History([]))
        if point.at_ms:
            history.add(Sample(point.at_ms / 1000, point.passed, point.counts.read, point.size_bytes), now_s)
        return history.speed(now_s)


def _owners(topic: str, members: list[Member] | None) -> Mapping[int, str]:
    return {
        partition: f"{member.name}{member.host}"
        for member in members or []
        for name, partition in member.partitions
        if name == topic
    }


def _worker(owners: Mapping[int, str], partition: int, orders: Orders) -> str:
    """Who reads a partition. One that is named in the orders is read outside the group, if at all."""
    return owners.get(partition, f"@{partition}" if partition in orders.named else "")
