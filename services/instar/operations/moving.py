"""Moving a rollout from the command line or the dashboard: the command, its steps before it is given, its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from instar.core.rollout.decide import decide
from instar.core.rollout.decision import Decided, Refused
from instar.core.rollout.effect import words
from instar.core.rollout.event import Abandon, Apply, Command, Readers, Retire, Revert, Rollback, Switch, Waiver
from instar.core.rollout.phase import Phase, Stage
from instar.core.rollout.plan import GroupPlan, Plan
from instar.core.rollout.state import Rollout, Underway
from instar.operations.failure import REFUSED, USAGE, fail
from instar.operations.planning import make_plan
from instar.operations.retirement import verdicts
from instar.operations.rolling import Rolling
from instar.operations.rollout_planning import rollout_plan
from instar.rollout.coordinator import Coordinator, Result

_WAIVED = ("gate", "limit", "producer")


@dataclass(frozen=True, slots=True)
class Shown:
    """What would be done: each step in words, and what they are the steps of."""

    steps: tuple[str, ...]
    title: str


# --------------------------------------------------------------------------------------------------- commands


def waivers(what: Iterable[str], by: str, reason: str) -> tuple[Waiver, ...]:
    """Fails where one is of an unknown kind; that it has a reason is asked by the machine."""
    found = []
    for each in what:
        kind, _, name = each.partition(":")
        if kind not in _WAIVED or not name:
            fail(f"{each!r} names nothing to waive.", "Write gate:NAME, limit:NAME or producer:NAME.", USAGE)
        found.append(Waiver(each, by, reason))
    return tuple(found)


def planned_now(at: Rolling) -> Plan:
    """The plan of the project and the cluster as they are. Fails where something stands against it."""
    said = make_plan(at.project, at.name, at.kafka)
    if said.refused:
        why = next(trap.message for trap in said.traps if trap.refused)
        fail(
            f"The plan of {at.name} is refused: {why.rstrip('.')}.",
            f"`instar plan {at.name}` shows everything that stands against it.",
            REFUSED,
        )
    return rollout_plan(at.project, at.name, at.kafka, said)


def applying(at: Rolling, reason: str, waived: tuple[Waiver, ...], plan: Plan) -> Apply:
    return Apply(at.actor, reason, at.circumstances("apply", waived, plan), plan)


def switching(
    at: Rolling, reason: str, waived: tuple[Waiver, ...], canaries: Iterable[str] = (), groups: Iterable[str] = ()
) -> Switch:
    """Looks at how far things are first. Without ``canaries`` and ``groups`` the plan's groups are moved."""
    before, after = tuple(canaries), tuple(groups)
    if set(before) & set(after):
        fail("A group is moved once: as a canary or after.", "Name it with one of the two.", USAGE)
    at.look()
    named = (*(GroupPlan(each, canary=True) for each in before), *map(GroupPlan, after))
    moving = _moving(at.coordinator.state(at.name), named)
    return Switch(at.actor, reason, at.circumstances("switch", waived, moving=moving), named or None)


def _moving(state: Rollout, named: tuple[GroupPlan, ...]) -> list[str]:
    """The groups that a switch which begins now would move."""
    if state.phase is not Phase.VERIFIED or state.underway is not None or state.plan is None:
        return []
    return [each.group for each in named or state.plan.groups]


def rolling_back(at: Rolling, reason: str, waived: tuple[Waiver, ...]) -> Rollback:
    return Rollback(at.actor, reason, at.circumstances("rollback", waived))


