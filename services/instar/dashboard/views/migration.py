"""Migrations as tables and steps."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from instar.core.rollout.phase import Phase
from instar.core.status import Status
from instar.dashboard.live import figures
from instar.dashboard.views.chart import Chart, chart
from instar.dashboard.watcher import MigrationSeen, Seen
from instar.project.migration import Migration
from instar.project.project import Project

STEPS = (Phase.EXPANDED, Phase.REPLAYING, Phase.CAUGHT_UP, Phase.VERIFIED, Phase.SWITCHED, Phase.RETIRED)
_CARRIED = (Phase.CAUGHT_UP, Phase.VERIFIED, Phase.SWITCHED)


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of a migration. ``now`` are its figures as text, by the names under which they are kept live."""

    status: Status
    now: dict[str, str]
    throughput: Chart | None
    lag: Chart | None

    @property
    def paused(self) -> bool:
        return self.status.orders.pause is not None


@dataclass(frozen=True, slots=True)
class Step:
    """A phase on the way. ``standing``: done, now, or to come."""

    name: str
    standing: str
    by: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A migration in one line of a table, and on its own page."""

    name: str
    settings: Migration
    ways: tuple[Way, ...]
    trouble: str
    letters: int | None
    next: str
    errors: int

    producers: str  # where they write: old, new or both topics

    @property
    def up(self) -> Way | None:
        return next((way for way in self.ways if way.status.direction == "up"), None)


def summaries(project: Project, seen: Seen) -> list[Summary]:
    return [summary(project, seen, name) for name in sorted(project.settings.migrations)]


def summary(project: Project, seen: Seen, name: str) -> Summary:
    """Raises KeyError where there is no such migration."""
    settings = project.settings.migrations[name]
    look = seen.migrations.get(name, MigrationSeen(name))
    ways = tuple(_way(look, status) for status in look.statuses)
    trouble = look.trouble or seen.trouble or ("" if seen.number else "nobody has looked yet")
    errors = len(project.errors_of(name))
    switched = look.rollout is not None and look.rollout.authority == "new"
    producers = "new" if switched and settings.producers == "old" else settings.producers
    return Summary(name, settings, ways, trouble, look.letters, _next(look, trouble, errors), errors, producers)


def _way(look: MigrationSeen, status: Status) -> Way:
    points = look.history.get(status.direction, ())
    return Way(
        status,
        figures(status),
        chart([(point.at_s, point.records_per_s) for point in points], "records/s"),
        chart([(point.at_s, float(point.lag_records)) for point in points], "records to go"),
    )


def steps(look: MigrationSeen | None) -> list[Step]:
    """The phases in order, with who brought it there and when; none where the state store does not say."""
    if look is None or look.rollout is None:
        return []
    phase = look.rollout.phase
    at = STEPS.index(phase) if phase in STEPS else -1
    reached = _reached(look)
    return [
        Step(
            step.value,
            "done" if index < at else "now" if index == at else "to come",
            *(reached.get(step.value, ("", "")) if index <= at else ("", "")),
        )
        for index, step in enumerate(STEPS)
    ]


def _reached(look: MigrationSeen) -> dict[str, tuple[str, str]]:
    """Who brought the migration to each phase last, and when, from the ledger's entries."""
    found: dict[str, tuple[str, str]] = {}
    last = ""
    for entry in look.entries:
        phase = json.loads(entry.details).get("phase", "") if entry.details else ""
        if phase and phase != last:
            found[phase] = entry.actor, f"{datetime.fromtimestamp(entry.at_ms / 1000, UTC):%d %b %H:%M}"
            last = phase
    return found


def _next(look: MigrationSeen, trouble: str, errors: int) -> str:
    """What stands in the way, or what comes: the one thing to know."""
    if errors:
        return f"{errors} error{'s'[: errors != 1]} in the project: `instar check`"
    if trouble:
        return trouble
    up = next((status for status in look.statuses if status.direction == "up"), None)
    if up is None:
        return "nothing carries it"
    match up.state:
        case "not started":
            return f"start it: `instar worker {look.name}`"
        case "stopped":
            return f"no worker runs: `instar worker {look.name}`"
        case "paused":
            return f"paused {up.orders.pause}"
        case "stalled":
            if up.workers is None:
                return "nothing moves, and this broker does not say whether a worker is there"
            return "workers are there and nothing moves"
        case "held":
            return "; ".join(up.throttle)
    # Where new records come all the time something is always on its way: the rollout knows whether it is little.
    is_past = look.rollout is not None and look.rollout.phase in _CARRIED
    return _onwards(look) if up.state == "caught up" or is_past else "being carried"


def _onwards(look: MigrationSeen) -> str:
    """What comes when everything is carried, by the phase that the rollout is in."""
    match look.rollout.phase if look.rollout is not None else None:
        case Phase.CAUGHT_UP:
            last = next((each for each in look.verifications or () if each.until_ms or not each.is_right), None)
            if last is not None and not last.is_right:
                return f"the last verification is not right: see what differs, then `instar verify {look.name}`"
            return f"verify it: `instar verify {look.name}`"
        case Phase.VERIFIED:
            return "switch producers to the new topic"
        case Phase.SWITCHED:
            return "retire the old topic once nobody reads or writes it"
    return "carried as it comes"
