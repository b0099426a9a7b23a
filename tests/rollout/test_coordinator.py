"""A rollout is finished by giving the command again, or undone, wherever its coordinator died."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from tests.support.rollout_runner import Killed
from tests.support.rollout_store import TTL_MS
from tests.support.rollout_world import shop
from tests.support.rollouts import NAME, PLAN, Lab, replanned

from instar.core.rollout.effect import (
    EFFECTS,
    AwaitProducers,
    CommitStart,
    CreateTopic,
    DrainBridge,
    Effect,
    TranslateGroup,
    WriteEpoch,
)
from instar.core.rollout.event import Circumstances, GateVerdict, Lesson, LimitsSeen, LimitVerdict, Switch, Waiver
from instar.core.rollout.phase import PLACES, Phase, Stage
from instar.core.rollout.plan import GroupPlan
from instar.core.rollout.table import TABLE, TRANSITIONS, ByLimits, Go, TakeOver
from instar.rollout.coordinator import Result
from instar.rollout.ports import Context, Outcome

BREACHED = LimitVerdict("error_rate", "breached", "rollback", "1.2 % of 4000 records in 60 s, limit 0.1 %")


@dataclass(frozen=True)
class Case:
    """A transition from a place in which the table begins it."""

    place: str
    transition: str
    by: str  # "command" or "limits"

    def __str__(self) -> str:
        return f"{self.transition} from {self.place} by {self.by}"


def cases() -> Iterator[Case]:
    """Every way in which the table begins a transition."""
    found: dict[Case, None] = {}
    for row in TABLE.values():
        for place in PLACES:
            match row[place]:
                case Go(transition):
                    found[Case(place.value, transition, "command")] = None
                case TakeOver():
                    found[Case(place.value, "rollback", "command")] = None
                case ByLimits(pause, rollback):
                    for wanted in (pause, rollback):
                        if wanted in TRANSITIONS:
                            found[Case(place.value, wanted, "limits")] = None
                        elif wanted == "take over":
                            found[Case(place.value, "rollback", "limits")] = None
                case _:
                    pass
    return iter(found)


CASES = list(cases())


def prepared(case: Case) -> Lab:
    """A lab at the case's place."""
    lab = Lab(world=shop(unmanaged=True))
    if case.place == Stage.COMMITTED:
        lab.reach(Phase.VERIFIED)
        lab.runner.stall = {TranslateGroup}  # billing does not stop
        switch = replace(lab.command("switch"), groups=(GroupPlan("billing"),))
        assert lab.coordinator.command(NAME, switch).kind == "waiting"
        lab.runner.stall = set()
        assert lab.state.place is Stage.COMMITTED
    else:
        lab.reach(Phase(case.place))
        if lab.state.plan is not None and case.transition in ("apply", "replan"):
            lab.plan = replanned(lab.plan)
    return lab


def act(lab: Lab, case: Case) -> Result:
    """What begins the case's transition, or goes on with it."""
    if case.by == "command":
        return lab.do("apply" if case.transition == "replan" else case.transition)
    if begun(lab, case) or (case.transition == "rollback" and lab.state.authority == "old"):
        return lab.coordinator.resume(NAME)
    wanted = BREACHED if case.transition == "rollback" else replace(BREACHED, action="pause")
    return lab.coordinator.observe(NAME, [LimitsSeen(lab.clock.now_ms(), (wanted,))])


def begun(lab: Lab, case: Case) -> bool:
    underway = lab.state.underway
    return underway is not None and underway.transition == case.transition


