"""Stores of rollouts to test alike, and what only a test may do: let time pass, edit the ledger."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from tests.support.rollout_store import FakeClock, MemoryStore

from instar.core.rollout.event import Approval
from instar.core.rollout.storage import Noted
from instar.state import schema
from instar.state.opening import State, open_database, state_of
from instar.state.tables import approvals, leases

ENVIRONMENT = "test"
SQLITE = "sqlite:///state.db"
HOUR_MS = 3_600_000


class StoreLab(Protocol):
    """A store, and the other end of it."""

    @property
    def store(self) -> Any: ...

    def approved(self, migration: str, action: str, fingerprint: str, *, answer: bool = True) -> str:
        """The id of a request by ada that bob said yes to, for an hour."""

    def pass_time(self, ms: int) -> None: ...

    def noted(self, migration: str) -> list[Noted]:
        """What the ledger tells of the migration's changes."""


class MemoryLab:
    """The store that other tests are made with."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)

    def approved(self, migration: str, action: str, fingerprint: str, *, answer: bool = True) -> str:
        name = f"a{len(self.store.approvals)}"
        if answer:
            until_ms = self.clock.now_ms() + HOUR_MS
            self.store.approve(migration, Approval(name, action, fingerprint, "ada", "bob", until_ms))
        return name

    def pass_time(self, ms: int) -> None:
        self.clock.ms += ms

    def noted(self, migration: str) -> list[Noted]:
        return self.store.ledger


class StateLab:
    """A real database."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.store = state.rollouts

    def approved(self, migration: str, action: str, fingerprint: str, *, answer: bool = True) -> str:
        until_ms = now_ms(self.state) + HOUR_MS
        name = self.state.approvals.ask(migration, action, fingerprint, "ada@laptop", "please", until_ms)
        if answer:
            self.state.approvals.approve(name, "bob@desk", "it is fine")
        return name

    def pass_time(self, ms: int) -> None:
        """The clock is the database's own, so that what it is compared with moves instead."""
        with self.state.database.writing() as connection:
            connection.execute(leases.update().values(until_ms=leases.c.until_ms - ms))
            connection.execute(approvals.update().values(expires_at_ms=approvals.c.expires_at_ms - ms))

    def noted(self, migration: str) -> list[Noted]:
        entries = [entry for entry in self.state.ledger.entries(migration) if entry.state_revision]
        return [Noted(entry.actor, entry.action, entry.reason, entry.fingerprint) for entry in entries]


@contextlib.contextmanager
def fresh_state(url: str, root: Path, environment: str = ENVIRONMENT) -> Iterator[State]:
    """The state in a database that may be empty."""
    with contextlib.closing(open_database(url, root)) as database:
        schema.upgrade(database)
        yield state_of(database, environment)


def now_ms(state: State) -> int:
    with state.database.reading() as connection:
        return state.database.now_ms(connection)


def tampered(state: State, change: sa.UpdateBase) -> None:
    """Change the ledger as somebody does who owns the database: with its triggers dropped."""
    with state.database.writing() as connection:
        if connection.dialect.name == "sqlite":
            names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
            for name in names:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("ALTER TABLE instar_ledger DISABLE TRIGGER ALL")
        assert connection.execute(change).rowcount > 0
