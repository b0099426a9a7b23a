"""Failpoints: what the setting may say, when a place strikes, and the proof that is left behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from instar.kafka.failpoints import ACTIONS, NAMES, BadFailpoint, FailpointHit, Failpoints

SERVICES = Path(__file__).resolve().parents[2] / "services"


def test_unset_no_place_strikes(tmp_path: Path) -> None:
    points = Failpoints("", tmp_path / "log")
    for name in NAMES:
        points.hit(name, in_transaction=True)
        assert points.during(name, in_transaction=True) is False
    assert not (tmp_path / "log").exists()


def test_a_place_strikes_at_the_hit_that_was_asked_for_and_only_then(tmp_path: Path) -> None:
    log = tmp_path / "log"
    points = Failpoints("polled=raise@3;flushed=raise", log)
    points.hit("polled", in_transaction=False)
    points.hit("polled", in_transaction=False)
    with pytest.raises(FailpointHit, match="polled"):
        points.hit("polled", in_transaction=False)
    points.hit("polled", in_transaction=False)
    with pytest.raises(FailpointHit, match="flushed"):
        points.hit("flushed", in_transaction=True)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["failpoint"], line["in_transaction"]) for line in lines] == [("polled", False), ("flushed", True)]
    assert {line["pid"] for line in lines} == {os.getpid()}


def test_a_place_that_strikes_while_a_call_runs_says_so_for_raise(tmp_path: Path) -> None:
    points = Failpoints("during-commit=raise", tmp_path / "log")
    assert points.during("during-commit", in_transaction=True) is True
    assert points.during("during-commit", in_transaction=True) is False
    assert json.loads((tmp_path / "log").read_text())["action"] == "raise"


@pytest.mark.parametrize(
    "setting", ["polled", "polled=", "polled=die", "poled=kill", "polled=kill@x", "polled=kill@-1"]
)
def test_a_setting_that_does_not_parse_names_what_is_allowed(setting: str) -> None:
    with pytest.raises(BadFailpoint) as caught:
        Failpoints(setting)
    assert repr(setting) in str(caught.value)
    assert all(word in str(caught.value) for word in (*NAMES, *ACTIONS))


@pytest.mark.parametrize("place", ["hit('produced'", "during('produced'"])
def test_kill_ends_the_process_at_once_and_leaves_its_proof(tmp_path: Path, place: str) -> None:
    log = tmp_path / "log"
    program = (
        "import threading; from instar.kafka.failpoints import Failpoints\n"
        f"Failpoints.from_environment().{place}, in_transaction=True)\n"
        "threading.Event().wait(30)"
    )
    variables = {**os.environ, "PYTHONPATH": str(SERVICES), "INSTAR_FAILPOINT": "produced=kill"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env={**variables, "INSTAR_FAILPOINT_LOG": str(log)}, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    line = json.loads(log.read_text())
    assert (line["failpoint"], line["action"], line["in_transaction"]) == ("produced", "kill", True)
