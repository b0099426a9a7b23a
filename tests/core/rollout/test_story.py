"""A rollout's story, told from what the coordinator really writes into the ledger."""

import json
from dataclasses import dataclass

import pytest
from tests.support.rollouts import NAME, Lab

from instar.core.rollout.effect import DrainBridge
from instar.core.rollout.event import Lesson
from instar.core.rollout.phase import Phase
from instar.core.rollout.story import Story, seconds_in, tell


@dataclass(frozen=True, slots=True)
class Line:
    at_ms: int
    actor: str
    action: str
    reason: str
    details: str


def story(lab: Lab) -> Story:
    return tell(
        Line(1000 * number, noted.actor, noted.action, noted.reason, json.dumps(dict(noted.details)))
        for number, noted in enumerate(lab.store.ledger, 1)
    )


def test_a_whole_life_is_told_in_its_phases_and_transitions() -> None:
    told = story(Lab().reach(Phase.RETIRED))
    assert [phase for _, phase in told.phases] == [
        "draft", "expanded", "replaying", "caught-up", "verified", "switched", "retired",
    ]  # fmt: skip
    assert [each.name for each in told.transitions] == ["apply", "switch", "retire"]
    assert all(each.ended and not each.undone and each.steps for each in told.transitions)
    assert told.problems == []
    assert told.transitions[2].approval.endswith("by bob")


def test_a_rollback_is_told_with_its_reason_and_its_lesson() -> None:
    lab = Lab().reach(Phase.SWITCHED)
    lab.done("rollback")
    lab.coordinator.tell(NAME, Lesson("ada", "a hop", "mended", "look first"), actor="ada", reason="a hop / look first")
    told = story(lab)
    assert told.transitions[-1].name == "rollback"
    assert told.transitions[-1].reason == "search shows wrong prices"
    assert [(by, text) for _, by, text in told.lessons] == [("ada", "a hop / look first")]


def test_a_barrier_that_failed_is_told_as_undone_with_what_failed() -> None:
    lab = Lab().reach(Phase.VERIFIED)
    lab.runner.refuse[DrainBridge] = "the bridge is gone"
    assert lab.do("switch").kind == "undone"
    (switch,) = [each for each in story(lab).transitions if each.name == "switch"]
    assert switch.undone
    assert switch.ended
    assert any("the bridge is gone" in failure for failure in switch.failures)
    assert any(step.startswith("undo ") for step in switch.steps)


def test_a_transition_that_broke_off_is_in_progress() -> None:
    lab = Lab().reach(Phase.VERIFIED)
    lab.runner.stall.add(DrainBridge)
    lab.coordinator = lab.operator("ada", barrier_s=10**9)
    lab.clock.sleep = lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        lab.do("switch")
    assert story(lab).transitions[-1].as_dict()["outcome"] == "in progress"


def test_the_time_in_each_phase_adds_up() -> None:
    phases = [(0, "draft"), (2000, "expanded"), (3000, "draft")]
    assert seconds_in(phases, 10_000) == {"draft": 9.0, "expanded": 1.0}
