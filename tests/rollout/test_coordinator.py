"""A rollout is finished by giving the command again, or undone, wherever its coordinator died."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from tests.support.rollout_runner import Killed
from tests.support.rollout_world import shop
from tests.support.rollouts import NAME, Lab, replanned

from instar.core.rollout.effect import TranslateGroup
from instar.core.rollout.event import LimitsSeen, LimitVerdict
from instar.core.rollout.phase import PLACES, Phase, Stage
from instar.core.rollout.plan import GroupPlan
from instar.core.rollout.table import TABLE, TRANSITIONS, ByLimits, Go, TakeOver
from instar.rollout.coordinator import Result

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


def prepared(case: Case) -> tuple[Lab, Callable[[], Result]]:
    """A lab at the case's place, and what begins its transition or goes on with it."""
    lab = Lab(world=shop(unmanaged=True))
    if case.place == Stage.COMMITTED:
        lab.reach(Phase.VERIFIED)
        lab.runner.stall = {TranslateGroup}  # billing does not stop
        lab.plan = replace(lab.plan)
        assert lab.coordinator.command(NAME, replace(lab.command("switch"), groups=(GroupPlan("billing"),))).kind == (
            "waiting"
        )
        lab.runner.stall = set()
        assert lab.state.place is Stage.COMMITTED
    else:
        lab.reach(Phase(case.place))
        if lab.state.plan is not None and case.transition in ("apply", "replan"):
            lab.plan = replanned(lab.plan)
    if case.by == "command":
        name = "apply" if case.transition == "replan" else case.transition
        return lab, lambda: lab.do(name)
    wanted = BREACHED if case.transition == "rollback" else replace(BREACHED, action="pause")

    def limits() -> Result:
        underway = lab.state.underway
        if underway is not None and underway.transition == case.transition:
            return lab.coordinator.resume(NAME)
        return lab.coordinator.observe(NAME, [LimitsSeen(lab.clock.now_ms(), (wanted,))])

    return lab, limits


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
def test_killed_between_any_two_changes_it_is_finished_by_the_same_command(
    case: Case, record_property: Callable[[str, object], None]
) -> None:
    lab, act = prepared(case)
    start = lab.ticker.count
    assert act().kind in ("done", "nothing")
    expected, total = lab.left(), lab.ticker.count - start
    assert_nothing_lost(lab)
    killed = 0
    for at in range(total):
        lab, act = prepared(case)
        lab.ticker.kill_at = lab.ticker.count + at
        try:
            act()
        except Killed:
            killed += 1
        lab.after_a_crash()
        assert act().kind in ("done", "nothing"), f"killed at {at}"
        assert lab.left() == expected, f"killed at {at}"
        assert_nothing_lost(lab)
    assert killed == total
    record_property("killed", killed)
    print(f"{case}: killed at {killed} places, finished {killed} times")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_before_its_point_of_no_return_it_can_be_undone_and_that_can_be_killed_too(case: Case) -> None:
    lab, act = prepared(case)
    before = lab.left(undone=True)
    start = lab.ticker.count
    act()
    total = lab.ticker.count - start
    undone = refused = killed = 0
    for at in range(total):
        lab, act = prepared(case)
        origin = lab.left(undone=True)
        assert origin == before
        lab.ticker.kill_at = lab.ticker.count + at
        with pytest.raises(Killed):
            act()
        lab.after_a_crash()
        if not begun(lab, case):
            continue
        place = lab.state.place
        # The undoing dies once in the middle as well, at a place that differs from round to round.
        lab.ticker.kill_at = lab.ticker.count + at % 7 + 1
        try:
            result = lab.coordinator.revert(NAME, actor="bob", reason="enough")
        except Killed:
            killed += 1
            lab.after_a_crash()
            result = lab.coordinator.revert(NAME, actor="bob", reason="enough")
            if result.code == "nothing-underway":
                result = replace(result, kind="undone")
        lab.ticker.kill_at = None
        if result.kind == "refused":
            assert result.code in ("past-return", "in-doubt")
            assert place in (Stage.COMMITTED, Stage.IN_DOUBT)
            refused += 1
            assert act().kind == "done"
        else:
            assert result.kind == "undone", result
            assert place is not Stage.COMMITTED
            undone += 1
            if case.place != Stage.COMMITTED:
                assert lab.left(undone=True) == origin, f"killed at {at}"
            assert lab.state.epoch <= lab.state.last_epoch
        assert_nothing_lost(lab)
    assert undone + refused > 0 or total <= 2
    print(f"{case}: {undone} undone, {refused} past the point of no return, {killed} undoings killed as well")
