"""``db`` shows where the state's tables are, and takes them up and down."""

from pathlib import Path

import pytest
from tests.support.command import instar
from tests.support.folders import write_files
from tests.support.projects import PARCELS_SETTINGS

from realkafka.ports import free_port


def project(root: Path, state: str = "sqlite:///.instar/state.db") -> Path:
    settings = PARCELS_SETTINGS.replace("[environments.local]", f'[environments.local]\n    state = "{state}"')
    write_files(root, {"instar.toml": settings})
    return root


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return project(tmp_path)


def test_check_says_what_is_missing_and_upgrade_brings_it(shop: Path) -> None:
    ran = instar("db", "check", "-o", "json", at=shop)
    assert ran.code == 3
    assert (ran.json["standing"], ran.json["current"], ran.json["wanted"]) == ("empty", None, "0005")
    assert [step["revision"] for step in ran.json["missing"]] == ["0001", "0002", "0003", "0004", "0005"]
    assert not (shop / ".instar/state.db").exists(), "a look made a file"
    ran = instar("db", "upgrade", "--to", "0001", at=shop)
    assert ran.code == 0
    assert "older than this instar needs (0005)" in ran.out
    assert instar("db", "check", at=shop).code == 3
    assert instar("db", "upgrade", at=shop).code == 0
    assert instar("db", "check", at=shop).code == 0
    assert instar("db", "current", "-o", "json", at=shop).json["current"] == "0005"


def test_each_change_of_the_tables_is_in_the_ledger(shop: Path) -> None:
    instar("db", "upgrade", "--to", "0002", at=shop)
    instar("db", "upgrade", at=shop)
    instar("db", "upgrade", at=shop)
    instar("db", "downgrade", "0001", "--reason", "back to 0.1", "--confirm", "local", at=shop)
    instar("db", "upgrade", at=shop)
    rows = instar("history", "-o", "json", at=shop).json
    assert [(row["action"], row["details"]["from"], row["details"]["to"]) for row in rows] == [
        ("db upgrade", None, "0002"),
        ("db upgrade", "0002", "0005"),
        ("db downgrade", "0005", "0001"),
        ("db upgrade", "0001", "0005"),
    ]
    assert rows[2]["reason"] == "back to 0.1"
    assert instar("history", "--verify", at=shop).code == 0


def test_a_downgrade_shows_what_it_drops_and_wants_the_environments_name_and_a_reason(shop: Path) -> None:
    instar("db", "upgrade", at=shop)
    ran = instar("db", "downgrade", "0002", at=shop)
    assert ran.code == 0
    assert "drop instar_worker_events with 0 rows" in ran.err
    assert "Nothing was changed" in ran.err
    assert instar("db", "downgrade", "0002", "--confirm", "production", "--reason", "x", at=shop).code == 2
    assert instar("db", "downgrade", "0002", "--confirm", "local", at=shop).code == 2
    assert instar("db", "check", at=shop).code == 0
    assert instar("db", "downgrade", "0005", "--confirm", "local", "--reason", "x", at=shop).code == 2
    assert instar("db", "downgrade", "0042", "--confirm", "local", "--reason", "x", at=shop).code == 1
    assert instar("db", "downgrade", "base", "--confirm", "local", "--reason", "x", at=shop).code == 0
    assert instar("db", "current", "-o", "json", at=shop).json["standing"] == "empty"


def test_postgresql_waits_for_the_operator(postgresql_url: str, tmp_path: Path) -> None:
    shop = project(tmp_path, postgresql_url)
    ran = instar("history", at=shop)
    assert ran.code == 4
    assert "instar db upgrade" in ran.err
    assert instar("db", "upgrade", at=shop).code == 0
    assert instar("history", at=shop).code == 0


def test_a_database_that_is_away_is_an_exit_code_of_its_own_and_no_password(tmp_path: Path) -> None:
    shop = project(tmp_path, f"postgresql://root:hunter2@127.0.0.1:{free_port()}/instar")
    for verb in ("current", "check", "upgrade"):
        ran = instar("db", verb, at=shop)
        assert ran.code == 5
        assert "hunter2" not in ran.out + ran.err
