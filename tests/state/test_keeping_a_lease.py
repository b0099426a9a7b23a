"""A lease outlives a step that takes longer than its time, and a keeper never takes it from somebody else."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs
from tests.support.workers import until

from instar.core.rollout.storage import LeaseLost, LeaseTaken
from instar.state import schema
from instar.state.database import Database
from instar.state.leases import Leases
from instar.state.opening import open_database
from instar.state.tables import leases

NAME = "orders-v3"
OFTEN = 1_200  # renewals within the lease's minute: one every 50 ms, so that a test need not wait for a third of it


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database("sqlite:///state.db", tmp_path)
    schema.require(database)
    yield database
    database.close()


def until_ms(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(sa.select(leases.c.until_ms)).scalar_one())


def keepers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == f"lease of {NAME}"]


def test_a_lease_is_renewed_all_the_while_it_is_held_and_then_given_back(database: Database) -> None:
    ours = Leases(database, "local", ttl_ms=60_000, renewals=OFTEN)
    with ours.held(NAME, "ada"):
        for _ in range(3):
            before_ms = until_ms(database)
            until("it is renewed without anybody asking", lambda since=before_ms: until_ms(database) > since)
        with pytest.raises(LeaseTaken), ours.held(NAME, "bob"):
            pass
    assert until_ms(database) == 0
    assert keepers() == []


def test_who_has_lost_it_renews_nothing_and_is_refused(database: Database) -> None:
    ours = Leases(database, "local", ttl_ms=60_000, renewals=OFTEN)
    with capture_logs() as said, ours.held(NAME, "ada") as lease:
        with database.writing() as connection:  # her process was stopped for a minute, and bob took over
            connection.execute(leases.update().values(owner="bob", token=lease.token + 1, until_ms=7))
        until("the keeper has ended", lambda: not keepers())
        assert until_ms(database) == 7
        with pytest.raises(LeaseLost):
            lease.renew()
    assert [each["event"] for each in said] == ["the lease is lost"]
    assert until_ms(database) == 7, "what is bob's was given back"


def test_a_database_that_does_not_answer_for_a_moment_does_not_end_the_keeping(database: Database) -> None:
    hasty = Database(database.url, lock_timeout_s=0.05)
    with (
        contextlib.closing(hasty),
        capture_logs() as said,
        Leases(hasty, "local", ttl_ms=60_000, renewals=OFTEN).held(NAME, "ada"),
    ):
        with database.writing():
            until("a renewal has failed", lambda: any("could not be renewed" in each["event"] for each in said))
        before_ms = until_ms(database)
        until("it is renewed again", lambda: until_ms(database) > before_ms)
    assert until_ms(database) == 0
