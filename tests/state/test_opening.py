"""What is wrong with the state is said with what to do, and without its password."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from tests.support.states import ENVIRONMENT, SQLITE, fresh_state

from instar.core.rollout.storage import Noted
from instar.state.database import Database
from instar.state.errors import BadUrl, Busy, NotAllowed, NotMigrated, StateTrouble, Unreachable
from instar.state.opening import open_database, open_state, state_of
from instar.state.url import parse_url, shown
from realkafka.ports import free_port

SECRET = "hunter2"  # noqa: S105 - no password of anything


def test_a_relative_path_of_sqlite_is_relative_to_the_project(tmp_path: Path) -> None:
    assert shown(parse_url("sqlite:///.instar/state.db", tmp_path)) == str(tmp_path / ".instar/state.db")
    assert shown(parse_url("sqlite:////var/lib/state.db", tmp_path)) == "/var/lib/state.db"


@pytest.mark.parametrize("url", ["postgresql://u:p@h/d", "postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"])
def test_postgresql_goes_by_all_its_names(url: str, tmp_path: Path) -> None:
    assert parse_url(url, tmp_path).drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "state.db",
        f"mysql://root:{SECRET}@db/instar",
        f"postgresql://root:{SECRET}@db",
        f"postgresql://root:{SECRET}@db:port/instar",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:state.db?mode=memory&uri=true",
    ],
)
def test_what_is_no_database_of_ours_is_refused_with_the_two_forms(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadUrl) as bad:
        parse_url(url, tmp_path)
    assert "sqlite:///.instar/state.db" in bad.value.remedy
    assert SECRET not in str(bad.value)
    assert bad.value.exit_code == 2


def test_an_address_is_shown_without_password_and_parameters(tmp_path: Path) -> None:
    url = parse_url(f"postgresql://root:{SECRET}@db:5/instar?password={SECRET}&sslmode=require", tmp_path)
    assert shown(url) == "postgresql://root:***@db:5/instar"


def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://root:{SECRET}@127.0.0.1:{free_port()}/instar"
    with pytest.raises(Unreachable, match="does not answer") as away, open_state(url, ENVIRONMENT, tmp_path):
        pass
    assert "127.0.0.1" in str(away.value)
    assert SECRET not in str(away.value) + away.value.remedy
    assert away.value.exit_code == 5


def test_a_wrong_password_is_told_apart_and_not_shown(postgresql_url: str, tmp_path: Path) -> None:
    wrong = make_url(postgresql_url).set(password=SECRET).render_as_string(hide_password=False)
    with pytest.raises(NotAllowed, match="password authentication failed") as no, open_state(wrong, "test", tmp_path):
        pass
    assert SECRET not in str(no.value) + no.value.remedy


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("a shopping list, and a long one at that\n" * 50)
    with pytest.raises(Unreachable, match="not a database"), open_state(SQLITE, ENVIRONMENT, tmp_path):
        pass


def test_a_folder_in_the_place_of_the_file_is_said_to_be_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "state.db").mkdir()
    with pytest.raises(Unreachable, match="unable to open"), open_state(SQLITE, ENVIRONMENT, tmp_path):
        pass


def test_who_finds_the_file_held_waits_and_then_says_so(tmp_path: Path) -> None:
    with fresh_state(SQLITE, tmp_path):
        pass
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = Database(parse_url(SQLITE, tmp_path), lock_timeout_s=0.2)
    state = state_of(database, ENVIRONMENT)
    with pytest.raises(Busy, match=r"held the state in .* for more than 0.2 s") as busy:
        state.ledger.note("", Noted("ada", "anything", "", ""))
    assert busy.value.exit_code == 5
    assert state.ledger.entries() == []  # readers wait for nobody
    other.execute("COMMIT")
    other.close()
    assert state.ledger.note("", Noted("ada", "anything", "", "")).number == 1


def test_rows_of_postgresql_that_are_held_are_waited_for_and_then_said_to_be(
    postgresql_url: str, tmp_path: Path
) -> None:
    with fresh_state(postgresql_url, tmp_path) as state:
        state.ledger.note("", Noted("ada", "first", "", ""))
        impatient = Database(parse_url(postgresql_url, tmp_path), lock_timeout_s=0.2)
        with state.database.writing() as connection:
            state.ledger.append(connection, "", Noted("ada", "second", "", ""))
            with pytest.raises(Busy, match="held rows"):
                state_of(impatient, ENVIRONMENT).ledger.note("", Noted("bob", "third", "", ""))
        impatient.close()
        assert [entry.action for entry in state.ledger.entries()] == ["first", "second"]


def test_tables_that_somebody_dropped_are_missed(tmp_path: Path, postgresql_url: str) -> None:
    for url in (SQLITE, postgresql_url):
        with fresh_state(url, tmp_path) as state:
            with state.database.writing() as connection:
                connection.exec_driver_sql("DROP TABLE instar_approvals")
            with pytest.raises(NotMigrated, match="lacks a table"):
                state.approvals.list()


def test_a_user_without_permission_is_told_so(postgresql_url: str, tmp_path: Path) -> None:
    reader = f"reader_{make_url(postgresql_url).database}"
    with fresh_state(postgresql_url, tmp_path) as state:
        with state.database.writing() as connection:
            connection.exec_driver_sql(f"CREATE ROLE {reader} LOGIN PASSWORD '{SECRET}'")
            connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}")
        url = make_url(postgresql_url).set(username=reader, password=SECRET).render_as_string(hide_password=False)
        with open_state(url, "test", tmp_path) as theirs:
            assert theirs.ledger.entries() == []  # looking is allowed
            with pytest.raises(NotAllowed, match="permission denied") as no:
                theirs.ledger.note("", Noted("ada", "anything", "", ""))
        assert SECRET not in str(no.value)
        with state.database.writing() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {reader}")
            connection.exec_driver_sql(f"DROP ROLE {reader}")


def test_environments_in_one_database_know_nothing_of_each_other(tmp_path: Path) -> None:
    with fresh_state(SQLITE, tmp_path, "production") as production:
        test = state_of(production.database, "test")
        production.ledger.note("orders-v3", Noted("ada", "anything", "", ""))
        with production.rollouts.lease("orders-v3", "ada"), test.rollouts.lease("orders-v3", "bob") as lease:
            test.rollouts.write("orders-v3", {}, Noted("bob", "apply", "", "f"), expected_revision=0, lease=lease)
        assert production.rollouts.all() == {}
        assert [entry.number for entry in test.ledger.entries()] == [1]
        name = production.approvals.ask("orders-v3", "apply", "f", "ada", "", 2**50)
        with pytest.raises(StateTrouble, match="no request"):
            test.approvals.approve(name, "bob", "")


def test_opening_without_using_it_needs_no_database(tmp_path: Path) -> None:
    database = open_database(f"postgresql://root:{SECRET}@nowhere.invalid/instar", tmp_path)
    assert SECRET not in str(database) + repr(database)
    database.close()
