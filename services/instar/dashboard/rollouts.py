"""Moving a rollout through this server: what the commands do, by role, and written down in the same audit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

from instar.core.rollout.effect import words
from instar.core.rollout.event import Command, Lesson, Revert
from instar.dashboard.callers import Caller
from instar.dashboard.problems import Problem, not_found, unfit
from instar.dashboard.site import Site
from instar.operations import approving, moving
from instar.operations.approving import Action
from instar.operations.moving import Shown
from instar.operations.rolling import Rolling, rolling
from instar.rollout.coordinator import Result
from instar.state.approvals import Request
from instar.state.audit import REFUSED

LOOK_RECORDS = 100_000  # of the old topic's newest, for who still writes it: as `instar retire`
FINAL = ("retire", "abandon")
NOT_SAID = "not said yet"
_GO_ON = "Nobody is at it now. Give it again under a new key, and it goes on from where it is; or revert it."


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for with a transition. ``shown`` is the ``digest`` of the steps that somebody saw; empty: any.

    ``canaries`` and ``groups`` are the switch's, ``no_archive`` the retirement's.
    """

    reason: str
    waive: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    no_archive: bool = False
    confirm: str = ""
    shown: str = ""


def plan(site: Site, caller: Caller, migration: str, action: Action, wish: Wish) -> dict[str, Any]:
    """The steps, in words; nothing is done. Raises ``Problem`` 409 where it would be refused."""
    with _rolling(site, caller, migration) as at:
        return _planned(at, action, _command(at, action, wish))


def begin(site: Site, caller: Caller, migration: str, action: Action, wish: Wish) -> dict[str, Any]:
    """Start it. What would be refused is refused now; whatever else comes of it is told by ``standing``."""
    _reasoned(wish.reason)
    with _rolling(site, caller, migration) as at:
        if action in FINAL and wish.confirm != migration:
            raise unfit(f"To {action} is final: it needs the migration's name again.", f"Write {migration} to confirm.")
        command = _command(at, action, wish)
        planned = _planned(at, action, command)
    _as_shown(wish.shown, planned)

    def work() -> Result:
        with _rolling(site, caller, migration) as at:
            return at.coordinator.command(migration, command)

    _moved(site, caller, migration, action, wish.reason, work)
    return {**planned, "result": "begun"}


def revert_plan(site: Site, caller: Caller, migration: str) -> dict[str, Any]:
    """What a revert of the transition in progress would undo. Raises ``Problem`` 409 where nothing is in progress."""
    with _rolling(site, caller, migration) as at:
        state = at.coordinator.state(migration)
        if state.underway is None:
            raise Problem(409, "nothing-in-progress", f"No transition of {migration} is in progress.")
        shown = _steps(moving.undo_preview(state, Revert(caller.name, NOT_SAID)))
        return _document(at, f"revert {state.underway.transition}", shown, shown)


def revert(site: Site, caller: Caller, migration: str, reason: str, shown: str = "") -> dict[str, Any]:
    """Undo the transition in progress, where that is still possible."""
    _reasoned(reason)
    planned = revert_plan(site, caller, migration)
    _as_shown(shown, planned)

    def work() -> Result:
        with _rolling(site, caller, migration) as at:
            return at.coordinator.revert(migration, actor=caller.name, reason=reason)

    _moved(site, caller, migration, planned["what"], reason, work)
    return {**planned, "result": "begun"}


def lesson(site: Site, caller: Caller, migration: str, cause: str, fix: str, learnt: str) -> dict[str, Any]:
    """What the last rollback taught. Raises ``Problem`` 409 where none is due."""
    with _rolling(site, caller, migration) as at:
        event = Lesson(caller.name, cause, fix, learnt)
        result = at.coordinator.tell(migration, event, actor=caller.name, reason=f"{cause} / {fix} / {learnt}")
        _refuse(result)
    site.audit.note(caller, "lesson", migration, cause, fix=fix, lesson=learnt)
    return moving.as_dict(result)


def ask(site: Site, caller: Caller, migration: str, action: Action, reason: str) -> dict[str, Any]:
    """Ask for somebody else's yes."""
    with _rolling(site, caller, migration) as at:
        made = at.state.approvals.get(approving.ask(at, action, reason))
    site.audit.note(caller, f"ask for {action}", migration, reason, request=made.id)
    return request_document(made)


def answer(
    site: Site, caller: Caller, migration: str, request: str, given: Literal["approve", "refuse"], reason: str
) -> dict[str, Any]:
    """Say yes or no to what somebody else asked for. Raises ``StateTrouble``: one's own, answered, used, expired."""
    approving.said(reason)
    with _rolling(site, caller, migration) as at:
        _of_migration(at, request)
        say = at.state.approvals.approve if given == "approve" else at.state.approvals.refuse
        answered = say(request, caller.name, reason)
    site.audit.note(caller, f"{given} {answered.action}", migration, reason, asked_by=answered.requested_by)
    return request_document(answered)


