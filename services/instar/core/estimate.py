"""When will it be done? An estimate that knows that partitions are uneven.

A partition has one reader and cannot be shared, so the work ends with the worker that has most left to do, not when
the sum over the average would. Samples are checkpoints with the time at which they were written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WINDOW_S = 30.0
STALE_S = 15.0  # a partition with lag whose checkpoint is older than this is not moving


@dataclass(frozen=True, slots=True)
class Sample:
    """One partition as it stood at ``at_s``. ``read`` and ``size_bytes`` are cumulative."""

    at_s: float
    offset: int
    read: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Speed:
    """``offsets_per_s`` is what the lag shrinks by; gaps in the offsets make it more than the records."""

    records_per_s: float = 0.0
    bytes_per_s: float = 0.0
    offsets_per_s: float = 0.0

    def plus(self, other: "Speed") -> "Speed":
        return Speed(
            self.records_per_s + other.records_per_s,
            self.bytes_per_s + other.bytes_per_s,
            self.offsets_per_s + other.offsets_per_s,
        )


@dataclass(slots=True)
class History:
    """The samples of one partition within the window."""

    samples: list[Sample]

    def add(self, sample: Sample, now_s: float) -> None:
        """A sample; one that shows the same checkpoint again adds nothing."""
        if not self.samples or sample.at_s > self.samples[-1].at_s:
            self.samples.append(sample)
        # The last one before the window stays: speeds reach back to it.
        while len(self.samples) > 2 and self.samples[1].at_s < now_s - WINDOW_S:
            del self.samples[0]

    def speed(self, now_s: float) -> Speed:
        if len(self.samples) < 2 or now_s - self.samples[-1].at_s > STALE_S:
            return Speed()
        first, last = self.samples[0], self.samples[-1]
        took_s = last.at_s - first.at_s
        return Speed(
            max(0, last.read - first.read) / took_s,
            max(0, last.size_bytes - first.size_bytes) / took_s,
            max(0, last.offset - first.offset) / took_s,
        )


def seconds_left(
    lags: Mapping[int, int], speeds: Mapping[int, Speed], owners: Mapping[int, str] | None = None
) -> float | None:
    """Seconds until no partition lags; None when one that does is not moving, or nobody reads it.

    ``owners`` says which worker reads a partition; without it every partition counts as its own worker's.
    """
    left: dict[str, int] = {}
    pace: dict[str, float] = {}
    for partition, lag in lags.items():
        owner = str(partition) if owners is None else owners.get(partition, "")
        if lag and not owner:
            return None
        left[owner] = left.get(owner, 0) + lag
        pace[owner] = pace.get(owner, 0.0) + speeds.get(partition, Speed()).offsets_per_s
    longest_s = 0.0
    for owner, lag in left.items():
        if not lag:
            continue
        if pace[owner] <= 0:
            return None
        longest_s = max(longest_s, lag / pace[owner])
    return longest_s


def shared_seconds(lags: Sequence[int], workers: int, records_per_s: float) -> float:
    """How long the work takes when ``workers`` of one speed share partitions that cannot be split.

    Largest first, each to the worker with least to do, which is within a third of the best (Graham 1969).
    """
    loads = [0] * max(1, workers)
    for lag in sorted(lags, reverse=True):
        loads[loads.index(min(loads))] += lag
    return max(loads) / records_per_s if records_per_s > 0 else 0.0


def duration_text(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def size_text(size_bytes: float) -> str:
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 1000:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