def assert_nothing_lost(lab: Lab) -> None:
    lab.world.settle()
    assert lab.world.lost_and_doubled() == dict.fromkeys(lab.world.groups, (0, 0))
    assert lab.world.written_late == [record for record in lab.world.written_late if record.startswith("legacy")], (
        "a managed producer wrote where it must not"
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_between_any_two_changes_it_is_finished_by_the_same_command(case: Case) -> None:
    ready = prepared(case)
    lab = ready.copy()
    assert act(lab, case).kind == "done"
    expected, total = lab.left(), lab.ticker.count - ready.ticker.count
    assert_nothing_lost(lab)
    for at in range(total):
        lab = ready.copy()
        lab.ticker.kill_at = lab.ticker.count + at
        with pytest.raises(Killed):
            act(lab, case)
        lab.after_a_crash()
        assert act(lab, case).kind in ("done", "nothing"), f"killed at {at}"
        assert lab.left() == expected, f"killed at {at}"
        assert_nothing_lost(lab)
    print(f"{case}: killed at {total} places, finished {total} times")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_before_its_point_of_no_return_it_can_be_undone_and_that_can_be_killed_too(case: Case) -> None:
    ready = prepared(case)
    origin = ready.left(undone=True)
    lab = ready.copy()
    act(lab, case)
    total = lab.ticker.count - ready.ticker.count
    undone = refused = killed = 0
    for at in range(total):
        lab = ready.copy()
        lab.ticker.kill_at = lab.ticker.count + at
        with pytest.raises(Killed):
            act(lab, case)
        lab.after_a_crash()
        if not begun(lab, case):
            continue  # it had not begun yet, or was finished already
        place = lab.state.place
        # The undoing dies once in the middle as well, at a place that differs from round to round.
        lab.ticker.kill_at = lab.ticker.count + at % 7 + 1
        try:
            result = lab.coordinator.revert(NAME, actor="bob", reason="enough")
        except Killed:
            killed += 1
            lab.after_a_crash()
            result = lab.coordinator.revert(NAME, actor="bob", reason="enough")
            if result.code == "nothing-underway":  # it died after the last step was on record
                result = replace(result, kind="undone")
        lab.ticker.kill_at = None
        if result.kind == "refused":
            assert result.code in ("past-return", "in-doubt")
            assert place in (Stage.COMMITTED, Stage.IN_DOUBT)
            refused += 1
            assert act(lab, case).kind == "done"
        else:
            assert result.kind == "undone", result
            assert place is not Stage.COMMITTED
            undone += 1
            if case.place != Stage.COMMITTED:  # a rollback that took a switch over goes back to a finished switch
                assert lab.left(undone=True) == origin, f"killed at {at}"
        assert_nothing_lost(lab)
    assert undone + refused > 0 or not prepared_steps(ready, case)
    print(f"{case}: {undone} undone, {refused} past the point of no return, {killed} undoings killed as well")


def prepared_steps(ready: Lab, case: Case) -> bool:
    """Does the transition have steps at all? A new plan on record, and abandoning a draft, have none."""
    return not (case.transition == "replan" or (case.transition == "abandon" and ready.state.plan is None))


def test_every_effect_is_met_by_the_killing() -> None:
    met = set()
    for case in CASES:
        lab = prepared(case)
        act(lab, case)
        ledger = lab.store.ledger
        met |= {noted.details["effect"]["do"] for noted in ledger if "effect" in noted.details}
    assert met == {effect.__name__ for effect in EFFECTS} - {"Hold"}  # time, not a change of the world: see below


def test_a_failure_before_the_epoch_record_is_undone_at_once_and_named() -> None:
    for effect in (AwaitProducers, DrainBridge, WriteEpoch):
        lab = Lab().reach(Phase.VERIFIED)
        origin = lab.left()
        lab.runner.refuse = {effect: "the cluster says no"}
        result = lab.do("switch")
        assert result.kind == "undone"
        assert "the cluster says no" in result.message
        assert lab.left() == origin
        assert (lab.state.epoch, lab.state.last_epoch) == (0, 1)
        lab.runner.refuse = {}
        assert lab.do("switch").kind == "done"
        assert lab.state.epoch == 2  # the number of the failed attempt is never used again
        assert_nothing_lost(lab)


def test_producers_are_not_kept_waiting_longer_than_the_barrier_allows() -> None:
    lab = Lab().reach(Phase.VERIFIED)
    origin = lab.left()
    lab.runner.stall = {DrainBridge}
    lab.coordinator = lab.operator("ada", barrier_s=20.0)
    begun_ms = lab.clock.now_ms()
    result = lab.do("switch")
    assert result.kind == "undone"
    assert "not within 20 s" in result.message
    assert 20_000 <= lab.clock.now_ms() - begun_ms < 25_000
    assert lab.left() == origin


def test_the_time_that_a_canary_is_watched_is_no_time_that_producers_wait() -> None:
    lab = Lab(plan=replace(PLAN, groups=(GroupPlan("search", hold_s=600, canary=True),))).reach(Phase.VERIFIED)
    slow = Slow(lab.runner.run, DrainBridge)
    lab.runner.run = slow  # type: ignore[method-assign]
    lab.coordinator = lab.operator("ada", barrier_s=20.0, wait=True)
    assert lab.done("switch").state.authority == "new"
    assert slow.waited


@dataclass
class Slow:
    """A runner whose effect of one kind comes about at the second look."""

    run: Callable[[Effect, Context], Outcome]
    kind: type[Effect]
    waited: bool = False

    def __call__(self, effect: Effect, context: Context) -> Outcome:
        if isinstance(effect, self.kind) and not self.waited:
            self.waited = True
            return Outcome("waiting", message="not yet")
        return self.run(effect, context)


def test_a_failure_after_the_epoch_record_is_finished_later_and_never_undone() -> None:
    lab = Lab().reach(Phase.VERIFIED)
    lab.runner.refuse = {CommitStart: "the coordinator moves"}
    result = lab.do("switch")
    assert (result.kind, lab.state.authority, lab.state.phase) == ("failed", "new", Phase.VERIFIED)
    assert lab.coordinator.revert(NAME, actor="ada", reason="nerves").code == "past-return"
    lab.runner.refuse = {}
    assert lab.do("switch").kind == "done"
    assert_nothing_lost(lab)


def test_an_apply_that_fails_waits_for_the_next_try() -> None:
    lab = Lab()
    lab.runner.refuse = {CreateTopic: "no such replication factor"}
    assert lab.do("apply").kind == "failed"
    assert lab.do("switch").code == "another-transition"
    lab.runner.refuse = {}
    assert lab.do("apply").kind == "done"


def test_an_epoch_record_in_flight_is_fenced_before_it_is_undone_or_has_switched_and_is_finished() -> None:
    for arrives in (False, True):
        lab = Lab().reach(Phase.VERIFIED)
        origin = lab.left()
        lab.runner.lose_epoch_write = True
        assert lab.do("switch").kind == "unknown"
        assert lab.state.place is Stage.IN_DOUBT
        if arrives:
            lab.runner.arrive()
        result = lab.coordinator.revert(NAME, actor="ada", reason="no answer")
        lab.runner.arrive()  # fenced by now: nothing is left to arrive
        if arrives:
            assert result.code == "past-return"
            assert lab.do("switch").kind == "done"
        else:
            assert result.kind == "undone"
            assert lab.left() == origin
        assert_nothing_lost(lab)


def test_two_operators_cannot_both_move_a_migration_and_the_one_who_lost_the_lease_stops() -> None:
    lab = Lab().reach(Phase.VERIFIED)
    other = lab.operator("bob")
    answers: list[str] = []
    ticks = lab.ticker

    def meanwhile() -> None:
        ticks()
        if lab.state.place is Stage.MOVING and not answers:
            answers.append(other.command(NAME, lab.command("switch")).code)
            lab.clock.ms += TTL_MS + 1  # ada's process is stopped for too long; bob takes over and finishes
            answers.append(other.command(NAME, lab.command("switch")).kind)

    lab.store.tick = meanwhile
    result = lab.do("switch")
    assert answers == ["lease-taken", "done"]
    assert (result.kind, result.code) == ("refused", "lease-lost")
    assert lab.state.phase is Phase.SWITCHED
    assert_nothing_lost(lab)


def held_switch(lab: Lab) -> Switch:
    groups = (GroupPlan("search", hold_s=600, canary=True), GroupPlan("billing", hold_s=300))
    return replace(lab.command("switch"), groups=groups)


def test_canaries_move_first_and_nothing_else_moves_until_they_were_watched() -> None:
    lab = Lab().reach(Phase.VERIFIED)
    result = lab.coordinator.command(NAME, held_switch(lab))
    assert (result.kind, result.until_ms) == ("waiting", lab.clock.now_ms() + 600_000)
    assert lab.world.groups == {"search": "new", "billing": "old"}
    assert (lab.state.authority, lab.state.place) == ("old", Stage.MOVING)
    lab.clock.ms += 599_999
    assert lab.do("switch").kind == "waiting"
    lab.clock.ms += 1
    result = lab.do("switch")
    assert (result.kind, lab.state.authority, lab.world.groups["billing"]) == ("waiting", "new", "new")
    lab.coordinator = lab.operator("ada", wait=True)
    assert lab.do("switch").kind == "done"
    assert_nothing_lost(lab)


def test_a_limit_during_a_hold_undoes_the_switch_before_the_record_and_rolls_back_after_it() -> None:
    lab = Lab().reach(Phase.VERIFIED)
    origin = lab.left()
    lab.coordinator.command(NAME, held_switch(lab))
    lab.keeper.verdicts = (BREACHED,)
    result = lab.do("switch")
    assert result.kind == "undone"
    assert "1.2 %" in result.message
    assert lab.left() == origin

    lab.keeper.verdicts = ()
    lab.coordinator.command(NAME, held_switch(lab))
    lab.clock.ms += 600_000
    assert lab.do("switch").kind == "waiting"
    lab.keeper.verdicts = (BREACHED,)
    result = lab.do("switch")
    assert result.kind == "done"
    assert (lab.state.phase, lab.state.authority, lab.state.lesson_due) == (Phase.VERIFIED, "old", True)
    assert set(lab.world.groups.values()) == {"old"}
    assert [noted.reason for noted in lab.store.ledger if "rollback" in noted.action]
    assert_nothing_lost(lab)


def test_an_inconclusive_limit_holds_a_switch_where_it_is() -> None:
    lab = Lab().reach(Phase.VERIFIED)
    lab.coordinator.command(NAME, held_switch(lab))
    lab.keeper.verdicts = (replace(BREACHED, verdict="inconclusive", action="pause", evidence="no samples"),)
    lab.clock.ms += 10**6
    result = lab.do("switch")
    assert (result.kind, lab.state.place) == ("waiting", Stage.MOVING)
    assert "no samples" in result.message
    lab.keeper.verdicts = ()
    lab.coordinator = lab.operator("ada", wait=True)
    assert lab.do("switch").kind == "done"


def test_a_gate_that_closes_while_canaries_are_watched_stops_the_switch_unless_it_is_waived_by_name() -> None:
    closed = GateVerdict("orders_db", "dirty", "version 7 failed at 12:00")
    for waived in (False, True):
        lab = Lab().reach(Phase.VERIFIED)
        command = held_switch(lab)
        if waived:
            waiver = Waiver("gate:orders_db", "carol", "repaired by hand")
            command = replace(command, at=replace(command.at, waivers=(waiver,)))
        lab.coordinator.command(NAME, command)
        lab.keeper.closed = (closed,)
        lab.clock.ms += 600_000
        result = lab.do("switch")
        assert result.kind == ("waiting" if waived else "undone")
        assert waived or "version 7 failed" in result.message


def test_forward_back_forward_and_away_with_everybody_reading_and_writing() -> None:
    lab = Lab(world=shop(unmanaged=True)).reach(Phase.SWITCHED)
    lab.done("rollback")
    assert lab.do("switch").code == "lesson-due"
    lesson = Lesson("ada", "a wrong price", "v3_to_v4 rounds down", "compare totals in examples")
    assert lab.coordinator.tell(NAME, lesson, actor="ada").kind == "done"
    lab.done("switch")
    assert (lab.state.epoch, lab.state.authority) == (3, "new")
    assert_nothing_lost(lab)
    lab.done("retire")
    assert lab.state.phase is Phase.RETIRED
    assert "orders" not in lab.world.topics
    assert lab.world.archives
    assert_nothing_lost(lab)


def test_abandoning_leaves_the_topics_that_were_there_before() -> None:
    world = shop()
    world.make("orders.v3.dlq", {"retention.ms": "1"})
    lab = Lab(world=world)
    before = lab.world.summary()
    lab.reach(Phase.VERIFIED)
    lab.done("abandon")
    after = lab.world.summary()
    assert "orders.v3" not in after["topics"]
    assert after == {**before, "bridges": {"up": "stop", "down": ""}, "messages": ["abandoned"]}


def test_an_approval_is_used_once() -> None:
    lab = Lab(plan=replace(PLAN, risk="destructive")).reach(Phase.DRAFT)
    apply = lab.command("apply")
    assert lab.coordinator.command(NAME, apply).kind == "done"
    again = replace(apply, plan=replanned(lab.plan))
    approval = replace(apply.at.approval, fingerprint=again.plan.fingerprint)
    at = Circumstances(lab.clock.now_ms(), again.plan.fingerprint, approval=approval)
    assert lab.coordinator.command(NAME, replace(again, at=at)).code == "lease-lost"
    assert lab.state.fingerprint == PLAN.fingerprint


def test_who_only_watches_keeps_no_operator_out() -> None:
    lab = Lab().reach(Phase.VERIFIED)
    token = lab.store.tokens[NAME]
    quiet = LimitsSeen(lab.clock.now_ms(), (replace(BREACHED, verdict="ok", action="none"),))
    assert lab.coordinator.observe(NAME, [quiet, quiet]).kind == "nothing"
    assert lab.store.tokens[NAME] == token


def test_every_change_is_in_the_ledger_with_who_why_and_under_which_plan() -> None:
    lab = Lab().reach(Phase.SWITCHED)
    ledger = [noted for noted in lab.store.ledger if noted.action.startswith("switch")]
    assert ledger[0].action == "switch"
    assert len(ledger) == 1 + 2 * len(ledger[0].details["steps"])
    assert {(noted.actor, noted.reason, noted.fingerprint) for noted in ledger} == {
        ("ada", "all is verified", PLAN.fingerprint)
    }
    ends = [noted for noted in ledger if noted.details.get("effect", {}).get("do") == "RecordEnds"]
    assert ends[-1].details["evidence"]["offsets"].keys() == {"0", "1"}


def test_after_a_crash_the_picture_is_still_the_one_from_before_us() -> None:
    """What a killed apply had made already is not taken, on the second try, for what others had made."""
    ready = Lab()
    lab = ready.copy()
    lab.done("apply")
    for at in range(lab.ticker.count - ready.ticker.count):
        lab = ready.copy()
        before = lab.world.summary()
        lab.ticker.kill_at = lab.ticker.count + at
        with pytest.raises(Killed):
            lab.do("apply")
        lab.after_a_crash()
        lab.do("apply")
        lab.done("abandon")
        assert lab.world.summary() == {
            **before,
            "bridges": {"up": "stop", "down": ""},
            "messages": ["abandoned"],
        }, f"killed at {at}"
