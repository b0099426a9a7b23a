"""How a transition gets on: a step is tried, done, failed or undone; the last one finishes it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from instar.core.rollout.decision import Decided
from instar.core.rollout.effect import CommitStart, TranslateGroup, WriteEpoch, words
from instar.core.rollout.event import StepDone, StepFailed
from instar.core.rollout.phase import Stage
from instar.core.rollout.state import EpochRecord, Rollout, Step, Underway, is_barrier


def tried(state: Rollout, underway: Underway, index: int, before: Mapping[str, Any]) -> Decided:
    """The step is about to run. A picture that is there already stays: the first one is from before us."""
    step = underway.steps[index]
    if step.progress == "tried":
        return Decided(state, f"again: {words(step.effect)}")
    underway = underway.with_step(index, replace(step, progress="tried", before=before))
    state = replace(state, underway=underway)
    return Decided(state, words(step.effect))


def done(state: Rollout, underway: Underway, event: StepDone) -> Decided:
    """The step is done, and with the last one the transition."""
    step = replace(underway.steps[event.index], progress="done", evidence=event.evidence, done_at_ms=event.now_ms)
    underway = underway.with_step(event.index, step)
    state = _known(replace(state, underway=underway), underway, step)
    note = f"done: {words(step.effect)}"
    if underway.index is None:
        return Decided(finished(state, underway), f"{note}; {underway.transition} is finished")
    return Decided(state, note)


def failed(state: Rollout, underway: Underway, event: StepFailed) -> Decided:
    """The step certainly did not come about. Before the epoch record a barrier is undone: producers are waiting."""
    step = underway.steps[event.index]
    if step.effect.FINAL:
        # What certainly did not happen is no longer in doubt.
        underway = underway.with_step(event.index, replace(step, progress="planned"))
        state = replace(state, underway=underway)
    why = f"failed: {words(step.effect)}: {event.message}"
    if is_barrier(underway) and underway.stage is Stage.MOVING:
        return revert(state, underway, underway.actor, why)
    return Decided(state, why)


def revert(state: Rollout, underway: Underway, actor: str, why: str) -> Decided:
    """Undo from now on. The caller has made sure that nothing final happened."""
    if underway.reverting:
        return Decided(state, f"undoing {underway.transition} goes on")
    steps = tuple(
        replace(step, progress="planned") if step.effect.FINAL and step.progress == "tried" else step
        for step in underway.steps
    )
    underway = replace(underway, steps=steps, reverting=True, why_reverting=f"{actor}: {why}")
    state = replace(state, underway=underway)
    if underway.index is None:
        return Decided(_back(state, underway), f"{underway.transition} is undone: {why}")
    return Decided(state, f"undoing {underway.transition}: {why}")


def undone(state: Rollout, underway: Underway, index: int) -> Decided:
    """The picture of a step is restored, and with the first one the transition is as if it had not begun."""
    step = underway.steps[index]
    underway = underway.with_step(index, replace(step, progress="undone"))
    state = replace(state, underway=underway)
    if isinstance(step.effect, TranslateGroup):
        state = replace(state, moved=_moved(state, step.effect, undone=True))
    note = f"undone: {words(step.effect)}"
    if underway.index is None:
        return Decided(_back(state, underway), f"{note}; {underway.transition} is undone")
    return Decided(state, note)


def finished(state: Rollout, underway: Underway) -> Rollout:
    """The phase that the transition leads to, and what it leaves to remember."""
    state = replace(state, phase=underway.to, underway=None)
    match underway.transition:
        case "apply":
            made = _made(state.made, underway.steps)
            return replace(state, plan=underway.plan, made=made, verification=None)
        case "replan":
            return replace(state, plan=underway.plan)
        case "switch" | "rollback":
            starts = tuple(
                step for step in underway.steps if isinstance(step.effect, CommitStart) and step.progress != "planned"
            )
            lesson_due = underway.transition == "rollback"
            return replace(state, made=_made(state.made, starts), lesson_due=lesson_due)
        case "pause":
            return replace(state, paused=True)
        case _:
            return state


def _known(state: Rollout, underway: Underway, step: Step) -> Rollout:
    """What a step makes true the moment it is done: authority, and which groups have moved."""
    match step.effect:
        case WriteEpoch(epoch, authority):
            record = EpochRecord(epoch, authority, underway.offsets("B"), underway.offsets("T"), step.done_at_ms)
            return replace(state, epoch=epoch, authority=authority, record=record)
        case TranslateGroup():
            return replace(state, moved=_moved(state, step.effect, undone=False))
        case _:
            return state


def _moved(state: Rollout, effect: TranslateGroup, *, undone: bool) -> tuple[str, ...]:
    others = tuple(group for group in state.moved if group != effect.group)
    return (*others, effect.group) if (effect.to == "new") != undone else others


def _made(known: tuple[Step, ...], steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Each effect once, with its first picture: a second apply found our own work."""
    have = {repr(step.effect) for step in known}
    return (*known, *(step for step in steps if repr(step.effect) not in have))


def _back(state: Rollout, underway: Underway) -> Rollout:
    """Where the transition began. The number of its epoch stays used up."""
    return replace(state, phase=underway.origin, underway=None)
