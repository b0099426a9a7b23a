"""The image can be built: what its first stage copies makes the wheel. And the stack's commands are there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copied() -> list[str]:
    """What the first stage takes from the repository."""
    first = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[1]
    return [source for line in re.findall(r"^COPY (.+) \S+$", first, re.M) for source in line.split()]


def test_what_the_first_stage_copies_makes_the_wheel(tmp_path: Path) -> None:
    for source in copied():
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, tmp_path / source)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    made = subprocess.run([*build, "-w", "out", "."], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert [each.suffix for each in (tmp_path / "out").iterdir()] == [".whl"]


def test_what_is_copied_is_not_ignored() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"}
    assert set(copied()) <= let_in


def test_every_service_of_the_stack_is_a_command_that_there_is() -> None:
    stack = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    commands = [json.loads(line) for line in re.findall(r"^    command: (.+)$", stack, re.M)]
    assert len(commands) >= 4
    for command in commands:
        asked = [sys.executable, "-m", "instar", *command, "--help"]
        assert subprocess.run(asked, capture_output=True, check=False, cwd=ROOT).returncode == 0, command
