"""docs/gates.md holds what the product does."""

import re
from pathlib import Path

from instar.gates import command, database, evaluate
from instar.project.settings import SettingsFile, read_settings

PAGE = (Path(__file__).resolve().parents[2] / "docs/gates.md").read_text(encoding="utf-8")
HEAD = """
[tool.instar]
format = 1
[tool.instar.migrations.orders-v3]
subjects = ["orders"]
source = { topic = "orders" }
target = { topic = "orders.v3", version = "v3" }
"""


def test_the_settings_of_the_page_are_settings(tmp_path: Path) -> None:
    (sample,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "pyproject.toml").write_text(HEAD + sample, encoding="utf-8")
    read = read_settings(tmp_path)
    assert isinstance(read, SettingsFile), read
    gates = read.settings.migrations["orders-v3"].gates
    assert [gate.label for gate in gates] == ["alembic-b2c4", "flyway-7", "liquibase-weight", "warehouse"]


def test_the_limits_of_the_page_are_the_limits() -> None:
    assert f"{database.CONNECT_TIMEOUT_S} s to connect" in PAGE
    assert f"{database.STATEMENT_TIMEOUT_MS // 1000} s for a statement" in PAGE
    assert f"{database.LOCK_TIMEOUT_MS // 1000} s for a lock" in PAGE
    assert f"{evaluate.DATABASE_TIMEOUT_S:g} s in all" in PAGE
    assert (command.YES, command.NO) == (0, 3)
