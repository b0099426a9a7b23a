"""The commands in the CI templates run as they are written, and fail a build that should fail."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests.support.folders import SETTINGS, write_files

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "docs/ci").glob("*.yml"))
COMMAND = re.compile(r"(?:run:|-) (instar .+)$", re.M)

V1 = {"type": "record", "name": "Parcel", "fields": [{"name": "id", "type": "long"}]}
BROKEN = {"type": "record", "name": "Parcel", "fields": [{"name": "id", "type": "long"}, {"name": "x", "type": "int"}]}
HOP = {"upcasters/parcels/v1_to_v2.py": 'from instar.changes import add\nchanges = [add("x", value=0)]\n'}


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """A repository whose main has v1, and where origin/main is known."""
    root = write_files(tmp_path, {"instar.toml": SETTINGS, "schemas/parcels/v1.avsc": V1})
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["commit", "-q", "-m", "v1"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, capture_output=True)
    return root


def run(root: Path, command: str) -> int:
    """As a CI runner does: by a shell, with its variables."""
    base = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    variables = {"GITHUB_BASE_REF": "main", "CI_MERGE_REQUEST_DIFF_BASE_SHA": base.stdout.strip()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **variables, "PATH": path}
    return subprocess.run(["bash", "-ec", command], cwd=root, env=environment, check=False).returncode


@pytest.mark.parametrize("template", TEMPLATES, ids=[each.name for each in TEMPLATES])
def test_each_command_runs_and_finds_what_is_broken(template: Path, branch: Path) -> None:
    commands = COMMAND.findall(template.read_text())
    assert [each.split(" -o")[0].split(" --")[0] for each in commands] == ["instar check", "instar schema check"]
    assert [run(branch, command) for command in commands] == [0, 0]
    write_files(branch, {"schemas/parcels/v2.avsc": BROKEN})
    assert [run(branch, command) for command in commands] == [1, 3]
    for command in commands:
        (written,) = re.findall(r"> (\S+)$", command)
        assert written in template.read_text().replace(command, "") or '"*.xml"' in template.read_text()
        report = (branch / written).read_text()
        assert "parcels/v2.avsc" in report or "parcels/v1_to_v2.py" in report
        if written.endswith(".xml"):
            ET.fromstring(report)  # noqa: S314 - our own
    # A hop leads over the break, and its author says that it is meant.
    write_files(branch, {**HOP, "schemas/parcels/subject.toml": 'compatibility = "none"\n'})
    assert [run(branch, command) for command in commands] == [0, 0]


def test_templates_have_no_tabs_and_a_place_to_be_copied_to() -> None:
    assert len(TEMPLATES) == 2
    for template in TEMPLATES:
        text = template.read_text()
        assert "\t" not in text
        assert text.startswith("# ")
