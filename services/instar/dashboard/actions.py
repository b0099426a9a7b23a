"""What people and programs can change through this server: one place for the API and the pages, so one audit.

What brakes must work also where the state store is away: pause, resume and rate are orders in Kafka. What settles
records for good waits for the store: nobody could say afterwards who did it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instar.clock import now_ms
from instar.core.control import Asked
from instar.core.provenance import Direction
from instar.core.throttle import parse_rate
from instar.dashboard.callers import Caller
from instar.dashboard.problems import unfit
from instar.dashboard.site import Site
from instar.dead_letters.choice import Choice
from instar.dead_letters.redrive import Outcome
from instar.operations.dead_letters import DIRECTIONS, dead_letters, discarded, redriven
from instar.operations.steering import Steered, steering

Directions = tuple[Direction, ...] | None


def pause(site: Site, caller: Caller, migration: str, sides: Directions, why: str) -> dict[str, Any]:
    """Everybody who carries the migration's records stops, until resumed. Raises ``KafkaTrouble`` and ``Failure``."""
    state = _steered(site, migration, sides)
    with site.audit.doing(caller, "pause", migration, why, needs_store=False):
        state.pause(_asked(caller, why))
    return {"migration": migration, "directions": list(state.directions), "paused": True}


def resume(site: Site, caller: Caller, migration: str, sides: Directions) -> dict[str, Any]:
    """The end of a pause; ``resumed`` are the directions that were paused."""
    state = _steered(site, migration, sides)
    with site.audit.doing(caller, "resume", migration, needs_store=False) as deed:
        resumed = state.resume()
        deed.details["resumed"] = list(resumed)
    return {"migration": migration, "directions": list(state.directions), "resumed": list(resumed), "paused": False}


def set_rate(site: Site, caller: Caller, migration: str, sides: Directions, limit: str, why: str) -> dict[str, Any]:
    """How fast records may be carried. ``limit`` as `instar rate` takes it: 5000/s, 20MB/s, unlimited, default."""
    try:
        rate = None if limit == "default" else parse_rate(limit)
    except ValueError as problem:
        raise unfit(f"{problem}.", "Write 5000/s, 20MB/s, unlimited or default.") from problem
    state = _steered(site, migration, sides)
    with site.audit.doing(caller, "rate", migration, why, needs_store=False, rate=limit):
        state.set_rate(rate, _asked(caller, why))
    said = "as started" if rate is None else str(rate)
    return {"migration": migration, "directions": list(state.directions), "rate": said}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant, and whether it is done or only shown. ``choice``'s direction may be None: both."""

    choice: Choice
    execute: bool


def redrive(site: Site, caller: Caller, migration: str, wanted: Wanted) -> dict[str, Any]:
    """Publish outstanding letters through today's chain, or say what would become of them."""
    found = dead_letters(site.project, migration, site.connection.settings(), site.connection.cluster())
    results: dict[str, int] = {}
    outputs = 0

    def run(side: Direction, choice: Choice) -> None:
        nonlocal outputs
        for outcome in redriven(found, side, choice, caller.name, doing=wanted.execute):
            results[_result(outcome)] = results.get(_result(outcome), 0) + 1
            outputs += outcome.outputs

    if wanted.execute:
        with site.audit.doing(caller, "redrive", migration, needs_store=True, **_chosen(wanted.choice)) as deed:
            deed.details["results"] = results
            _by_side(wanted.choice, run)
    else:
        _by_side(wanted.choice, run)
    return {"migration": migration, "executed": wanted.execute, "results": results, "outputs": outputs}


def discard(site: Site, caller: Caller, migration: str, wanted: Wanted, reason: str, confirm: str) -> dict[str, Any]:
    """Settle outstanding letters as not wanted. Executing needs the migration's name again."""
    if not reason.strip():
        raise unfit("The reason is empty.", "Say why these records are not wanted; it is kept.")
    if wanted.execute and confirm != migration:
        raise unfit("A discard needs the migration's name again.", f"Write {migration} to confirm.")
    found = dead_letters(site.project, migration, site.connection.settings(), site.connection.cluster())
    count = 0

    def run(side: Direction, choice: Choice) -> None:
        nonlocal count
        count += discarded(found, side, choice, reason, caller.name, doing=wanted.execute)

    if wanted.execute:
        with site.audit.doing(caller, "discard", migration, reason, needs_store=True, **_chosen(wanted.choice)) as deed:
            _by_side(wanted.choice, run)
            deed.details["discarded"] = count
    else:
        _by_side(wanted.choice, run)
    return {"migration": migration, "executed": wanted.execute, "letters": count, "reason": reason}


def _by_side(choice: Choice, run: Callable[[Direction, Choice], None]) -> None:
    for side in DIRECTIONS:
        if choice.direction in (None, side):
            run(side, Choice(side, choice.code, choice.hop, choice.field, choice.letters))


def _chosen(choice: Choice) -> dict[str, Any]:
    """Which letters are meant, for the audit."""
    said = {"direction": choice.direction, "code": choice.code, "hop": choice.hop, "field": choice.field}
    found: dict[str, Any] = {name: value for name, value in said.items() if value}
    if choice.letters is not None:
        found["letters"] = len(choice.letters)
    return found


def _result(outcome: Outcome) -> str:
    return str(outcome.result)


def _steered(site: Site, migration: str, sides: Directions) -> Steered:
    return steering(site.project, migration, sides, site.connection.settings(), site.connection.cluster())


def _asked(caller: Caller, why: str) -> Asked:
    return Asked(caller.name, now_ms(), why)
