"""The page about rollouts says what the table says."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from tests.support.cli_commands import commands

from instar.project.settings import SettingsFile, read_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
HEAD = """format = 1
[migrations.orders-v2]
subjects = ["orders"]
source = { topic = "orders" }
target = { topic = "orders.v2", version = "v2" }
"""


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_rollout", DOCS / "make_rollout.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_not_stale(generator: ModuleType) -> None:
    written = (DOCS / "rollout.md").read_text(encoding="utf-8")
    assert generator.page(written) == written, "run .venv/bin/python docs/make_rollout.py"


def test_the_diagram_has_every_phase_and_the_transitions_of_the_design(generator: ModuleType) -> None:
    drawn = generator.diagram()
    for arrow in (
        "draft --> expanded: apply",
        "expanded --> replaying: a bridge works",
        "replaying --> caught_up: lag is small everywhere",
        "caught_up --> verified: fresh and right",
        "verified --> switched: switch",
        "switched --> verified: rollback",
        "switched --> retired: retire",
        "verified --> abandoned: abandon",
        "caught_up --> replaying: lag is not small",
    ):
        assert arrow in drawn
    assert "switched --> abandoned" not in drawn


def test_the_commands_of_the_page_are_commands() -> None:
    said = re.findall(r"^(?:    |\$ )instar ([a-z-]+)(?: ([a-z-]+))?", (DOCS / "rollout.md").read_text("utf-8"), re.M)
    assert len(said) > 20
    known = commands()
    assert [each for each in said if each[0] not in known and " ".join(each) not in known] == []


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    (sample,) = re.findall(r"```toml\n(.*?)```", (DOCS / "rollout.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "instar.toml").write_text(HEAD + sample, encoding="utf-8")
    read = read_settings(tmp_path)
    assert isinstance(read, SettingsFile), read
    migration = read.settings.migrations["orders-v2"]
    assert [group.group for group in migration.rollout.plan_groups()] == ["search", "billing"]
    assert [gate.label for gate in migration.gates] == ["warehouse"]
