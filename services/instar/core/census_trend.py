"""The version mix over time: the census's windows, put together to as many steps as a chart can show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from instar.core.census_fold import Census

STEPS: Final = 60  # a day of half hours, and what two ends cut into
_MINUTE_MS: Final = 60_000
_LENGTHS_MS: Final = tuple(minutes * _MINUTE_MS for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440))


class Step(NamedTuple):
    """Records by version, written ``v2``, from ``start_ms`` on (milliseconds since 1970 UTC). None: no records."""

    start_ms: int
    records: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trend:
    """One subject in one topic. ``steps`` follow one another without gaps, each ``step_ms`` long."""

    subject: str
    topic: str
    step_ms: int
    steps: tuple[Step, ...]

    @property
    def versions(self) -> tuple[str, ...]:
        """Those that were met, from the first on."""
        return tuple(sorted({name for step in self.steps for name in step.records}, key=lambda name: int(name[1:])))


def trends(census: Census, *, steps: int = STEPS) -> tuple[Trend, ...]:
    """One for each subject in each topic, from its first window to its last, in at most ``steps`` steps.

    A window belongs to the step in which it begins. All trends of a census have steps of the same length.
    """
    if not census.mixes:
        return ()
    first_ms = min(key.window_start_ms for key in census.mixes)
    last_ms = max(key.window_start_ms for key in census.mixes)
    step_ms = _length(last_ms - first_ms, max(key.window_ms for key in census.mixes), steps)
    sums: dict[tuple[str, str], dict[int, dict[str, int]]] = {}
    for key, versions in census.mixes.items():
        step = sums.setdefault((key.subject, key.topic), {}).setdefault(key.window_start_ms // step_ms, {})
        for name, count in versions.items():
            step[name] = step.get(name, 0) + count
    return tuple(
        Trend(
            subject,
            topic,
            step_ms,
            tuple(Step(number * step_ms, found.get(number, {})) for number in range(min(found), max(found) + 1)),
        )
        for (subject, topic), found in sorted(sums.items())
    )


def _length(span_ms: int, window_ms: int, steps: int) -> int:
    """The shortest length that is no shorter than a window and needs no more steps. Two ends may cut into one each."""
    for length_ms in _LENGTHS_MS:
        if length_ms >= window_ms and span_ms // length_ms + 2 <= steps:
            return length_ms
    return max(window_ms, -(-span_ms // max(1, steps - 2)))
