"""What the commands of a rollout show before they do anything is what they would say."""

import json
from typing import Any

import pytest
from tests.support.rollout_runner import Killed
from tests.support.rollouts import NAME, Lab

from instar.cli.exits import OK, REFUSED
from instar.cli.moving import move, undo
from instar.cli.output import Document
from instar.core.rollout.effect import DrainBridge, StartBridge
from instar.core.rollout.event import Rollback
from instar.core.rollout.phase import Phase, Stage


def shown(lab: Lab, name: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code = move(lab.coordinator, NAME, lab.command(name), doing=False, output=Document.JSON)
    return code, json.loads(capsys.readouterr().out)


def undoing(lab: Lab, transition: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code = undo(lab.coordinator, NAME, transition, "ada", "why", doing=False, output=Document.JSON)
    return code, json.loads(capsys.readouterr().out)


def half_switched() -> Lab:
    """Past its record, waiting for the reverse bridge."""
    lab = Lab().reach(Phase.VERIFIED)
    lab.runner.stall.add(StartBridge)
    assert lab.do("switch").kind == "waiting"
    return lab


def test_another_transition_in_progress_is_refused_before_it_is_done_as_when_it_is_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lab = half_switched()
    code, said = shown(lab, "abandon", capsys)
    assert (code, said["code"]) == (REFUSED, "another-transition")
    assert lab.do("abandon").code == "another-transition"
    code, said = shown(lab, "switch", capsys)
    assert (code, said["result"]) == (OK, "planned")
    assert said["steps"][0].startswith("start bridge")


def test_taking_a_switch_over_by_a_rollback_shows_the_steps_of_the_rollback(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = shown(half_switched(), "rollback", capsys)
    assert code == OK
    assert any("authority=old" in step for step in said["steps"])


def test_an_undo_that_would_be_refused_shows_the_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = undoing(Lab().reach(Phase.VERIFIED), "switch", capsys)
    assert (code, said["code"]) == (REFUSED, "nothing-underway")
    code, said = undoing(half_switched(), "switch", capsys)
    assert (code, said["code"]) == (REFUSED, "past-return")


def test_an_undo_shows_the_steps_that_it_takes_back_the_last_first(capsys: pytest.CaptureFixture[str]) -> None:
    lab = Lab().reach(Phase.DRAFT)
    lab.ticker.kill_at = 12
    with pytest.raises(BaseException, match="at 12"):
        lab.do("apply")
    lab.after_a_crash()
    begun = (
        [step.progress for step in lab.state.underway.steps if step.progress != "planned"] if lab.state.underway else []
    )
    code, said = undoing(lab, "apply", capsys)
    assert code == OK
    assert len(said["steps"]) == len(begun) > 1
    assert said["steps"][-1].startswith("undo create topic")


def test_what_is_being_undone_shows_what_is_left_of_that(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab().reach(Phase.VERIFIED)
    lab.runner.refuse[DrainBridge] = "the bridge is gone"

    def dies(*_: object) -> None:
        raise Killed("at the first step back")

    monkeypatch.setattr(lab.runner, "revert", dies)
    with pytest.raises(Killed):
        lab.do("switch")
    lab.after_a_crash()
    assert lab.state.place is Stage.REVERTING
    code, said = shown(lab, "switch", capsys)
    assert code == OK
    assert said["steps"]
    assert all(step.startswith("undo ") for step in said["steps"])


def test_nothing_to_do_is_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = shown(Lab().reach(Phase.SWITCHED), "switch", capsys)
    assert (code, said["result"]) == (OK, "nothing")


def test_what_somebody_wrote_moves_no_cursor_and_does_not_fill_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    lab = Lab().reach(Phase.SWITCHED)
    command = Rollback("ada", "\x1b[2J\u202e[red]why\n" + "x" * 9_999, lab.at("rollback"))
    assert move(lab.coordinator, NAME, command, doing=False, output=Document.TABLE) == OK
    shown = capsys.readouterr().out
    assert "\\x1b[2J\\u202e[red]why\\nxxx" in shown
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) < 1_000
