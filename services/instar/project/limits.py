"""The limits of a migration's settings: numbers that stop a rollout, or take it back, when they go wrong."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from instar.core.rollout.limits import Limit
from instar.project.model import Strict, duration_s, wrong

Then = Literal["alert", "pause", "rollback"]

_LONGEST_WINDOW_S = 86400  # samples of a whole window are held
_MILLISECONDS = re.compile(r"([1-9][0-9]{0,8})ms\Z")


def _window(value: Any) -> int:
    seconds = duration_s(value)
    if seconds > _LONGEST_WINDOW_S:
        raise wrong("a window is at most a day", 'write "1d" or less; "5m" is usual')
    return seconds


def _milliseconds(value: Any) -> int:
    match = _MILLISECONDS.match(value) if isinstance(value, str) else None
    if match is not None:
        return int(match[1])
    if not isinstance(value, str):
        raise wrong("a latency is written with its unit", 'write "250ms", "5s" or "1m"')
    return duration_s(value) * 1000


class _Watched(Strict):
    window: Annotated[int, BeforeValidator(_window)]  # written "5m", held in seconds
    then: Then


class ErrorRate(_Watched):
    """More than this part of the records dead-lettered within the window.

    ``minimum_records``: with fewer in the window nothing is known, and not knowing pauses. A quiet topic needs a
    smaller number or a longer window.
    """

    above: float = Field(ge=0, lt=1)
    minimum_records: int = Field(default=100, ge=1)


class Mismatches(_Watched):
    """More than this many mismatches found within the window by a verification that follows the records."""

    above: int = Field(ge=0)


class Lag(_Watched):
    """A partition that is more than this many records behind, all through the window."""

    above: int = Field(ge=0)


class Throughput(_Watched):
    """Less than this part of the baseline. ``baseline`` is in records/s; without it what was measured before counts."""

    below: float = Field(gt=0, le=1)
    baseline: float | None = Field(default=None, gt=0)


class Latency(_Watched):
    """The slowest records (p99, end to end) take longer than this, all through the window."""

    above: Annotated[int, BeforeValidator(_milliseconds)]  # written "250ms" or "5s", held in milliseconds


class Limits(Strict):
    error_rate: ErrorRate | None = None
    mismatches: Mismatches | None = None
    lag: Lag | None = None
    throughput: Throughput | None = None
    latency: Latency | None = None

    def to_judge(self, measured_baseline_per_s: float = 0.0) -> tuple[Limit, ...]:
        """As ``core.rollout.limits.judge`` takes them. The baseline that was measured counts where none is written;
        0: none was measured, and a throughput limit is then inconclusive."""
        found: list[Limit] = []
        if (rate := self.error_rate) is not None:
            found.append(Limit("error_rate", rate.above, rate.window, rate.then, minimum_records=rate.minimum_records))
        if (mismatches := self.mismatches) is not None:
            found.append(Limit("mismatches", mismatches.above, mismatches.window, mismatches.then))
        if (lag := self.lag) is not None:
            found.append(Limit("lag", lag.above, lag.window, lag.then))
        if (speed := self.throughput) is not None:
            baseline_per_s = speed.baseline or measured_baseline_per_s
            found.append(Limit("throughput", speed.below, speed.window, speed.then, baseline_per_s=baseline_per_s))
        if (latency := self.latency) is not None:
            found.append(Limit("latency", latency.above, latency.window, latency.then))
        return tuple(found)
