"""What may be done with a rollout next, by the phase it rests in or the transition that is in progress."""

from dataclasses import dataclass

from instar.core.rollout.effect import words
from instar.core.rollout.phase import BEFORE_SWITCH, Phase, Stage
from instar.core.rollout.state import Rollout
from instar.dashboard.moves import Move
from instar.operations.approving import ACTIONS
from instar.state.approvals import Request

_GOOD = ("done", "nothing")


@dataclass(frozen=True, slots=True)
class Offer:
    """A way onwards. ``verb`` ends its address."""

    verb: str
    label: str
    is_main: bool = False


@dataclass(frozen=True, slots=True)
class Onwards:
    """What a migration's page says of its rollout. ``left``: the steps that a transition in progress still has."""

    offers: tuple[Offer, ...] = ()
    askable: tuple[str, ...] = ()
    underway: str = ""
    left: tuple[str, ...] = ()
    last: str = ""
    last_is_good: bool = True
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()


def onwards(rollout: Rollout | None, move: Move | None, requests: tuple[Request, ...]) -> Onwards:
    """``rollout`` is None where the state store does not say: then nothing is offered."""
    said = told(move)
    outcome = {} if move is None else move.result
    if rollout is None:
        return Onwards(last=said)
    underway = rollout.underway
    return Onwards(
        () if move is not None and move.running else _offers(rollout),
        () if underway is not None else _askable(rollout),
        ""
        if underway is None
        else f"{underway.transition}, begun by {underway.actor}: {underway.reason or 'no reason'}",
        tuple(words(each) for each in rollout.effects),
        said,
        move is None or move.running or outcome.get("result") in _GOOD or outcome.get("result") == "undone",
        str(outcome.get("remedy", "")),
        tuple(outcome.get("evidence", ())),
        requests,
    )


def told(move: Move | None) -> str:
    """The last move in one line; empty where this server made none."""
    if move is None:
        return ""
    if move.running:
        return f"{move.what}: at work since {move.began:%H:%M:%S} UTC, begun by {move.by}"
    return f"{move.what}, begun by {move.by}: {move.result['result']}. {move.result.get('message', '')}"


def _offers(rollout: Rollout) -> tuple[Offer, ...]:
    underway = rollout.underway
    if underway is not None:
        revert = Offer("revert", "Undo it…")
        if underway.reverting:
            return (revert,)
        verb = "apply" if underway.transition == "replan" else underway.transition
        go_on = (Offer(verb, f"Go on with {underway.transition}…", is_main=True),) if verb in ACTIONS else ()
        return (*go_on, revert) if underway.stage is not Stage.COMMITTED else go_on
    if rollout.lesson_due:
        return (Offer("lesson", "Record the lesson…", is_main=True),)
    match rollout.phase:
        case Phase.DRAFT:
            return (Offer("apply", "Apply…", is_main=True),)
        case Phase.SWITCHED:
            return (Offer("rollback", "Roll back…"), Offer("retire", "Retire…"))
        case phase if phase in BEFORE_SWITCH:
            switch = Offer("switch", "Switch…", is_main=phase is Phase.VERIFIED)
            return (switch, Offer("apply", "Apply again…"), Offer("abandon", "Abandon…"))
    return ()


def _askable(rollout: Rollout) -> tuple[str, ...]:
    offered = {offer.verb for offer in _offers(rollout)}
    return tuple(action for action in ACTIONS if action in offered)
