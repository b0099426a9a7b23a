"""Decide: from a state and an event, by the table, a new state and the effects that are still to run; or a refusal."""

from dataclasses import replace

from instar.core.rollout import progress
from instar.core.rollout.decision import Decided, Refused
from instar.core.rollout.event import (
    Apply,
    Circumstances,
    Command,
    Event,
    LagMeasured,
    Lesson,
    LimitsSeen,
    Revert,
    StepDone,
    StepFailed,
    StepTried,
    TimePassed,
    VerificationSeen,
)
from instar.core.rollout.guards import GUARDS
from instar.core.rollout.limits import gravest
from instar.core.rollout.phase import Stage
from instar.core.rollout.refusals import refuse
from instar.core.rollout.state import Rollout, Step, Underway, Verification
from instar.core.rollout.steps import STEPS
from instar.core.rollout.table import TABLE, TRANSITIONS, ByLimits, Cell, Do, Go, Move, No, Resume, Stay, TakeOver

LIMITS = "limits"
"""The actor of what limits do by themselves."""


def decide(state: Rollout, event: Event) -> Decided | Refused:
    """Total: every event has an answer in every state. TypeError is a fault of ours: a cell that does not fit."""
    cell: Cell = TABLE[event.KIND][state.place]
    match cell:
        case No(code, unless):
            if unless and state.lesson_due:
                return Decided(state, f"nothing to do: {unless}")
            return _refuse(state, code)
        case Stay(why):
            return Decided(state, why)
        case Resume():
            return _resume(state, _command(event))
        case TakeOver():
            return _take_over(state, _command(event))
        case Go(transition, unless):
            command = _command(event)
            if unless and _applied(state, command):
                return Decided(state, f"nothing to do: {unless}")
            return begin(state, command, transition)
        case Move():
            return _move(state, event, cell)
        case ByLimits():
            return _by_limits(state, event, cell)
        case Do(what):
            return _do(state, event, what)


def begin(state: Rollout, command: Command, name: str) -> Decided | Refused:
    """Begin a transition, if its guards agree. One without steps is finished at once."""
    transition = TRANSITIONS[name]
    for guard in transition.guards:
        refused = GUARDS[guard](state, command, name)
        if refused is not None:
            return refused
    epoch = state.last_epoch + 1 if transition.barrier else 0
    approval = command.at.approval
    underway = Underway(
        transition=name,
        origin=state.phase,
        to=transition.to or state.phase,
        actor=command.actor,
        reason=command.reason,
        started_at_ms=command.at.now_ms,
        steps=tuple(Step(effect) for effect in STEPS[name](state, command, epoch)),
        epoch=epoch,
        waivers=tuple(f"{each.what}: {each.by}, {each.reason}" for each in command.at.waivers),
        plan=command.plan if isinstance(command, Apply) else None,
        approval="" if approval is None else approval.id,
    )
    begun = replace(state, underway=underway, last_epoch=max(epoch, state.last_epoch))
    if not underway.steps:
        return Decided(progress.finished(begun, underway), f"{name} is done")
    return Decided(begun, f"{name} begins")


def _resume(state: Rollout, command: Command) -> Decided | Refused:
    underway = _underway(state)
    if command.KIND.value != underway.transition:
        return _refuse(state, "another-transition")
    if underway.stage is Stage.MOVING and underway.transition in ("apply", "switch", "retire"):
        # From the point of no return on the recorded steps are finished, whatever became of the project.
        plan = underway.plan or state.plan
        if plan is not None and plan.fingerprint != command.at.fingerprint:
            evidence = (f"in progress: {plan.fingerprint[:16]}", f"now: {command.at.fingerprint[:16]}")
            return _refuse(state, "drifted", evidence)
    return Decided(state, f"{underway.transition} goes on")


def _take_over(state: Rollout, command: Command) -> Decided | Refused:
    underway = _underway(state)
    if underway.transition != "switch":
        return _resume(state, command)
    return begin(progress.finished(state, underway), command, "rollback")


