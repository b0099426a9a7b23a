"""Limits, as pure code: whether the numbers of a window still allow a rollout to go on.

A sample is taken every few seconds. Rates come from cumulative counts, so that a restarted worker or a missed sample
costs accuracy and not truth. A limit's verdict over its window is

- ok: enough was seen, and it is within the limit;
- breached: enough was seen, and it is not;
- inconclusive: too few records or samples, an unknown value, or counts that went backwards. Not knowing is no reason to
  go on, so an inconclusive limit pauses, unless all that it was to do is tell people.

Waiting for a whole window before the first verdict would let a hop that fails on every record run for its length. So a
rate is judged as soon as there are ``minimum_records``, over what there is of the window.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from instar.core.rollout.event import LimitVerdict

Action = Literal["none", "alert", "pause", "rollback"]
Measure = Literal["error_rate", "mismatches", "lag", "throughput", "latency"]
ACTIONS: tuple[Action, ...] = ("none", "alert", "pause", "rollback")
MEASURES: tuple[Measure, ...] = ("error_rate", "mismatches", "lag", "throughput", "latency")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Counts are cumulative. None: not known at that moment.

    ``lag_records`` is the largest of all partitions; ``latency_ms`` is end to end, of the slowest records (p99).
    """

    at_ms: int
    read: int | None = None
    dead_lettered: int | None = None
    mismatches: int | None = None
    lag_records: int | None = None
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """``above`` is the most allowed: a part of the records (error_rate), a count in the window (mismatches), records
    (lag), milliseconds (latency). For throughput it is the least allowed part of ``baseline_per_s``.

    Lag and latency are breached when every sample of the window is above: one slow moment is none.
    """

    measure: Measure
    above: float
    window_s: int
    then: Literal["alert", "pause", "rollback"]
    baseline_per_s: float = 0.0
    minimum_records: int = 100
    minimum_samples: int = 3


def judge(limit: Limit, samples: Sequence[Sample], now_ms: int) -> LimitVerdict:
    """The verdict over the window that ends now. ``samples`` in order of time; older ones than the window are ignored,
    but for the last before it, from which counts are subtracted."""
    window_ms = limit.window_s * 1000
    inside = [sample for sample in samples if now_ms - window_ms <= sample.at_ms <= now_ms]
    earlier = [sample for sample in samples if sample.at_ms < now_ms - window_ms]
    counted = [*earlier[-1:], *inside]
    match limit.measure:
        case "error_rate":
            return _error_rate(limit, counted)
        case "mismatches":
            return _mismatches(limit, counted)
        case "throughput":
            return _throughput(limit, counted)
        case "lag":
            return _levels(limit, [sample.lag_records for sample in inside], "records behind")
        case "latency":
            return _levels(limit, [sample.latency_ms for sample in inside], "ms end to end")


def baseline_per_s(samples: Iterable[Sample], before_ms: int) -> float:
    """Records per second over all samples until then, in order of time; 0 where that cannot be said."""
    known = [(each.at_ms, each.read) for each in samples if each.at_ms <= before_ms and each.read is not None]
    if len(known) < 2 or any(later[1] < earlier[1] for earlier, later in itertools.pairwise(known)):
        return 0.0
    (first_ms, first), (last_ms, last) = known[0], known[-1]
    return (last - first) * 1000 / (last_ms - first_ms) if last_ms > first_ms else 0.0


def gravest(verdicts: Iterable[LimitVerdict]) -> tuple[Action, str]:
    """The gravest action that any limit asks for, with the evidence of all that ask for it."""
    asked = [verdict for verdict in verdicts if verdict.verdict != "ok"]
    action: Action = max((verdict.action for verdict in asked), key=ACTIONS.index, default="none")
    return action, "; ".join(f"{each.name}: {each.evidence}" for each in asked if each.action == action)


def _error_rate(limit: Limit, samples: Sequence[Sample]) -> LimitVerdict:
    read, failed = _grown([s.read for s in samples]), _grown([s.dead_lettered for s in samples])
    if read is None or failed is None:
        return _unknown(limit, "the counts are not known over the window")
    if read < limit.minimum_records:
        return _unknown(limit, f"only {read} records in the window, {limit.minimum_records} are needed")
    evidence = f"{failed} of {read} records ({failed / read:.3%}), limit {limit.above:.3%}"
    return _known(limit, breached=failed > limit.above * read, evidence=evidence)


def _mismatches(limit: Limit, samples: Sequence[Sample]) -> LimitVerdict:
    found = _grown([s.mismatches for s in samples])
    if found is None:
        return _unknown(limit, "no verification follows the records")
    return _known(limit, breached=found > limit.above, evidence=f"{found} mismatches, limit {limit.above:g}")


def _throughput(limit: Limit, samples: Sequence[Sample]) -> LimitVerdict:
    read = _grown([s.read for s in samples])
    took_s = (samples[-1].at_ms - samples[0].at_ms) / 1000 if samples else 0.0
    if limit.baseline_per_s <= 0:
        return _unknown(limit, "there is no baseline to compare with")
    if read is None or took_s * 2 < limit.window_s:
        return _unknown(limit, f"the counts are known over {took_s:.0f} s of {limit.window_s} s")
    per_s, least = read / took_s, limit.above * limit.baseline_per_s
    evidence = f"{per_s:.1f} records/s, at least {least:.1f} are wanted ({limit.above:.0%} of the baseline)"
    return _known(limit, breached=per_s < least, evidence=evidence)


def _levels(limit: Limit, values: Sequence[float | int | None], unit: str) -> LimitVerdict:
    known = [value for value in values if value is not None]
    if len(known) < limit.minimum_samples:
        return _unknown(limit, f"only {len(known)} samples in the window, {limit.minimum_samples} are needed")
    if min(known) <= limit.above:
        if len(known) < len(values) and max(known) > limit.above:
            return _unknown(limit, "some samples are above the limit and some are missing")
        return _known(limit, breached=False, evidence=f"at best {min(known):g} {unit}, limit {limit.above:g}")
    return _known(limit, breached=True, evidence=f"never below {min(known):g} {unit}, limit {limit.above:g}")


def _grown(counts: Sequence[int | None]) -> int | None:
    """By how much a cumulative count grew; None where that cannot be said, also because it went backwards."""
    known = [count for count in counts if count is not None]
    if len(known) < 2 or counts[-1] is None or any(later < earlier for earlier, later in itertools.pairwise(known)):
        return None
    return known[-1] - known[0]


def _known(limit: Limit, *, breached: bool, evidence: str) -> LimitVerdict:
    evidence = f"{evidence}, within {limit.window_s} s"
    return LimitVerdict(limit.measure, "breached" if breached else "ok", limit.then if breached else "none", evidence)


def _unknown(limit: Limit, evidence: str) -> LimitVerdict:
    action: Action = "alert" if limit.then == "alert" else "pause"
    return LimitVerdict(limit.measure, "inconclusive", action, evidence)