def requests(site: Site, caller: Caller, migration: str) -> list[dict[str, Any]]:
    """Everything that was asked for, the newest first."""
    with _rolling(site, caller, migration) as at:
        return [request_document(each) for each in at.state.approvals.list(migration)]


def standing(site: Site, caller: Caller, migration: str) -> dict[str, Any]:
    """Where the rollout stands by the state store, who is at it, and the last move of this server."""
    with _rolling(site, caller, migration) as at:
        rollout = at.coordinator.state(migration)
        mover = at.state.rollouts.mover(migration)
    underway, move = rollout.underway, site.moves.of(migration)
    return {
        "migration": migration,
        "phase": rollout.phase.value,
        "epoch": rollout.epoch,
        "authority": rollout.authority,
        "paused": rollout.paused,
        "lesson_due": rollout.lesson_due,
        "underway": None
        if underway is None
        else {
            "transition": underway.transition,
            "stage": underway.stage.value,
            "by": underway.actor,
            "reason": underway.reason,
            "left": [words(each) for each in rollout.effects],
            "moved_by": mover or None,
            "remedy": None if mover else _GO_ON,
        },
        "move": None if move is None else move.as_dict(),
    }


def request_document(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "action": request.action,
        "plan": request.fingerprint[:16],
        "asked_by": request.requested_by,
        "why": request.request_reason,
        "standing": request.standing,
        "answered_by": request.answered_by or None,
        "answer": request.answer_reason or None,
        "expires_ms": request.expires_at_ms,
    }


def _moved(site: Site, caller: Caller, migration: str, what: str, why: str, work: Callable[[], Result]) -> None:
    """Begin it, written down before and after. Without the store nothing would move anyway."""
    deed = site.audit.begin(caller, what, migration, why, needs_store=True)

    def ended(result: dict[str, Any]) -> None:
        site.audit.end(deed, result["result"], message=result["message"])
        site.watcher.look(thoroughly=True)

    try:
        site.moves.begin(migration, what, caller.name, work, ended)
    except Problem as problem:
        site.audit.end(deed, REFUSED, error=problem.detail)
        raise


@contextmanager
def _rolling(site: Site, caller: Caller, migration: str) -> Iterator[Rolling]:
    with rolling(
        site.project,
        migration,
        bootstrap=site.connection.bootstrap,
        actor=caller.name,
        stopped=site.moves.stopping.wait,
    ) as at:
        yield at


def _command(at: Rolling, action: Action, wish: Wish) -> Command:
    if action != "switch" and (wish.canaries or wish.groups):
        raise unfit("Groups are moved by a switch and by nothing else.", "Leave canaries and groups out.")
    if action != "retire" and wish.no_archive:
        raise unfit("An archive is made by a retirement and by nothing else.", "Leave no_archive out.")
    waived = moving.waivers(wish.waive, at.actor, wish.reason)
    match action:
        case "apply":
            return moving.applying(at, wish.reason, waived, moving.planned_now(at))
        case "switch":
            return moving.switching(at, wish.reason, waived, wish.canaries, wish.groups)
        case "rollback":
            return moving.rolling_back(at, wish.reason, waived)
        case "retire":
            return moving.retiring(at, wish.reason, waived, look_records=LOOK_RECORDS, no_archive=wish.no_archive)
        case "abandon":
            return moving.abandoning(at, wish.reason, waived)


def _shown(at: Rolling, command: Command) -> Shown:
    return _steps(moving.preview(at.coordinator, at.name, command))


def _steps(found: Shown | Result) -> Shown:
    """Raises ``Problem`` for a refusal; where there is nothing to do there are no steps."""
    if isinstance(found, Shown):
        return found
    _refuse(found)
    return Shown((), f"to do: {found.message}")


def _planned(at: Rolling, action: Action, command: Command) -> dict[str, Any]:
    return _document(at, action, _shown(at, command), _shown(at, replace(command, reason=NOT_SAID)))


def _document(at: Rolling, what: str, shown: Shown, told: Shown) -> dict[str, Any]:
    """``digest`` tells plans apart by the steps as they are ``told`` before a reason is: some steps tell people of it,
    and it is said last."""
    digest = sha256("\n".join((what, *told.steps)).encode()).hexdigest()[:16]
    return {
        "result": "planned",
        "migration": at.name,
        "what": what,
        "title": shown.title,
        "steps": list(shown.steps),
        "digest": digest,
    }


def _as_shown(digest: str, planned: dict[str, Any]) -> None:
    if digest not in ("", planned["digest"]):
        raise Problem(
            409, "plan-changed", "The steps are others than those that were shown.", "Look at them again, then decide."
        )


def _refuse(result: Result) -> None:
    if result.kind == "refused":
        raise _refused(result)


def _refused(result: Result) -> Problem:
    return Problem(
        409, "rollout-refused", result.message, result.remedy, reason=result.code, evidence=list(result.evidence)
    )


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise unfit("The reason is empty.", "Say why, for those who will ask later.")


def _of_migration(at: Rolling, request: str) -> None:
    if at.state.approvals.get(request).migration != at.name:
        raise not_found(f"{at.name} has no request {request!r}.")
