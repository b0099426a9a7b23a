"""Rollouts at every place of the table, brought there by the machine itself."""

from tests.support.rollouts import NAME

from instar.core.rollout.decide import decide
from instar.core.rollout.decision import Decided
from instar.core.rollout.effect import RecordEnds, WriteEpoch
from instar.core.rollout.event import (
    Abandon,
    Apply,
    Approval,
    BridgeSeen,
    Circumstances,
    Event,
    LagMeasured,
    Readers,
    Retire,
    Revert,
    StepDone,
    StepTried,
    Switch,
    VerificationSeen,
)
from instar.core.rollout.phase import Phase, Place, Stage
from instar.core.rollout.plan import Plan
from instar.core.rollout.state import Rollout

LONG_MS = 10_000


def took(state: Rollout, event: Event) -> Rollout:
    answer = decide(state, event)
    assert isinstance(answer, Decided), answer
    return answer.state


def worked(state: Rollout, *, until: type | None = None, now_ms: int = 1) -> Rollout:
    """All steps done, or those before the first of a kind, which is only tried."""
    while state.underway is not None and (index := state.underway.index) is not None:
        effect = state.underway.steps[index].effect
        state = took(state, StepTried(index, {"there": True}))
        if until is not None and isinstance(effect, until):
            break
        ends = {"offsets": {"0": 7, "1": 9}} if isinstance(effect, RecordEnds) else {}
        state = took(state, StepDone(index, now_ms, ends))
    return state


def state_at(place: Place, plan: Plan, now_ms: int = 1) -> Rollout:
    """The shortest way to a place, with everything that is asked on the way."""

    def at(action: str) -> Circumstances:
        approval = Approval("id", action, plan.fingerprint, "ada", "bob", now_ms + LONG_MS)
        return Circumstances(now_ms, plan.fingerprint, approval=approval)

    state = Rollout(NAME)
    if place is Phase.DRAFT:
        return state
    state = took(state, Apply("ada", "why", at("apply"), plan))
    state = worked(state)
    if place is Phase.ABANDONED:
        return worked(took(state, Abandon("ada", "why", at("abandon"))))
    for phase, event in (
        (Phase.EXPANDED, None),
        (Phase.REPLAYING, BridgeSeen()),
        (Phase.CAUGHT_UP, LagMeasured({0: 0, 1: 0}, 100)),
        (Phase.VERIFIED, VerificationSeen(plan.fingerprint, True, now_ms + LONG_MS, now_ms)),
    ):
        state = state if event is None else took(state, event)
        assert state.phase is phase
        if phase is place:
            return state
    begun = took(state, Switch("ada", "why", at("switch")))
    match place:
        case Stage.MOVING:
            return begun
        case Stage.REVERTING:
            return took(took(begun, StepTried(0, {"there": True})), Revert("ada", "enough"))
        case Stage.IN_DOUBT:
            return worked(begun, until=WriteEpoch)
        case Stage.COMMITTED:
            doubt = worked(begun, until=WriteEpoch)
            assert doubt.underway is not None
            return took(doubt, StepDone(doubt.underway.index or 0, now_ms))
    state = worked(begun)
    if place is Phase.RETIRED:
        state = worked(took(state, Retire("ada", "why", at("retire"), Readers("yes"))))
    assert state.phase is place
    return state
