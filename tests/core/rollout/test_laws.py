"""What holds of a rollout whatever happens to it, in whatever order."""

from dataclasses import replace
from typing import Any

import orjson
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.rollout_states import state_at
from tests.support.rollouts import NAME, PLAN, replanned

from instar.core.rollout import decide as machine
from instar.core.rollout.decision import Decided, Refused
from instar.core.rollout.document import from_document, to_document
from instar.core.rollout.effect import RecordEnds
from instar.core.rollout.event import (
    Abandon,
    Apply,
    Approval,
    BridgeSeen,
    Circumstances,
    Event,
    GateVerdict,
    LagMeasured,
    Lesson,
    LimitsSeen,
    LimitVerdict,
    Readers,
    Retire,
    Revert,
    Rollback,
    StepDone,
    StepFailed,
    StepTried,
    Switch,
    TimePassed,
    VerificationSeen,
    Waiver,
)
from instar.core.rollout.phase import FINAL, Phase, Place, Stage
from instar.core.rollout.plan import GroupPlan, Plan
from instar.core.rollout.state import Rollout

PRINTS = st.sampled_from([PLAN.fingerprint, PLAN.fingerprint, PLAN.fingerprint, "e" * 64])
GATES = st.sampled_from([(), (), (), (GateVerdict("db", "unknown", "no answer"),), (GateVerdict("db", "applied", ""),)])
PEOPLE = st.sampled_from(["ada", "bob", "carol"])
ACTIONS = st.sampled_from(["none", "alert", "pause", "rollback"])
PLANS = st.sampled_from(
    [
        PLAN,
        PLAN,
        replanned(PLAN),
        replace(PLAN, risk="destructive"),
        replace(PLAN, has_reverse=False),
        replace(PLAN, lossy=True),
    ]
)
READERS = st.sampled_from([Readers("yes"), Readers("no", ("search reads it",)), Readers("unknown")])


def verdict(action: Any) -> LimitVerdict:
    return LimitVerdict("error_rate", "ok" if action == "none" else "breached", action, "the numbers")


