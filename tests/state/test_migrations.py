"""The tables go up, down and up again with what is in them, on both databases."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from tests.support.states import ENVIRONMENT, SQLITE

from instar.core.census_result import Mix
from instar.core.ledger import Sound
from instar.core.rollout.limits import Sample
from instar.core.rollout.storage import Noted
from instar.state import schema
from instar.state.audit import Deed
from instar.state.database import Database
from instar.state.errors import NotMigrated, NotThere, TooNew
from instar.state.idempotency import Request
from instar.state.opening import State, open_database, open_state, state_of
from instar.state.readers import DeclaredReader
from instar.state.rehearsals import Rehearsed
from instar.state.sessions import Session
from instar.state.tables import metadata
from instar.state.verifications import Verified
from instar.state.worker_events import WorkerEvent

FOR_EVER_MS = 2**50
REVISIONS = ["0001", "0002", "0003", "0004", "0005"]


def fill_0001(state: State) -> None:
    name = state.approvals.ask("orders-v3", "apply", "f", "ada", "please", FOR_EVER_MS)
    state.approvals.approve(name, "bob", "fine")
    with state.rollouts.lease("orders-v3", "ada") as lease:
        noted = Noted("ada", "apply", "why", "f", {"n": 1}, name)
        state.rollouts.write("orders-v3", {"phase": "expanded"}, noted, expected_revision=0, lease=lease)


def fill_0002(state: State) -> None:
    state.verifications.save(Verified("orders-v3", "f", 5, True, 9, {"read": 10}), "ada")
    state.rehearsals.save(Rehearsed("orders-v3", "f", 5, True, {"steps": []}), "ada")
    state.readers.declare(DeclaredReader("billing", "orders", 2, "team", FOR_EVER_MS), "ada")
    state.samples.keep("orders-v3", Sample(5, read=1, latency_ms=1.5))


def fill_0003(state: State) -> None:
    state.worker_events.keep([WorkerEvent("e1", "orders-v3", 5, "instar-0", "started")])


def fill_0004(state: State) -> None:
    state.census.keep([Mix(0, 7, 0, 60_000, "orders", "orders", "shop", {"v1": 3})])


def fill_0005(state: State) -> None:
    state.sessions.begin("5e55", Session("ada", "operator", "f00d"))
    state.answers.take(Request("ada", "k", "f1"), "server 1")
    state.audit.add(Deed("d1", 5, 6, "ada", "operator", "pause", "orders-v3", "the disk is full"))


FILL: dict[str, Callable[[State], None]] = {
    "0001": fill_0001,
    "0002": fill_0002,
    "0003": fill_0003,
    "0004": fill_0004,
    "0005": fill_0005,
}


def contents(database: Database) -> dict[str, list[Any]]:
    """Every row of every table of ours."""
    with database.reading() as connection:
        found = sa.MetaData()
        found.reflect(connection, only=lambda name, _: name.startswith("instar_") and name != schema.VERSION_TABLE)
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for table in found.sorted_tables
        }


class Migrations:
    def test_up_down_and_up_again_with_data_in_every_table(self, database: Database) -> None:
        after: dict[str, dict[str, list[Any]]] = {}
        for revision in REVISIONS:
            assert schema.upgrade(database, revision).current == revision
            FILL[revision](state_of(database, ENVIRONMENT))
            after[revision] = contents(database)
            assert all(after[revision].values()), "a table is empty, so that nothing is shown of it"
        for revision in reversed(REVISIONS[:-1]):
            kept = {name: rows for name, rows in contents(database).items() if name in after[revision]}
            assert schema.downgrade(database, revision).current == revision
            assert contents(database) == kept
            again = schema.upgrade(database)
            assert (again.kind, again.current) == ("current", REVISIONS[-1])
            assert {name: rows for name, rows in contents(database).items() if name in kept} == kept
            assert isinstance(state_of(database, ENVIRONMENT).ledger.verify(), Sound)
            for later in REVISIONS[REVISIONS.index(revision) + 1 :]:
                FILL[later](state_of(database, ENVIRONMENT))
        assert schema.downgrade(database, schema.BASE).kind == "empty"
        assert contents(database) == {}
        schema.upgrade(database)
        for fill in FILL.values():
            fill(state_of(database, ENVIRONMENT))
        assert isinstance(state_of(database, ENVIRONMENT).ledger.verify(), Sound)

    def test_the_migrations_make_the_tables_that_the_program_uses(self, database: Database) -> None:
        schema.upgrade(database)
        with database.reading() as connection:
            options = {"version_table": schema.VERSION_TABLE, "compare_type": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []

    def test_every_step_says_which_tables_it_makes(self, database: Database) -> None:
        before: set[str] = set()
        for step in schema.standing(database).missing:
            schema.upgrade(database, step.revision)
            now = set(contents(database))
            assert now - before == set(step.tables)
            before = now
        assert [step.revision for step in schema.steps_down(database, "0001")] == ["0005", "0004", "0003", "0002"]
        assert [step.revision for step in schema.steps_down(database, schema.BASE)] == REVISIONS[::-1]
        assert schema.steps_down(database, "0005") == ()

    def test_a_step_that_fails_leaves_nothing_behind(self, database: Database) -> None:
        with database.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE instar_readers (theirs INTEGER)")  # in the way of 0002
        with pytest.raises(Exception, match="instar_readers"):
            schema.upgrade(database)
        assert schema.standing(database).kind == "empty"
        assert set(contents(database)) == {"instar_readers"}

    def test_tables_of_a_later_instar_are_left_alone(self, database: Database) -> None:
        schema.upgrade(database)
        with database.writing() as connection:
            connection.exec_driver_sql("UPDATE instar_revision SET version_num = '0999'")
        for act in (
            lambda: schema.require(database),
            lambda: schema.upgrade(database),
            lambda: schema.downgrade(database, "0001"),
            lambda: schema.steps_down(database, "0001"),
        ):
            with pytest.raises(TooNew, match=r"revision 0999.*knows up to 0005"):
                act()

    def test_a_revision_that_is_none_is_named_with_those_there_are(self, database: Database) -> None:
        with pytest.raises(NotThere, match="'0042'") as nothing:
            schema.upgrade(database, "0042")
        assert "0001, 0002, 0003, 0004, 0005" in nothing.value.remedy

    def test_two_upgrades_at_once_wait_for_each_other(self, database: Database) -> None:
        begin, ends = threading.Barrier(2), []

        def upgrade() -> None:
            begin.wait()
            try:
                ends.append(schema.upgrade(database).kind)
            except Exception as failure:
                ends.append(repr(failure))

        threads = [threading.Thread(target=upgrade) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ends == ["current", "current"]


class TestOnSqlite(Migrations):
    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[Database]:
        with contextlib.closing(open_database(SQLITE, tmp_path)) as opened:
            yield opened

    def test_a_file_is_made_and_brought_up_to_date_when_it_is_opened(self, tmp_path: Path) -> None:
        with open_state("sqlite:///.instar/state.db", ENVIRONMENT, tmp_path) as state:
            fill_0001(state)
            schema.downgrade(state.database, "0001")
        assert (tmp_path / ".instar/state.db").is_file()
        with open_state("sqlite:///.instar/state.db", ENVIRONMENT, tmp_path) as state:
            assert schema.standing(state.database).kind == "current"
            assert state.rollouts.held("orders-v3").document == {"phase": "expanded"}


class TestOnPostgresql(Migrations):
    @pytest.fixture
    def database(self, postgresql_url: str, tmp_path: Path) -> Iterator[Database]:
        with contextlib.closing(open_database(postgresql_url, tmp_path)) as opened:
            yield opened

    def test_nothing_is_made_or_changed_before_an_operator_says_so(self, postgresql_url: str, tmp_path: Path) -> None:
        opening = open_state(postgresql_url, ENVIRONMENT, tmp_path)
        with pytest.raises(NotMigrated, match="has no tables of instar yet") as missing, opening:
            pass
        assert "instar db upgrade" in missing.value.remedy
        with contextlib.closing(open_database(postgresql_url, tmp_path)) as database:
            assert contents(database) == {}
            schema.upgrade(database, "0001")
            with pytest.raises(NotMigrated, match="is at revision 0001; this instar needs revision 0005"):
                schema.require(database)