def _move(state: Rollout, event: Event, cell: Move) -> Decided:
    """An observation: remember it, and change the phase where it says so."""
    match event:
        case LagMeasured():
            moves = event.small == (cell.when == "lag is small everywhere")
        case VerificationSeen(fingerprint, right, until_ms, now_ms):
            if fingerprint != state.fingerprint:
                return Decided(state, "the verification is of another plan")
            seen = Verification(fingerprint, right, until_ms)
            state = replace(state, verification=seen)
            moves = seen.fresh(state.fingerprint, now_ms) == (cell.when == "fresh and right")
        case TimePassed(now_ms):
            known = state.verification
            moves = known is None or not known.fresh(state.fingerprint, now_ms)
        case _:
            moves = True  # that it was seen is all there is to it
    if not moves:
        return Decided(state, f"{state.phase} stays")
    return Decided(replace(state, phase=cell.to), f"{cell.to}: {cell.when}")


def _by_limits(state: Rollout, event: Event, cell: ByLimits) -> Decided | Refused:
    if not isinstance(event, LimitsSeen):
        raise TypeError("only limits act by limits")
    action, evidence = gravest(event.verdicts)
    if action in ("none", "alert"):
        calm = replace(state, paused=False) if action == "none" else state
        return Decided(calm, evidence or "all limits are kept")
    wanted = cell.rollback if action == "rollback" else cell.pause
    underway = state.underway
    if wanted == "stay" or (underway is not None and underway.transition != "switch"):
        return Decided(state, f"held by a limit: {evidence}")
    if wanted == "revert":
        return progress.revert(state, _underway(state), LIMITS, evidence)
    command = Command(LIMITS, evidence, Circumstances(event.now_ms, state.fingerprint))
    if wanted in ("rollback", "take over"):
        begun = _take_over(state, command) if underway is not None else begin(state, command, "rollback")
        if isinstance(begun, Decided):
            return begun
        evidence = f"{evidence}; no rollback: {begun.message}"
        command = replace(command, reason=evidence)
    if underway is not None:
        return Decided(state, f"held by a limit: {evidence}")
    if state.paused:
        return Decided(state, f"paused already: {evidence}")
    return begin(state, command, "pause")


def _do(state: Rollout, event: Event, what: str) -> Decided | Refused:
    if isinstance(event, Lesson):
        return _learn(state, event)
    underway = _underway(state)
    if isinstance(event, Revert):
        if what == "revert" or event.happened is False:
            return progress.revert(state, underway, event.actor, event.reason)
        return _refuse(state, "in-doubt" if event.happened is None else "past-return")
    if not isinstance(event, StepTried | StepDone | StepFailed):
        raise TypeError(f"{event.KIND} is not an outcome of a step")
    if event.index != underway.index:
        return _refuse(state, "wrong-step")
    match event:
        case StepTried(index, before):
            return progress.tried(state, underway, index, before)
        case StepDone() if what == "undone":
            return progress.undone(state, underway, event.index)
        case StepDone():
            if underway.steps[event.index].progress != "tried":
                return _refuse(state, "wrong-step")
            return progress.done(state, underway, event)
        case StepFailed():
            return progress.failed(state, underway, event)


def _learn(state: Rollout, event: Lesson) -> Decided | Refused:
    if not state.lesson_due:
        return _refuse(state, "no-lesson-due")
    if not (event.cause.strip() and event.fix.strip() and event.lesson.strip()):
        return _refuse(state, "lesson-empty")
    return Decided(replace(state, lesson_due=False), "the lesson is recorded")


def _applied(state: Rollout, command: Command) -> bool:
    """Is this the plan that is applied, and nothing stands against saying so?"""
    return isinstance(command, Apply) and not state.lesson_due and command.plan == state.plan


def _command(event: Event) -> Command:
    if not isinstance(event, Command):
        raise TypeError(f"{event.KIND} is not a command")
    return event


def _underway(state: Rollout) -> Underway:
    if state.underway is None:
        raise TypeError(f"{state.migration} has no transition in progress")
    return state.underway


def _refuse(state: Rollout, code: str, evidence: tuple[str, ...] = ()) -> Refused:
    underway = state.underway
    named = ("", "") if underway is None else (underway.transition, underway.actor)
    return refuse(code, state.migration, *named, evidence=evidence)
