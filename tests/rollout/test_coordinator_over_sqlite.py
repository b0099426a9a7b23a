"""The coordinator over a real store: a whole life, two operators, and a history that tells all of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.rollouts import FRESH_MS, NAME, PLAN, Lab
from tests.support.states import SQLITE, StateLab, fresh_state

from instar.core.ledger import Sound
from instar.core.rollout.event import Approval, Circumstances, Lesson
from instar.core.rollout.phase import Phase
from instar.core.rollout.plan import Plan
from instar.state.opening import State


class StoredLab(Lab):
    """The lab of the machine's tests, over a real store; approvals are asked for and given by people."""

    def __init__(self, state: State, plan: Plan = PLAN) -> None:
        super().__init__(plan)
        self.state_store = state
        self.store: Any = state.rollouts
        self.coordinator = self.operator("ada@laptop")

    def at(self, action: str = "", **more: Any) -> Circumstances:
        approval: Approval | None = None
        if action:
            asked = "apply" if action == "replan" else action
            approvals = self.state_store.approvals
            name = approvals.ask(NAME, asked, self.plan.fingerprint, "ada@laptop", "please", 2**50)
            approvals.approve(name, "bob@desk", "fine")
            approval = approvals.find(NAME, asked, self.plan.fingerprint)
            assert approval is not None
            assert approval.expires_at_ms > FRESH_MS
        return Circumstances(self.clock.now_ms(), self.plan.fingerprint, approval=approval, **more)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with fresh_state(SQLITE, tmp_path) as opened:
        yield opened


def test_forward_back_forward_and_away_with_every_step_on_record(state: State) -> None:
    lab = StoredLab(state).reach(Phase.SWITCHED)
    lab.done("rollback")
    assert lab.do("switch").code == "lesson-due"
    lesson = Lesson("ada", "a wrong price", "v3_to_v4 rounds down", "compare totals in examples")
    assert lab.coordinator.tell(NAME, lesson, actor="ada").kind == "done"
    lab.done("switch")
    lab.done("retire")
    assert lab.state.phase is Phase.RETIRED
    lab.world.settle()
    assert lab.world.lost_and_doubled() == dict.fromkeys(lab.world.groups, (0, 0))

    assert isinstance(state.ledger.verify(), Sound)
    entries = [entry for entry in state.ledger.entries(NAME) if entry.state_revision]
    assert [entry.state_revision for entry in entries] == list(range(1, len(entries) + 1))
    decided = [entry.action for entry in entries if ": step" not in entry.action]
    wanted = ["apply", "switch", "rollback", "lesson", "switch", "retire"]
    assert [action for action in decided if action in wanted] == wanted
    assert state.rollouts.held(NAME).revision == len(entries)
    used = [request for request in state.approvals.list(NAME) if request.standing == "used"]
    assert sorted(request.action for request in used) == ["apply", "retire", "rollback", "switch", "switch"]


def test_a_second_operator_is_refused_and_the_first_finishes(state: State) -> None:
    lab = StoredLab(state).reach(Phase.VERIFIED)
    other = lab.operator("bob@desk")
    with state.rollouts.lease(NAME, "ada@laptop"):
        result = other.command(NAME, lab.command("switch"))
        assert (result.kind, result.code) == ("refused", "lease-taken")
        assert "ada@laptop" in result.message
    lab.done("switch")


def test_who_lost_the_lease_on_the_way_stops_there_and_the_next_one_finishes(state: State) -> None:
    lab = StoredLab(state).reach(Phase.VERIFIED)
    other, answers = lab.operator("bob@desk"), []
    tick = lab.runner.tick

    def meanwhile() -> None:
        tick()
        if not answers and lab.state.underway is not None:
            answers.append("")
            StateLab(state).pass_time(30_000)  # ada's process was stopped for too long
            answers.append(other.command(NAME, lab.command("switch")).kind)

    lab.runner.tick = meanwhile
    result = lab.do("switch")
    assert answers == ["", "done"]
    assert (result.kind, result.code) == ("refused", "lease-lost")
    assert lab.state.phase is Phase.SWITCHED
    assert isinstance(state.ledger.verify(), Sound)