def retiring(
    at: Rolling,
    reason: str,
    waived: tuple[Waiver, ...],
    *,
    look_records: int,
    archive: str = "",
    no_archive: bool = False,
) -> Retire:
    """Looks at how far things are, and at who still depends on the old topic, first."""
    if archive and no_archive:
        fail("An archive and no archive exclude each other.", "Give one of the two.", USAGE)
    at.look()
    if no_archive:
        waived = (*waived, Waiver("archive", at.actor, reason))
    kept = archive or ("waived" if no_archive else "")
    # After a switch the reverse bridge writes the old topic at one version, and that is the one that ends.
    ends = None if at.migration.reverse is None else (at.migration.reverse.version,)
    found = verdicts(at, subject=None, versions=ends, archive=kept, look_records=look_records)
    answers = {each.answer for each in found}
    answer = Readers(
        "no" if "no" in answers else "unknown" if "unknown" in answers or not answers else "yes",
        tuple(dict.fromkeys(reason for each in found for reason in each.readers.reasons)),
    )
    return Retire(at.actor, reason, at.circumstances("retire", waived), answer, archive)


def abandoning(at: Rolling, reason: str, waived: tuple[Waiver, ...]) -> Abandon:
    return Abandon(at.actor, reason, at.circumstances("abandon", waived))


# --------------------------------------------------------------------------------------------------- before and after


def preview(coordinator: Coordinator, migration: str, command: Command) -> Shown | Result:
    """The steps of a command, or of what is in progress and would be gone on with; a ``Result`` where it is refused or
    there is nothing to do."""
    event: Any = command
    state = coordinator.state(migration)
    decided = decide(state, event)
    if isinstance(decided, Refused):
        return _answered(state, decided)
    underway = state.underway
    if underway is None:
        if decided.state == state:
            return _answered(state, decided)
    elif decided.state.underway == underway:
        if underway.reverting:
            return Shown(_undoing(underway), f"of {underway.transition} are still to be undone")
        steps = tuple(words(each) for each in state.effects)
        return Shown(steps, f"are left of {underway.transition}, in progress since {underway.actor} began it")
    return Shown(tuple(words(each) for each in decided.effects), f"to do: {decided.note}")


def undo_preview(state: Rollout, event: Revert) -> Shown | Result:
    """What a revert of the transition in progress would undo, in its order. Whether a step in doubt came about is only
    asked when it is done."""
    decided = decide(state, event)
    underway = state.underway
    if underway is None or (isinstance(decided, Refused) and decided.code != "in-doubt"):
        return _answered(state, decided)
    title = f"of {underway.transition} would be undone"
    if state.place is Stage.IN_DOUBT:
        title += f" if it turns out that {words(underway.steps[underway.index or 0].effect)} did not come about"
    return Shown(_undoing(underway), title)


def _undoing(underway: Underway) -> tuple[str, ...]:
    begun = [words(step.effect) for step in underway.steps if step.progress in ("tried", "done")]
    return tuple(f"undo {each}" for each in reversed(begun))


def _answered(state: Rollout, decided: Decided | Refused) -> Result:
    if isinstance(decided, Decided):
        return Result("nothing", state, decided.note)
    return Result("refused", state, decided.message, decided.remedy, decided.code, decided.evidence)


def stopped(state: Rollout) -> Result:
    """How far a transition came whose program was told to end on the way: what is on record, and is gone on from."""
    underway = state.underway
    if underway is None:
        return Result("stopped", state, "nothing is in progress")
    index = underway.index or 0
    step = underway.steps[index]
    if underway.reverting:
        return Result("stopped", state, f"{underway.transition} is being undone, {words(step.effect)} comes next")
    far = f"{index} of {len(underway.steps)} steps of {underway.transition} are done"
    begun = "is begun" if step.progress == "tried" else "comes next"
    return Result("stopped", state, f"{far}, {words(step.effect)} {begun}")


def as_dict(result: Result) -> dict[str, Any]:
    """What became of a command, as JSON."""
    return {
        "result": result.kind,
        "migration": result.state.migration,
        "phase": result.state.phase.value,
        "epoch": result.state.epoch,
        "authority": result.state.authority,
        "message": result.message,
        "remedy": result.remedy,
        "code": result.code,
        "evidence": list(result.evidence),
        "until_ms": result.until_ms or None,
        "ran": list(result.ran),
    }
