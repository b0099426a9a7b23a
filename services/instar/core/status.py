"""The state of one direction of a migration, as people and programs read it. Pure."""

from dataclasses import dataclass
from typing import Any, Literal

from instar.core.checkpoint import Counts
from instar.core.control import Orders
from instar.core.estimate import Speed, duration_text

State = Literal["not started", "stopped", "paused", "held", "running", "stalled", "caught up"]


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """``offset`` is None before the first checkpoint; ``age_s`` is the checkpoint's age by its writer's clock."""

    partition: int
    start: int
    offset: int | None
    end: int
    lag_records: int
    speed: Speed
    worker: str
    held: str
    age_s: float | None
    counts: Counts

    @property
    def part_done(self) -> float:
        """0 to 1."""
        whole = self.end - self.start
        return 1.0 if whole <= 0 else max(0.0, min(1.0, 1 - self.lag_records / whole))

    def as_dict(self) -> dict[str, Any]:
        return {
            "partition": self.partition,
            "checkpoint": self.offset,
            "end": self.end,
            "lag_records": self.lag_records,
            "done": round(self.part_done, 4),
            "records_per_s": round(self.speed.records_per_s, 1),
            "bytes_per_s": round(self.speed.bytes_per_s),
            "worker": self.worker or None,
            "throttle": self.held or None,
            "checkpoint_age_s": None if self.age_s is None else round(self.age_s, 1),
            "dead_lettered": self.counts.dead_lettered,
        }


@dataclass(frozen=True, slots=True)
class Status:
    """``workers`` is None where the broker does not tell; ``left_s`` None where no end is in sight."""

    migration: str
    direction: str
    source: str
    target: str
    workers: int | None
    partitions: tuple[PartitionStatus, ...]
    orders: Orders
    left_s: float | None

    @property
    def lag_records(self) -> int:
        return sum(row.lag_records for row in self.partitions)

    @property
    def speed(self) -> Speed:
        total = Speed()
        for row in self.partitions:
            total = total.plus(row.speed)
        return total

    @property
    def counts(self) -> Counts:
        total = Counts()
        for row in self.partitions:
            total = total.plus(row.counts)
        return total

    @property
    def part_done(self) -> float:
        whole = sum(max(0, row.end - row.start) for row in self.partitions)
        return 1.0 if whole <= 0 else max(0.0, min(1.0, 1 - self.lag_records / whole))

    @property
    def throttle(self) -> tuple[str, ...]:
        """Why workers do not go as fast as they could, each reason once. What a stopped worker said last is no news."""
        if self.workers == 0:
            return ()
        return tuple(dict.fromkeys(row.held for row in self.partitions if row.held))

    @property
    def acknowledged(self) -> bool:
        """Do all partitions stand still on account of the pause? Without workers there is nobody to say so."""
        return self.workers == 0 or all(row.held.startswith("paused") for row in self.partitions if row.worker)

    @property
    def state(self) -> State:
        if all(row.offset is None for row in self.partitions):
            return "not started"
        if self.orders.pause is not None:
            return "paused"
        if self.workers == 0:
            return "caught up" if not self.lag_records else "stopped"
        if not self.lag_records:
            return "caught up"
        if self.speed.offsets_per_s > 0:
            return "running"
        return "held" if self.throttle else "stalled"

    def as_dict(self) -> dict[str, Any]:
        rate = self.orders.rate
        return {
            "migration": self.migration,
            "direction": self.direction,
            "source": self.source,
            "target": self.target,
            "state": self.state,
            "workers": self.workers,
            "done": round(self.part_done, 4),
            "lag_records": self.lag_records,
            "records_per_s": round(self.speed.records_per_s, 1),
            "bytes_per_s": round(self.speed.bytes_per_s),
            "estimated_s": None if self.left_s is None else round(self.left_s, 1),
            "throttle": list(self.throttle),
            "paused": None if self.orders.pause is None else str(self.orders.pause),
            "rate": None if rate is None else {**rate[0].as_dict(), "by": rate[1].by},
            **self.counts.as_dict(),
            "partitions": [row.as_dict() for row in self.partitions],
        }

    def text(self) -> str:
        """The lines above the table of partitions."""
        speed, counts = self.speed, self.counts
        dead = counts.dead_lettered
        who = "workers unknown" if self.workers is None else f"{self.workers} worker{'s' if self.workers != 1 else ''}"
        lines = [
            f"{self.migration} {self.direction}: {self.source} → {self.target}",
            f"  {self.state}, {who}, {self.part_done:.1%} done, {self.lag_records:,} to go",
            f"  {speed.records_per_s:,.0f} records/s, {speed.bytes_per_s / 1e6:,.2f} MB/s"
            + (f", about {duration_text(self.left_s)} left" if self.lag_records else ""),
            f"  {counts.read:,} read, {counts.outputs:,} published, {dead:,} dead letters, {counts.dropped:,} dropped",
        ]
        if self.orders.pause is not None:
            lines.append(f"  paused {self.orders.pause}")
        if self.orders.rate is not None:
            lines.append(f"  rate {self.orders.rate[0]}, set {self.orders.rate[1]}")
        lines += [f"  throttled: {reason}" for reason in self.throttle if not reason.startswith("paused")]
        return "\n".join(lines)
