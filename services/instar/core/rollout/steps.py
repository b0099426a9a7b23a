"""Which effects a transition consists of, in order. Everything is taken from the recorded plan and the command."""

from collections.abc import Callable, Mapping

from instar.core.rollout import effect as do
from instar.core.rollout.effect import Effect
from instar.core.rollout.event import Apply, Command, Retire, Switch
from instar.core.rollout.phase import Phase, Side
from instar.core.rollout.plan import GroupPlan, Plan
from instar.core.rollout.state import Rollout

Steps = Callable[[Rollout, Command, int], tuple[Effect, ...]]
"""From the state, the command and the epoch number taken."""


def apply(_: Rollout, command: Command, __: int) -> tuple[Effect, ...]:
    """Make what the plan names: topics with retention held, schemas, start checkpoints."""
    if not isinstance(command, Apply):
        raise TypeError("apply is begun by Apply")
    plan = command.plan
    effects: list[Effect] = []
    for topic in plan.topics:
        effects.append(do.CreateTopic(topic.name, topic.partitions, dict(topic.settings)))
        if topic.hold_retention:
            effects.append(do.HoldRetention(topic.name))
    effects += [do.RegisterSchema(subject, version) for subject, version in plan.schemas]
    effects.append(do.CommitStart("up", plan.source, "beginning"))
    return tuple(effects)


def replan(_: Rollout, __: Command, ___: int) -> tuple[Effect, ...]:
    """Only the plan on record changes."""
    return ()


def switch(state: Rollout, command: Command, epoch: int) -> tuple[Effect, ...]:
    """Canaries, the barrier, the reverse bridge, the other groups in their order, retention, and word of it.

    Word comes last, like everywhere: whoever waits for the reverse bridge does not wait for a web hook.
    """
    plan = _plan(state)
    groups = command.groups if isinstance(command, Switch) and command.groups is not None else plan.groups
    return (
        *_moves(tuple(group for group in groups if group.canary)),
        do.ConfirmReady("switch", tuple(waiver.what for waiver in command.at.waivers)),
        *_barrier(plan, command, epoch, "new"),
        *((do.CommitStart("down", plan.target, "T"), do.StartBridge("down")) if plan.has_reverse else ()),
        *_moves(tuple(group for group in groups if not group.canary)),
        *(do.ReleaseRetention(topic.name, dict(topic.settings)) for topic in plan.topics if topic.hold_retention),
        _word("switched", state, command, f"producers write {plan.target} since epoch {epoch}"),
    )


def rollback(state: Rollout, command: Command, epoch: int) -> tuple[Effect, ...]:
    """The same barrier over the reverse bridge; then the groups go back, the last moved first, without waiting.

    A switch that was taken over right after its record has not begun the reverse bridge yet.
    """
    plan = _plan(state)
    return (
        do.CommitStart("down", plan.target, "T"),
        do.StartBridge("down"),
        *_barrier(plan, command, epoch, "old"),
        do.StartBridge("up"),
        *(do.TranslateGroup(group, "old") for group in reversed(state.moved)),
        _word("rolled back", state, command, f"producers write {plan.source} again since epoch {epoch}"),
    )


def retire(state: Rollout, command: Command, _: int) -> tuple[Effect, ...]:
    """Lock first: then the last stragglers are carried, the archive is whole, and only then the topic goes.

    What ``up`` carries is complete and what is archived is too, because nothing can be written in between.
    """
    plan = _plan(state)
    archive = archive_of(state, command)
    return (
        *((do.StopBridge("down"),) if plan.has_reverse else ()),
        do.LockTopic(plan.source),
        do.DrainBridge("up", plan.source, "now"),
        do.StopBridge("up"),
        *((do.ArchiveTopic(plan.source, archive),) if archive else ()),
        do.DeleteTopic(plan.source),
        _word("retired", state, command, f"{plan.source} is deleted, {_kept(archive)}"),
    )


def abandon(state: Rollout, command: Command, _: int) -> tuple[Effect, ...]:
    """Undo what was made, the last first; after a rollback the reverse bridge first carries back what is left."""
    if state.plan is None:
        return ()
    back: tuple[Effect, ...] = ()
    if state.epoch > 0 and state.plan.has_reverse:
        back = (do.DrainBridge("down", state.plan.target, "now"), do.StopBridge("down"))
    undo = tuple(do.Undo(step.effect, dict(step.before), dict(step.evidence)) for step in reversed(state.made))
    word = _word("abandoned", state, command, f"{state.plan.source} stays, what was made is undone")
    return (*back, do.StopBridge("up"), *undo, word)


def pause(state: Rollout, command: Command, _: int) -> tuple[Effect, ...]:
    """Hold the bridges where they are and tell people."""
    plan = _plan(state)
    down = state.phase is Phase.SWITCHED and plan.has_reverse
    return (
        do.PauseBridge("up", command.reason),
        *((do.PauseBridge("down", command.reason),) if down else ()),
        do.Notify("paused", f"{state.migration}: {command.reason}"),
    )


STEPS: Mapping[str, Steps] = {
    "apply": apply,
    "replan": replan,
    "switch": switch,
    "rollback": rollback,
    "retire": retire,
    "abandon": abandon,
    "pause": pause,
}


def archive_of(state: Rollout, command: Command) -> str:
    """Where the old topic is archived to; empty where nothing was named, or a waiver says that none is wanted."""
    if any(waiver.what == "archive" for waiver in command.at.waivers):
        return ""
    named = command.archive if isinstance(command, Retire) else ""
    return named or ("" if state.plan is None else state.plan.archive)


def _barrier(plan: Plan, command: Command, epoch: int, to: Side) -> tuple[Effect, ...]:
    """Design section 10, from closing the epoch to the one record, and the permissions that follow from it."""
    left, begun = (plan.source, plan.target) if to == "new" else (plan.target, plan.source)
    waived = tuple(
        waiver.what.partition(":")[2] for waiver in command.at.waivers if waiver.what.startswith("producer:")
    )
    return (
        do.CloseEpoch(epoch, to),
        do.AwaitProducers(epoch, left, waived),
        do.RecordEnds("B", left),
        do.DrainBridge("up" if to == "new" else "down", left),
        do.RecordEnds("T", begun),
        do.WriteEpoch(epoch, to),
        do.GrantWrite(begun),
    )


def _word(subject: str, state: Rollout, command: Command, so: str) -> do.Notify:
    """That it is done: what is so now, by whom, and why, where they said."""
    why = f": {command.reason}" if command.reason.strip() else ""
    return do.Notify(subject, f"{state.migration}: {so}, by {command.actor}{why}")


def _kept(archive: str) -> str:
    return f"its archive is {archive}" if archive else "without an archive"


def _moves(groups: tuple[GroupPlan, ...]) -> tuple[Effect, ...]:
    effects: list[Effect] = []
    for group in groups:
        effects.append(do.TranslateGroup(group.group, "new"))
        if group.hold_s:
            effects.append(do.Hold(group.group, group.hold_s))
    return tuple(effects)


def _plan(state: Rollout) -> Plan:
    if state.plan is None:
        raise ValueError(f"{state.migration} is {state.phase} without a plan")
    return state.plan
