"""The gates of a migration's settings."""

from pathlib import Path

import pytest

from instar.core.finding import Finding
from instar.project.gate import Gate
from instar.project.settings import SettingsFile, read_settings, written_secrets

HEAD = """format = 1
[migrations.orders-v3]
subjects = ["orders"]
source = { topic = "orders" }
target = { topic = "orders.v3", version = "v3" }
"""


def read(root: Path, gates: str) -> SettingsFile | list[Finding]:
    (root / "instar.toml").write_text(HEAD + gates, encoding="utf-8")
    return read_settings(root)


def gates(root: Path, text: str) -> tuple[Gate, ...]:
    result = read(root, text)
    assert isinstance(result, SettingsFile), result
    return result.settings.migrations["orders-v3"].gates


def test_every_tool_is_read_as_it_is_written(tmp_path: Path) -> None:
    alembic, flyway, change, tag, command = gates(
        tmp_path,
        """
        [[migrations.orders-v3.gates]]
        before = "apply"
        alembic = { database = "env:D", revision = "ae10", scripts = "alembic", schema = "shop" }
        [[migrations.orders-v3.gates]]
        before = "switch"
        flyway = { database = "env:D", version = "7.1", table = "history", schema = "shop" }
        [[migrations.orders-v3.gates]]
        before = "switch"
        liquibase = { database = "env:D", changeset = "weight::ana::db/changes.sql" }
        [[migrations.orders-v3.gates]]
        before = "retire"
        name = "tagged"
        liquibase = { database = "env:D", tag = "v7" }
        [[migrations.orders-v3.gates]]
        before = "rollback"
        command = { argv = ["/opt/ask", "orders"], timeout = "2m", variables = ["ASK_TOKEN"] }
        """,
    )
    assert alembic.alembic is not None
    assert alembic.alembic.scripts == ("alembic",)
    assert alembic.alembic.table_schema == "shop"
    assert flyway.flyway is not None
    assert (flyway.flyway.table, flyway.flyway.table_schema) == ("history", "shop")
    assert change.liquibase is not None
    assert change.liquibase.changeset == ("weight", "ana", "db/changes.sql")
    assert command.command is not None
    assert (command.command.argv, command.command.timeout) == (("/opt/ask", "orders"), 120)
    assert command.command.variables == ("ASK_TOKEN",)
    labels = [gate.label for gate in (alembic, flyway, change, tag, command)]
    assert labels == ["alembic-ae10", "flyway-7.1", "liquibase-weight", "tagged", "command-ask"]


@pytest.mark.parametrize(
    ("gate", "remedy"),
    [
        ("flyway = { database = 'env:D', verson = '7' }", "did you mean `version`?"),
        ("flyway = { database = 'env:D', version = '7', shema = 'x' }", "did you mean `schema`?"),
        ("flyway = { database = 'env:D', version = 'seven' }", '"2026.11.3"'),
        ("flyway = { database = 'env:D' }", "add `version = ...`"),
        ("alembic = { database = 'env:D', version = '7' }", "did you mean `revision`?"),
        ("liquibase = { database = 'env:D', changeset = 'weight' }", '"id::author::db/changelog.sql"'),
        ("liquibase = { database = 'env:D' }", "changeset ="),
        ("liquibase = { database = 'env:D', tag = 'a', changeset = 'a::b::c' }", "changeset ="),
        ("command = { argv = [] }", "name at least one"),
        ("command = { argv = ['x'], timeout = '1h' }", '"10m" or less'),
        ("command = { argv = ['x'], variables = ['A=b'] }", "names alone"),
        ("command = { argv = 'rm -rf x' }", "write an array"),
        ("flyway = { database = 'env:D', version = '7' }, command = { argv = ['x'] }", "flyway ="),
        ("flywy = { database = 'env:D', version = '7' }", "did you mean `flyway`?"),
        ("flyway = { database = 'env:D', version = '7' }, name = 'the db'", 'name = "orders-db"'),
    ],
)
def test_a_wrong_gate_says_what_to_write(tmp_path: Path, gate: str, remedy: str) -> None:
    result = read(tmp_path, f"gates = [{{ before = 'switch', {gate} }}]\n")
    assert isinstance(result, list)
    assert remedy in " ".join(finding.remedy for finding in result)
    assert {finding.line for finding in result} == {6}


def test_a_gate_stands_before_a_step_that_there_is(tmp_path: Path) -> None:
    result = read(tmp_path, "gates = [{ before = 'swich', command = { argv = ['x'] } }]\n")
    assert isinstance(result, list)
    assert [finding.remedy for finding in result] == ["did you mean `switch`?"]


def test_two_gates_of_one_step_have_two_names(tmp_path: Path) -> None:
    gate = "{ before = 'switch', flyway = { database = 'env:A', version = '7' } }"
    result = read(tmp_path, f"gates = [{gate}, {gate.replace('env:A', 'env:B')}]\n")
    assert isinstance(result, list)
    assert [finding.remedy for finding in result] == ['give one of them a name of its own: name = "..."']
    assert len(gates(tmp_path, f"gates = [{gate}, {gate.replace('switch', 'retire')}]\n")) == 2


def test_a_password_in_a_gate_is_a_warning(tmp_path: Path) -> None:
    url = "postgresql://ana:hunter2@db/orders"
    result = read(tmp_path, f"gates = [{{ before = 'switch', flyway = {{ database = '{url}', version = '7' }} }}]\n")
    assert isinstance(result, SettingsFile)
    (finding,) = written_secrets(result)
    assert (finding.severity, finding.line) == ("warning", 6)
    assert "hunter2" not in str(finding)
