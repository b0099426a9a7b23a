"""The version mix over time: shares of a topic's records by version, as SVG that the server draws, with a table."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from instar.core.census_trend import Step, Trend
from instar.core.retirement import ago
from instar.dashboard.watcher import Seen
from instar.project.project import Project

WIDTH, HEIGHT = 600, 96
_GAP = 0.8  # between two versions, so that they can be told apart without their colours


@dataclass(frozen=True, slots=True)
class Layer:
    """One version: its path in a box of WIDTH by HEIGHT, and its part of all records that are shown."""

    version: str
    path: str
    share: str


@dataclass(frozen=True, slots=True)
class MixChart:
    """``rows`` are a time, the records, and the share of each version in the order of ``layers``."""

    topic: str
    step: str
    began: str
    ended: str
    records: int
    layers: tuple[Layer, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Mix:
    """What is known of a subject over time. Without ``trends``, ``why`` and ``remedy`` say what is missing."""

    trends: tuple[Trend, ...]
    why: str = ""
    remedy: str = ""

    @property
    def charts(self) -> list[MixChart]:
        return [mix_chart(trend) for trend in self.trends]


def mix_of(project: Project, seen: Seen, subject: str, topics: Collection[str] | None = None) -> Mix:
    """Of all its topics, or of some."""
    programs = seen.programs
    found = tuple(
        trend for trend in programs.trends if trend.subject == subject and (topics is None or trend.topic in topics)
    )
    if found:
        return Mix(found)
    scan = "`instar census scan TOPIC` looks at a topic once, without any of it."
    if programs.census is None:
        return Mix((), f"The census could not be read: {programs.why.rstrip('.')}.", programs.remedy or scan)
    if not programs.counts:
        why = "The census does not run, so nobody knows which versions were written when."
        return Mix((), why, f"Begin it with `instar census run --create` (docs/census.md). {scan}")
    why = f"No worker has told the census of records of {subject} in the last 24 hours."
    if project.settings.census.workers:
        return Mix((), why, f"They tell of what they carry, once it is committed. {scan}")
    return Mix((), why, f"Workers tell it with `workers = true` under `[census]` (docs/census.md). {scan}")


def mix_chart(trend: Trend) -> MixChart:
    """Each step is a column of full height; a step without records is a gap."""
    versions = trend.versions
    edges = [round(WIDTH * index / len(trend.steps), 1) for index in range(len(trend.steps) + 1)]
    paths: dict[str, list[str]] = {version: [] for version in versions}
    for index, step in enumerate(trend.steps):
        total = sum(step.records.values())
        left, width = edges[index], edges[index + 1] - edges[index]
        bottom = float(HEIGHT)
        for version in versions:
            height = HEIGHT * step.records.get(version, 0) / total if total else 0.0
            if height:
                top = bottom - height
                gap = min(_GAP, height / 2) if top > _GAP else 0.0
                shown = f"M{left:.1f} {top + gap:.1f}h{width:.1f}v{height - gap:.1f}h-{width:.1f}z"
                paths[version].append(shown)
                bottom = top
    whole = sum(sum(step.records.values()) for step in trend.steps)
    layers = tuple(
        Layer(version, "".join(paths[version]), _part(sum(s.records.get(version, 0) for s in trend.steps), whole))
        for version in versions
    )
    last = trend.steps[-1].start_ms + trend.step_ms
    return MixChart(
        trend.topic,
        ago(trend.step_ms),
        _time(trend.steps[0].start_ms),
        _time(last),
        whole,
        layers,
        tuple(_row(step, versions) for step in trend.steps if step.records),
    )


def _row(step: Step, versions: tuple[str, ...]) -> tuple[str, str, tuple[str, ...]]:
    total = sum(step.records.values())
    return _time(step.start_ms), f"{total:,}", tuple(_part(step.records.get(each, 0), total) for each in versions)


def _part(count: int, whole: int) -> str:
    """A share; what is there is never shown as nothing, nor what is not all as all."""
    if not whole or not count:
        return "–"
    share = count / whole
    if share == 1:
        return "100%"
    return "<0.1%" if share < 0.001 else ">99.9%" if share > 0.999 else f"{share:.1%}"


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%d %b %H:%M}"
