"""What is asked before a transition begins, each question by name: None, or the refusal."""

from collections.abc import Callable, Collection, Iterable, Mapping

from instar.core.rollout.approving import same_person
from instar.core.rollout.decision import Refused
from instar.core.rollout.event import Apply, Command, GateVerdict, LimitVerdict, Retire
from instar.core.rollout.refusals import refuse
from instar.core.rollout.state import Rollout
from instar.core.rollout.steps import archive_of

Guard = Callable[[Rollout, Command, str], Refused | None]
"""From the state, the command and the transition's name."""


def reason(state: Rollout, command: Command, transition: str) -> Refused | None:
    return None if command.reason.strip() else refuse("reason-missing", state.migration, transition)


def waivers(state: Rollout, command: Command, transition: str) -> Refused | None:
    unnamed = tuple(
        f"waiver of {each.what or 'nothing'} by {each.by or 'nobody'}, reason: {each.reason.strip() or 'none'}"
        for each in command.at.waivers
        if not (each.what.strip() and each.by.strip() and each.reason.strip())
    )
    return refuse("waiver-unnamed", state.migration, transition, evidence=unnamed) if unnamed else None


def lesson(state: Rollout, _: Command, transition: str) -> Refused | None:
    return refuse("lesson-due", state.migration, transition) if state.lesson_due else None


def current_plan(state: Rollout, command: Command, transition: str) -> Refused | None:
    """The plan in hand was made from the project as it is."""
    if isinstance(command, Apply) and command.plan.fingerprint == command.at.fingerprint:
        return None
    return refuse("plan-stale", state.migration, transition)


def same_topics(state: Rollout, command: Command, transition: str) -> Refused | None:
    old = state.plan
    if isinstance(command, Apply) and old and (command.plan.source, command.plan.target) == (old.source, old.target):
        return None
    return refuse("other-topics", state.migration, transition)


def undrifted(state: Rollout, command: Command, transition: str) -> Refused | None:
    """The project is still the one that was applied. Not asked on the way back: that rests on the recorded plan."""
    if state.fingerprint == command.at.fingerprint:
        return None
    evidence = (f"applied: {state.fingerprint[:16]}", f"now: {command.at.fingerprint[:16]}")
    return refuse("drifted", state.migration, transition, evidence=evidence)


def verified(state: Rollout, command: Command, transition: str) -> Refused | None:
    known = state.verification
    if known is not None and known.fresh(state.fingerprint, command.at.now_ms):
        return None
    return refuse("not-verified", state.migration, transition)


def way_back(state: Rollout, _: Command, transition: str) -> Refused | None:
    if state.plan is not None and state.plan.has_reverse:
        return None
    return refuse("no-way-back", state.migration, transition)


def gates(state: Rollout, command: Command, transition: str) -> Refused | None:
    closed = closed_gates(command.at.gates, {each.what for each in command.at.waivers})
    return refuse("gate-closed", state.migration, transition, evidence=closed) if closed else None


def limits(state: Rollout, command: Command, transition: str) -> Refused | None:
    bad = broken_limits(command.at.limits, {each.what for each in command.at.waivers})
    return refuse("limit-breached", state.migration, transition, evidence=bad) if bad else None


def movable_groups(state: Rollout, command: Command, transition: str) -> Refused | None:
    """Asked before producers stop: a group that cannot be moved would be found out when authority has moved."""
    stuck = command.at.unmovable
    return refuse("group-unmovable", state.migration, transition, evidence=stuck) if stuck else None


def closed_gates(verdicts: Iterable[GateVerdict], waived: Collection[str]) -> tuple[str, ...]:
    """A line for each gate that is neither open nor waived (``gate:NAME``)."""
    return tuple(
        f"{gate.name}: {gate.answer}: {gate.evidence}"
        for gate in verdicts
        if gate.answer != "applied" and f"gate:{gate.name}" not in waived
    )


def broken_limits(verdicts: Iterable[LimitVerdict], waived: Collection[str]) -> tuple[str, ...]:
    """A line for each limit that is neither kept nor waived (``limit:NAME``)."""
    return tuple(
        f"{limit.name}: {limit.verdict}: {limit.evidence}"
        for limit in verdicts
        if limit.verdict != "ok" and f"limit:{limit.name}" not in waived
    )


def approval(state: Rollout, command: Command, transition: str) -> Refused | None:
    """Somebody else's unexpired yes to this action under this plan."""
    given, m = command.at.approval, state.migration
    if given is None:
        return refuse("no-approval", m, transition, evidence=command.at.requests)
    plan = command.plan if isinstance(command, Apply) else state.plan
    action = "apply" if transition == "replan" else transition
    if given.action != action or plan is None or given.fingerprint != plan.fingerprint:
        return refuse("approval-of-other", m, transition, evidence=(f"{given.action} {given.fingerprint[:16]}",))
    if not given.approved_by or any(
        same_person(given.approved_by, each) for each in (given.requested_by, command.actor)
    ):
        return refuse("approval-own", m, transition, evidence=(f"approved by {given.approved_by or 'nobody'}",))
    if command.at.now_ms >= given.expires_at_ms:
        return refuse("approval-expired", m, transition)
    return None


def approval_if_destructive(state: Rollout, command: Command, transition: str) -> Refused | None:
    """Destructive, lossy, or without a way back; abandoning: where the new topic had authority once."""
    plan = command.plan if isinstance(command, Apply) else state.plan
    needed = state.epoch > 0 if transition == "abandon" else plan is not None and plan.needs_approval
    return approval(state, command, transition) if needed else None


def readers(state: Rollout, command: Command, transition: str) -> Refused | None:
    """Nothing is dropped while a known reader remains; unknown counts as one (design section 12, 13)."""
    if isinstance(command, Retire) and command.readers.answer == "yes":
        return None
    reasons = command.readers.reasons if isinstance(command, Retire) else ()
    return refuse("readers-remain", state.migration, transition, evidence=reasons)


def archive(state: Rollout, command: Command, transition: str) -> Refused | None:
    waived = any(each.what == "archive" for each in command.at.waivers)
    return None if waived or archive_of(state, command) else refuse("no-archive", state.migration, transition)


GUARDS: Mapping[str, Guard] = {
    "a reason": reason,
    "named waivers": waivers,
    "no lesson due": lesson,
    "a current plan": current_plan,
    "the same topics": same_topics,
    "no drift": undrifted,
    "a fresh verification": verified,
    "a way back": way_back,
    "open gates": gates,
    "limits kept": limits,
    "groups that can move": movable_groups,
    "an approval": approval,
    "an approval if destructive": approval_if_destructive,
    "no readers": readers,
    "an archive": archive,
}
