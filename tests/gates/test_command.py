"""The gate that asks a program."""

import os
import sys
from pathlib import Path

import pytest
from tests.support.histories import ask

from instar.gates.question import CommandQuestion


def asked(text: str, **more: object) -> CommandQuestion:
    return CommandQuestion((sys.executable, "-c", text), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("code", "answer"), [(0, "applied"), (3, "not-applied"), (1, "unknown"), (2, "unknown")])
def test_its_exit_code_is_the_answer(tmp_path: Path, code: int, answer: str) -> None:
    verdict = ask(asked(f"print('seen so'); raise SystemExit({code})"), tmp_path)
    assert verdict.answer == answer
    assert f"ended with {code}" in verdict.evidence
    assert "seen so" in verdict.evidence


def test_a_gate_blocks_until_what_it_waits_for_is_there(tmp_path: Path) -> None:
    question = asked("import pathlib; raise SystemExit(0 if pathlib.Path('ready').exists() else 3)")
    assert ask(question, tmp_path).answer == "not-applied"
    (tmp_path / "ready").touch()
    assert ask(question, tmp_path).answer == "applied"


def test_a_program_that_does_not_end_is_stopped(tmp_path: Path) -> None:
    verdict = ask(asked("import time; print('at it', flush=True); time.sleep(600)", timeout_s=1.0), tmp_path)
    assert (verdict.answer, "did not end within 1 s" in verdict.evidence) == ("unknown", True)


def test_a_program_that_was_killed_is_unknown(tmp_path: Path) -> None:
    verdict = ask(asked("import os; os.kill(os.getpid(), 9)"), tmp_path)
    assert (verdict.answer, "signal 9" in verdict.evidence) == ("unknown", True)


@pytest.mark.parametrize("program", ["no-such-program-here", "./no-such-file"])
def test_a_program_that_is_not_there_is_unknown(tmp_path: Path, program: str) -> None:
    verdict = ask(CommandQuestion((program,)), tmp_path, os.environ)
    assert (verdict.answer, "cannot be started" in verdict.evidence) == ("unknown", True)


def test_it_gets_the_variables_that_are_named_and_no_others_and_their_values_are_not_told(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "ASK_TOKEN": "s3cret-s3cret", "DB_PASSWORD": "other", "LC_ALL": "C.UTF-8"}
    text = "import os; print(sorted(os.environ)); print(os.environ['ASK_TOKEN']); raise SystemExit(3)"
    question = asked(text, variables=("ASK_TOKEN", "NOT_SET"), told={"INSTAR_GATE": "it"})
    verdict = ask(question, tmp_path, environ)
    assert verdict.answer == "not-applied"
    assert "'ASK_TOKEN', 'INSTAR_GATE'" in verdict.evidence
    assert "DB_PASSWORD" not in verdict.evidence
    assert "s3cret" not in verdict.evidence


def test_the_end_of_a_long_output_is_kept(tmp_path: Path) -> None:
    verdict = ask(asked("print('x' * 1_000_000); print('\\x1b[31mthe reason'); raise SystemExit(3)"), tmp_path)
    assert verdict.evidence.endswith("[31mthe reason")
    assert len(verdict.evidence) < 700
