"""From the gates of the settings to their verdicts."""

from pathlib import Path

import pytest
from tests.support.histories import run_sql

from instar.operations.gating import gate_verdicts
from instar.project.project import Project, load_project

SETTINGS = """
format = 1
[environments.local]
[migrations.orders-v3]
subjects = ["orders"]
source = { topic = "orders" }
target = { topic = "orders.v3", version = "v3" }
gates = [
    { before = "apply", command = { argv = ["true"] } },
    { before = "switch", name = "db", alembic = { database = "env:ORDERS_DB", revision = "a1" } },
    { before = "switch", flyway = { database = "sqlite:///shop.db", version = "7" } },
    { before = "switch", liquibase = { database = "file:secrets/db", tag = "v7" } },
    { before = "switch", command = { argv = ["sh", "-c", "echo $INSTAR_MIGRATION $INSTAR_BEFORE; exit 3"] } },
]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "instar.toml").write_text(SETTINGS, encoding="utf-8")
    run_sql(f"sqlite:///{tmp_path / 'shop.db'}", "CREATE TABLE alembic_version (version_num text)")
    run_sql(f"sqlite:///{tmp_path / 'shop.db'}", "INSERT INTO alembic_version VALUES ('a1')")
    return load_project(tmp_path)


def test_the_gates_before_an_action_are_asked_and_no_others(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERS_DB", "sqlite:///shop.db")
    (project.root / "secrets").mkdir()
    (project.root / "secrets/db").write_text("sqlite:///shop.db\n", encoding="utf-8")
    verdicts = gate_verdicts(project, "orders-v3", "switch")
    assert [(each.name, each.answer) for each in verdicts] == [
        ("db", "applied"),
        ("flyway-7", "not-applied"),
        ("liquibase-v7", "not-applied"),
        ("command-sh", "not-applied"),
    ]
    assert verdicts[-1].evidence.endswith("orders-v3 switch")
    assert [each.name for each in gate_verdicts(project, "orders-v3", "apply")] == ["command-true"]
    assert gate_verdicts(project, "orders-v3", "retire") == ()


def test_what_is_not_set_makes_its_gate_unknown_and_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORDERS_DB", raising=False)
    database, _, tag, _ = gate_verdicts(project, "orders-v3", "switch")
    assert (database.answer, "ORDERS_DB is not set" in database.evidence) == ("unknown", True)
    assert (tag.answer, "secrets/db cannot be read" in tag.evidence) == ("unknown", True)
