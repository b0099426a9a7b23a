"""Each question that is asked before a step, alone, and every pair of event and place."""

from dataclasses import replace

import pytest
from tests.support.rollout_states import LONG_MS, state_at, worked
from tests.support.rollouts import NAME, PLAN, replanned

from instar.core.rollout.decide import decide
from instar.core.rollout.decision import Decided, Refused
from instar.core.rollout.document import FORMAT, UnknownFormat, from_document, to_document
from instar.core.rollout.effect import (
    ArchiveTopic,
    AwaitProducers,
    CloseEpoch,
    CreateTopic,
    DrainBridge,
    Effect,
    HoldRetention,
    LockTopic,
    Notify,
    RecordEnds,
    TranslateGroup,
    Undo,
    WriteEpoch,
)
from instar.core.rollout.event import (
    COMMANDS,
    Abandon,
    Apply,
    Approval,
    BridgeSeen,
    Circumstances,
    Event,
    GateVerdict,
    Kind,
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
from instar.core.rollout.phase import PLACES, Phase, Place, Stage
from instar.core.rollout.plan import Plan
from instar.core.rollout.state import Rollout
from instar.core.rollout.table import TABLE, No, Stay

NOW_MS = 1
OK_LIMIT = LimitVerdict("error_rate", "ok", "none", "0 of 100")
BREACHED = LimitVerdict("error_rate", "breached", "rollback", "9 of 100")


def at(action: str = "", plan: Plan = PLAN, **more: object) -> Circumstances:
    approval = Approval("id", action, plan.fingerprint, "ada", "bob", NOW_MS + LONG_MS) if action else None
    return replace(Circumstances(NOW_MS, plan.fingerprint, approval=approval), **more)


def event_of(kind: Kind) -> Event:
    events: dict[Kind, Event] = {
        Kind.APPLY: Apply("ada", "why", at("apply"), PLAN),
        Kind.SWITCH: Switch("ada", "why", at("switch")),
        Kind.ROLLBACK: Rollback("ada", "why", at("rollback")),
        Kind.RETIRE: Retire("ada", "why", at("retire"), Readers("yes")),
        Kind.ABANDON: Abandon("ada", "why", at("abandon")),
        Kind.LESSON: Lesson("ada", "cause", "fix", "lesson"),
        Kind.REVERT: Revert("ada", "why"),
        Kind.BRIDGE_SEEN: BridgeSeen(),
        Kind.LAG_MEASURED: LagMeasured({0: 0}, 1),
        Kind.VERIFICATION_SEEN: VerificationSeen(PLAN.fingerprint, True, LONG_MS, NOW_MS),
        Kind.TIME_PASSED: TimePassed(NOW_MS),
        Kind.LIMITS_SEEN: LimitsSeen(NOW_MS, (BREACHED,)),
        Kind.STEP_TRIED: StepTried(0),
        Kind.STEP_DONE: StepDone(0, NOW_MS),
        Kind.STEP_FAILED: StepFailed(0, NOW_MS, "no"),
    }
    return events[kind]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", Kind)
def test_every_event_has_its_answer_in_every_place(kind: Kind, place: Place) -> None:
    state = state_at(place, PLAN)
    assert state.place is place
    answer = decide(state, event_of(kind))
    match TABLE[kind][place]:
        case No(code):
            assert isinstance(answer, Refused)
            assert answer.code == code
        case Stay(why):
            assert answer == Decided(state, why)
        case _:
            assert answer.message if isinstance(answer, Refused) else answer.note


def switching(state: Rollout | None = None, **more: object) -> Decided | Refused:
    state = state or state_at(Phase.VERIFIED, PLAN)
    return decide(state, Switch("ada", "why", at(**more)))


def code(answer: Decided | Refused) -> str:
    return answer.code if isinstance(answer, Refused) else "begun"


def test_a_switch_is_refused_for_each_reason_alone_and_shows_its_evidence() -> None:
    assert code(switching()) == "begun"
    drifted = switching(fingerprint="e" * 64)
    assert isinstance(drifted, Refused)
    assert (drifted.code, drifted.evidence) == ("drifted", ("applied: " + "f" * 16, "now: " + "e" * 16))
    for answer in ("not-applied", "dirty", "unknown"):
        closed = switching(gates=(GateVerdict("orders_db", answer, "version 6"),))
        assert isinstance(closed, Refused)
        assert (closed.code, closed.evidence) == ("gate-closed", (f"orders_db: {answer}: version 6",))
    assert code(switching(gates=(GateVerdict("orders_db", "applied", "version 7"),))) == "begun"
    for verdict in ("breached", "inconclusive"):
        assert code(switching(limits=(OK_LIMIT, replace(BREACHED, verdict=verdict)))) == "limit-breached"
    assert code(switching(state=replace(state_at(Phase.VERIFIED, PLAN), lesson_due=True))) == "lesson-due"
    assert code(switching(now_ms=NOW_MS + LONG_MS)) == "not-verified"
    stuck = switching(unmovable=("Group billing has no committed offset in orders.",))
    assert isinstance(stuck, Refused)
    assert (stuck.code, stuck.evidence) == ("group-unmovable", ("Group billing has no committed offset in orders.",))


def test_a_waiver_opens_what_it_names_and_nothing_else_and_says_by_whom_and_why() -> None:
    gates = (GateVerdict("a", "dirty", ""), GateVerdict("b", "unknown", ""))
    waive_a, waive_b = Waiver("gate:a", "carol", "repaired"), Waiver("gate:b", "carol", "no database")
    refused = switching(gates=gates, waivers=(waive_a,))
    assert isinstance(refused, Refused)
    assert refused.evidence == ("b: unknown: ",)
    assert code(switching(gates=gates, waivers=(waive_a, waive_b))) == "begun"
    assert code(switching(limits=(BREACHED,), waivers=(Waiver("limit:error_rate", "carol", "a test"),))) == "begun"
    for unnamed in (replace(waive_a, by=" "), replace(waive_a, reason=""), replace(waive_a, what="")):
        assert code(switching(waivers=(unnamed,))) == "waiver-unnamed"


@pytest.mark.parametrize("plan", [replace(PLAN, risk="destructive"), replace(PLAN, lossy=True)])
def test_what_loses_needs_somebody_elses_yes_to_this_action_under_this_plan(plan: Plan) -> None:
    state = state_at(Phase.VERIFIED, plan)

    def asked(**more: object) -> str:
        approval = replace(Approval("id", "switch", plan.fingerprint, "ada", "bob", NOW_MS + 1), **more)
        return code(decide(state, Switch("ada", "why", at(plan=plan, approval=approval))))

    assert asked() == "begun"
    assert code(decide(state, Switch("ada", "why", at(plan=plan)))) == "no-approval"
    assert asked(approved_by="ada") == "approval-own"
    assert asked(requested_by="bob") == "approval-own"
    assert asked(approved_by="") == "approval-own"
    assert asked(action="apply") == "approval-of-other"
    assert asked(fingerprint="e" * 64) == "approval-of-other"
    assert asked(expires_at_ms=NOW_MS) == "approval-expired"


def test_retiring_needs_no_readers_an_archive_a_reason_and_an_approval() -> None:
    state = state_at(Phase.SWITCHED, PLAN)

    def asked(command: Retire) -> str:
        return code(decide(state, command))

    good = Retire("ada", "why", at("retire"), Readers("yes"))
    assert asked(good) == "begun"
    for answer in ("no", "unknown"):
        assert asked(replace(good, readers=Readers(answer, ("search reads it",)))) == "readers-remain"
    assert asked(replace(good, reason="  ")) == "reason-missing"
    assert asked(replace(good, at=at())) == "no-approval"
    assert state.plan is not None
    state = replace(state, plan=replace(state.plan, archive=""))
    assert asked(good) == "no-archive"
    assert asked(replace(good, archive="file:///orders")) == "begun"
    waived = replace(good, at=at("retire", waivers=(Waiver("archive", "carol", "a copy is in the lake"),)))
    answer = decide(state, waived)
    assert isinstance(answer, Decided)
    assert not any(isinstance(effect, ArchiveTopic) for effect in answer.effects)


def names(effects: tuple[Effect, ...]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def effects_of(state: Rollout, command: Event) -> tuple[Effect, ...]:
    answer = decide(state, command)
    assert isinstance(answer, Decided), answer
    return answer.effects


def test_the_barrier_keeps_its_order_forward_and_back() -> None:
    barrier = ["CloseEpoch", "AwaitProducers", "RecordEnds", "DrainBridge", "RecordEnds", "WriteEpoch", "GrantWrite"]
    switch = effects_of(state_at(Phase.VERIFIED, PLAN), event_of(Kind.SWITCH))
    assert names(switch) == [
        "TranslateGroup", "ConfirmReady", *barrier, "CommitStart", "StartBridge", "TranslateGroup", "ReleaseRetention",
        "Notify",
    ]  # fmt: skip
    assert switch[2:8] == (
        CloseEpoch(1, "new"),
        AwaitProducers(1, "orders"),
        RecordEnds("B", "orders"),
        DrainBridge("up", "orders"),
        RecordEnds("T", "orders.v3"),
        WriteEpoch(1, "new"),
    )
    back = effects_of(state_at(Phase.SWITCHED, PLAN), event_of(Kind.ROLLBACK))
    first = names(back).index("CloseEpoch")
    assert names(back)[first : first + 7] == barrier
    assert back[first : first + 6] == (
        CloseEpoch(2, "old"),
        AwaitProducers(2, "orders.v3"),
        RecordEnds("B", "orders.v3"),
        DrainBridge("down", "orders.v3"),
        RecordEnds("T", "orders"),
        WriteEpoch(2, "old"),
    )
    moves = [effect for effect in back if isinstance(effect, TranslateGroup)]
    assert moves == [TranslateGroup("billing", "old"), TranslateGroup("search", "old")]  # the last moved first


def test_a_producer_is_waived_by_name_and_no_other_is() -> None:
    command = Switch("ada", "why", at(waivers=(Waiver("producer:legacy", "carol", "reads only"),)))
    effects = effects_of(state_at(Phase.VERIFIED, PLAN), command)
    assert AwaitProducers(1, "orders", ("legacy",)) in effects


def test_the_old_topic_is_locked_before_it_is_archived_and_deleted_last() -> None:
    effects = effects_of(state_at(Phase.SWITCHED, PLAN), event_of(Kind.RETIRE))
    order = [effects.index(each) for each in (LockTopic("orders"), ArchiveTopic("orders", PLAN.archive))]
    assert order == sorted(order)
    assert names(effects)[-2:] == ["DeleteTopic", "Notify"]


@pytest.mark.parametrize(
    ("phase", "kind", "subject", "text"),
    [
        (Phase.VERIFIED, Kind.SWITCH, "switched", "producers write orders.v3 since epoch 1"),
        (Phase.SWITCHED, Kind.ROLLBACK, "rolled back", "producers write orders again since epoch 2"),
        (Phase.SWITCHED, Kind.RETIRE, "retired", f"orders is deleted, its archive is {PLAN.archive}"),
        (Phase.EXPANDED, Kind.ABANDON, "abandoned", "orders stays, what was made is undone"),
    ],
)
def test_the_last_step_tells_people_what_is_so_now_and_why(phase: Phase, kind: Kind, subject: str, text: str) -> None:
    last = effects_of(state_at(phase, PLAN), event_of(kind))[-1]
    assert isinstance(last, Notify)
    assert (last.subject, last.text) == (subject, f"{PLAN.migration}: {text}, by ada: why")


def test_abandoning_undoes_what_was_made_the_last_first_with_the_first_pictures() -> None:
    state = state_at(Phase.EXPANDED, PLAN)
    again = decide(state, Apply("ada", "why", at(plan=replanned(PLAN)), replanned(PLAN)))
    assert isinstance(again, Decided)
    state = worked(again.state)
    undone = [e for e in effects_of(state, Abandon("ada", "why", at())) if isinstance(e, Undo)]
    made = [each.of for each in undone]
    assert made.index(HoldRetention("orders.v3")) < [type(each) for each in made].index(CreateTopic) + 2
    assert len(made) == len({repr(each) for each in made})
    assert made == [step.effect for step in reversed(state.made)]


def test_the_same_plan_applied_again_is_nothing_to_do_and_another_is_applied() -> None:
    for phase in (Phase.EXPANDED, Phase.REPLAYING, Phase.CAUGHT_UP, Phase.VERIFIED, Phase.SWITCHED):
        state = state_at(phase, PLAN)
        same = decide(state, Apply("ada", "why", at(), PLAN))
        assert isinstance(same, Decided)
        assert same.state == state
        other = decide(state, Apply("ada", "why", at(plan=replanned(PLAN)), replanned(PLAN)))
        assert isinstance(other, Decided)
        done = worked(other.state)
        assert done.fingerprint == "e" * 64
        assert done.phase is (Phase.SWITCHED if phase is Phase.SWITCHED else Phase.EXPANDED)
        assert code(decide(state, Apply("ada", "why", at(), replanned(PLAN)))) == "plan-stale"
    elsewhere = replace(replanned(PLAN), target="orders.v4")
    switched = state_at(Phase.SWITCHED, PLAN)
    assert code(decide(switched, Apply("ada", "why", at(plan=elsewhere), elsewhere))) == "other-topics"


def test_drift_stops_a_switch_until_its_point_of_no_return_and_not_after_it() -> None:
    drifted = Switch("ada", "why", at(fingerprint="e" * 64))
    assert code(decide(state_at(Stage.MOVING, PLAN), drifted)) == "drifted"
    assert code(decide(state_at(Stage.COMMITTED, PLAN), drifted)) == "begun"


def test_only_its_own_command_goes_on_with_a_transition() -> None:
    for stage in Stage:
        state = state_at(stage, PLAN)
        for kind in COMMANDS:
            answer = decide(state, event_of(kind))
            if kind is Kind.SWITCH:
                assert answer == Decided(state, "switch goes on")
            elif kind is Kind.ROLLBACK and stage is Stage.COMMITTED:
                assert isinstance(answer, Decided)
            else:
                assert code(answer) == "another-transition"


def test_without_a_way_back_nobody_rolls_back_and_a_limit_pauses_instead() -> None:
    one_way = replace(PLAN, has_reverse=False)
    state = state_at(Phase.SWITCHED, one_way)
    assert code(decide(state, Rollback("ada", "why", at()))) == "no-way-back"
    answer = decide(state, LimitsSeen(NOW_MS, (BREACHED,)))
    assert isinstance(answer, Decided)
    assert names(answer.effects) == ["PauseBridge", "Notify"]
    paused = worked(answer.state)
    assert paused.paused
    again = decide(paused, LimitsSeen(NOW_MS, (BREACHED,)))
    assert isinstance(again, Decided)
    assert again.state == paused  # told once, not at every look
    calm = decide(paused, LimitsSeen(NOW_MS, (OK_LIMIT,)))
    assert isinstance(calm, Decided)
    assert not calm.state.paused


def test_phases_that_rest_on_observations_fall_back_by_themselves() -> None:
    verified = state_at(Phase.VERIFIED, PLAN)

    def after(event: Event) -> Phase:
        answer = decide(verified, event)
        assert isinstance(answer, Decided)
        return answer.state.phase

    assert after(LagMeasured({0: 0, 1: 101}, 100)) is Phase.REPLAYING
    assert after(LagMeasured({0: 0, 1: None}, 100)) is Phase.REPLAYING  # unknown is not small
    assert after(LagMeasured({}, 100)) is Phase.REPLAYING
    assert after(LagMeasured({0: 0, 1: 100}, 100)) is Phase.VERIFIED
    assert after(TimePassed(NOW_MS + LONG_MS)) is Phase.CAUGHT_UP
    assert after(TimePassed(NOW_MS + LONG_MS - 1)) is Phase.VERIFIED
    assert after(VerificationSeen(PLAN.fingerprint, False, LONG_MS, NOW_MS)) is Phase.CAUGHT_UP
    assert after(VerificationSeen("e" * 64, False, LONG_MS, NOW_MS)) is Phase.VERIFIED  # of another plan


def test_a_rollout_survives_its_document_in_every_place_and_a_later_format_is_refused() -> None:
    for place in PLACES:
        state = state_at(place, PLAN)
        assert from_document(to_document(state)) == state
    with pytest.raises(UnknownFormat, match=str(FORMAT + 1)):
        from_document({**to_document(Rollout(NAME)), "format": FORMAT + 1})


def test_steps_are_undone_the_last_first_and_what_certainly_did_not_happen_is_left_alone() -> None:
    answer = decide(state_at(Stage.IN_DOUBT, PLAN), Revert("ada", "enough", happened=False))
    assert isinstance(answer, Decided)
    state, order = answer.state, []
    while state.underway is not None:
        assert state.place is Stage.REVERTING
        index = state.underway.index
        assert index is not None
        order.append(type(state.underway.steps[index].effect).__name__)
        undone = decide(state, StepDone(index, NOW_MS))
        assert isinstance(undone, Decided)
        state = undone.state
    assert order == [
        "RecordEnds", "DrainBridge", "RecordEnds", "AwaitProducers", "CloseEpoch", "ConfirmReady", "TranslateGroup"
    ]  # fmt: skip
    assert (state.phase, state.epoch, state.last_epoch, state.moved) == (Phase.VERIFIED, 0, 1, ())
