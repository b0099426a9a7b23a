import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command import instar
from tests.support.folders import PEOPLE, write_files
from tests.support.shop import FILES

from instar import __version__

SOURCES = Path(__file__).resolve().parents[2] / "services"


def complete(root: Path, line: str) -> list[str]:
    """What a bash with the installed completion offers for the last word of a line."""
    words = line.split(" ")
    environ = {**os.environ, "PYTHONPATH": str(SOURCES), "_INSTAR_COMPLETE": "complete_bash"}
    environ |= {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    code = "import sys; sys.argv = ['instar']; from instar.cli.main import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    return ran.stdout.split()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("shop"), {**PEOPLE, **FILES})


def test_the_version_is_printed(tmp_path: Path) -> None:
    ran = instar("--version", at=tmp_path)
    assert (ran.code, ran.out) == (0, f"instar {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [("chek",), ("check", "--sampels"), ("check", "--samples", "many"), ("record", "x")]
)
def test_a_wrong_command_line_exits_2_without_a_traceback(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = instar(*arguments, at=tmp_path)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
    assert "--help` says what it takes" in ran.err


def test_every_verb_has_help(tmp_path: Path) -> None:
    helped = instar("--help", at=tmp_path)
    assert helped.code == 0
    verbs = "init check try convert record tail doctor plan worker backfill status watch pause resume rate demo"
    for verb in verbs.split():
        assert f" {verb} " in helped.out
        assert instar(verb, "--help", at=tmp_path).code == 0


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("instar try ", ["people", "sales"]),
        ("instar try sa", ["sales"]),
        ("instar try sales v", ["v1", "v2", "v3"]),
        ("instar worker ", ["sales-v3"]),
        ("instar tail ", ["sales", "sales.v3", "sales.v3.dlq"]),
        ("instar convert x --subject pe", ["people"]),
        ("instar do", ["doctor"]),
    ],
)
def test_names_complete(shop: Path, line: str, offered: list[str]) -> None:
    assert complete(shop, line) == offered


def test_completion_outside_a_project_offers_nothing(tmp_path: Path) -> None:
    assert complete(tmp_path, "instar try ") == []


def test_completion_can_be_installed(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "instar", "--show-completion", "bash"],
        env={**os.environ, "PYTHONPATH": str(SOURCES), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "COMPLETE=complete_bash" in ran.stdout