class Rolling(RuleBasedStateMachine):
    """Random events, each checked against what was and what is."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Rollout(NAME)
        self.now_ms = 1
        self.taken: set[int] = set()

    @initialize(
        place=st.sampled_from((Phase.DRAFT, Phase.EXPANDED, Phase.VERIFIED, Phase.SWITCHED, Phase.RETIRED, *Stage)),
        plan=PLANS,
    )
    def begin(self, place: Place, plan: Plan) -> None:
        """Random events alone rarely get past a verification, so most lives begin further on."""
        self.state = state_at(place, plan)
        self.taken = set(range(1, self.state.last_epoch + 1))

    def circumstances(self, data: st.DataObject, action: str) -> Circumstances:
        approval = None
        if data.draw(st.integers(0, 4), "approval") > 0:
            approval = Approval(
                "id",
                data.draw(st.sampled_from([action, action, action, "apply"])),
                self.state.fingerprint or PLAN.fingerprint,
                "ada",
                data.draw(PEOPLE),
                self.now_ms + data.draw(st.sampled_from([0, 50, 50])),
            )
        waivers = (Waiver("gate:db", data.draw(st.sampled_from(["", "bob"])), "repaired"),)
        return Circumstances(
            self.now_ms,
            data.draw(PRINTS, "project"),
            gates=data.draw(GATES),
            limits=(verdict(data.draw(st.sampled_from(["none", "none", "pause"]))),),
            approval=approval,
            waivers=waivers if data.draw(st.integers(0, 3)) == 0 else (),
        )

    def happens(self, event: Event) -> Decided | Refused:
        before = self.state
        answer = machine.decide(before, event)
        assert machine.decide(before, event) == answer  # deterministic
        if isinstance(answer, Refused):
            assert answer.message
            assert answer.remedy
            return answer
        after = answer.state
        assert answer.note
        assert before.epoch <= after.epoch <= after.last_epoch
        assert before.last_epoch <= after.last_epoch
        if before.phase in FINAL:
            assert after == before
        if after.phase is Phase.ABANDONED and before.phase is not Phase.ABANDONED:
            assert before.phase is not Phase.SWITCHED
        if after.epoch != before.epoch:
            # Authority moved: with the record and with nothing else, and a rollback only out of a switch.
            assert isinstance(event, StepDone)
            assert after.authority != before.authority
            assert after.record is not None
            assert after.record.epoch == after.epoch
            assert after.underway is None or after.underway.stage is Stage.COMMITTED
        elif after.authority != before.authority:
            raise AssertionError("authority moved without an epoch")
        begun = (
            after.underway
            if before.underway is None or (after.underway or before.underway) != before.underway
            else None
        )
        if begun is not None and before.underway is None and begun.epoch:
            assert begun.epoch not in self.taken
            self.taken.add(begun.epoch)
        self.state = after
        return answer

    @rule(data=st.data(), plan=PLANS)
    def apply(self, data: st.DataObject, plan: Any) -> None:
        was = self.state
        answer = self.happens(Apply("ada", "why", self.circumstances(data, "apply"), plan))
        if was.lesson_due and was.underway is None:
            assert isinstance(answer, Refused)

    @rule(data=st.data(), hold_s=st.sampled_from([0, 60]))
    def switch(self, data: st.DataObject, hold_s: int) -> None:
        was, at = self.state, self.circumstances(data, "switch")
        groups = (GroupPlan("search", hold_s, canary=True), GroupPlan("billing", hold_s))
        answer = self.happens(Switch("ada", "why", at, groups))
        if isinstance(answer, Decided) and was.underway is None and answer.state.underway is not None:
            assert was.phase is Phase.VERIFIED
            assert not was.lesson_due
            assert at.fingerprint == was.fingerprint
            assert was.verification is not None
            assert was.verification.until_ms > self.now_ms
            assert was.plan is not None
            self.approved(at, needed=was.plan.needs_approval)

    @rule(data=st.data())
    def rollback(self, data: st.DataObject) -> None:
        was = self.state
        answer = self.happens(Rollback("ada", "why", self.circumstances(data, "rollback")))
        if isinstance(answer, Decided) and answer.state != was and (self.state.underway or was.underway) is not None:
            assert was.phase is Phase.SWITCHED or was.place is Stage.COMMITTED

    @rule(data=st.data(), readers=READERS)
    def retire(self, data: st.DataObject, readers: Readers) -> None:
        was, at = self.state, self.circumstances(data, "retire")
        answer = self.happens(Retire("ada", "why", at, readers))
        if isinstance(answer, Decided) and was.underway is None and answer.state.underway is not None:
            assert readers.answer == "yes"
            self.approved(at, needed=True)

    @rule(data=st.data(), likely=st.integers(0, 5))
    def abandon(self, data: st.DataObject, likely: int) -> None:
        assume(likely == 0)
        self.happens(Abandon("ada", "why", self.circumstances(data, "abandon")))

    def approved(self, at: Circumstances, *, needed: bool) -> None:
        if needed:
            assert at.approval is not None
            assert at.approval.approved_by != "ada"
            assert at.approval.expires_at_ms > self.now_ms

    @rule(cause=st.sampled_from(["", "rounding"]))
    def learn(self, cause: str) -> None:
        was = self.state.lesson_due
        self.happens(Lesson("ada", cause, "floor", "compare totals"))
        assert self.state.lesson_due == (was and (not cause or self.state.underway is not None))

    @rule(happened=st.sampled_from([None, True, False]), likely=st.integers(0, 4))
    def revert(self, happened: bool | None, likely: int) -> None:
        assume(likely == 0)
        was = self.state
        answer = self.happens(Revert("bob", "enough", happened))
        if was.place is Stage.COMMITTED or (was.place is Stage.IN_DOUBT and happened is not False):
            assert isinstance(answer, Refused)

    @rule(lag=st.sampled_from([0, 0, 0, 500, None]))
    def observe(self, lag: int | None) -> None:
        self.happens(BridgeSeen())
        self.happens(LagMeasured({0: 0, 1: lag}, 100))
        if lag is None or lag > 100:
            assert self.state.place not in (Phase.CAUGHT_UP, Phase.VERIFIED)

    @rule(right=st.sampled_from([True, True, True, False]), lasts_ms=st.sampled_from([0, 20, 1000]), print_=PRINTS)
    def verify(self, right: bool, lasts_ms: int, print_: str) -> None:
        self.happens(VerificationSeen(print_, right, self.now_ms + lasts_ms, self.now_ms))

    @rule(by_ms=st.integers(1, 40))
    def wait(self, by_ms: int) -> None:
        self.now_ms += by_ms
        self.happens(TimePassed(self.now_ms))
        if self.state.place is Phase.VERIFIED:
            assert self.state.verification is not None
            assert self.state.verification.until_ms > self.now_ms

    @rule(action=ACTIONS)
    def limits(self, action: str) -> None:
        was = self.state
        self.happens(LimitsSeen(self.now_ms, (verdict(action),)))
        if was.phase in FINAL or action in ("none", "alert"):
            assert self.state.underway == was.underway

    @rule(steps=st.integers(1, 25))
    def work(self, steps: int) -> None:
        """The coordinator gets some way."""
        for _ in range(steps):
            underway = self.state.underway
            if underway is None or underway.index is None:
                return
            index = underway.index
            self.happens(StepTried(index, {"there": True}))
            known = self.state.underway
            assert known is not None
            ends = isinstance(known.steps[index].effect, RecordEnds)
            self.happens(StepDone(index, self.now_ms, {"offsets": {"0": 7, "1": 9}} if ends else {}))

    @rule(off=st.sampled_from([0, 0, 1]))
    def fail(self, off: int) -> None:
        underway = self.state.underway
        index = (underway.index if underway is not None else None) or 0
        was = self.state
        self.happens(StepFailed(index + off, self.now_ms, "the cluster says no"))
        if was.place is Stage.COMMITTED:
            assert self.state == was

    @rule()
    def try_without_an_outcome(self) -> None:
        underway = self.state.underway
        if underway is not None and underway.index is not None:
            self.happens(StepTried(underway.index, {"there": False}))

    @rule(index=st.integers(0, 30))
    def an_outcome_of_another_step(self, index: int) -> None:
        underway = self.state.underway
        assume(underway is None or underway.index != index)
        was = self.state
        self.happens(StepDone(index, self.now_ms))
        assert self.state == was

    @invariant()
    def it_survives_the_store(self) -> None:
        assert from_document(orjson.loads(orjson.dumps(to_document(self.state)))) == self.state

    @invariant()
    def who_has_authority_follows_from_the_epoch_record_alone(self) -> None:
        record = self.state.record
        assert (self.state.epoch, self.state.authority) == (
            (0, "old") if record is None else (record.epoch, record.authority)
        )
        if self.state.underway is None:
            assert (self.state.authority == "new") == (self.state.phase in (Phase.SWITCHED, Phase.RETIRED))
            assert self.state.phase is Phase.DRAFT or self.state.phase in FINAL or self.state.plan is not None


Rolling.TestCase.settings = settings(stateful_step_count=60)
TestRollingLaws = Rolling.TestCase
