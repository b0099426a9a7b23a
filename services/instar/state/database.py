"""One database: connections that are set up alike, two kinds of transactions, its clock, and errors in our words.

SQLite: write-ahead log, so that readers never wait for the writer; ``BEGIN IMMEDIATE`` for whatever writes, so that
two writers wait for each other at the beginning instead of failing in the middle; foreign programs that hold the file
are waited for (``LOCK_TIMEOUT_S``). PostgreSQL: read committed with row locks for writing, a snapshot for reading, and
limits on how long anything may wait.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from instar.state.errors import BadUrl, Busy, NotAllowed, NotMigrated, StateTrouble, Unreachable
from instar.state.url import is_sqlite, shown

LOCK_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 60
_WRITES = "instar_writes"
_AGAIN_S = 0.05

# PostgreSQL's own codes: lock_not_available, query_canceled, serialization_failure, deadlock_detected.
_BUSY_STATES = frozenset({"55P03", "57014", "40001", "40P01"})
_NOT_ALLOWED_STATES = frozenset({"42501", "25006"})  # insufficient_privilege, read_only_sql_transaction
_UNDEFINED_TABLE = "42P01"
_CREDENTIALS_CLASS = "28"

_NOW_MS = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
}


class Database:
    """Opened lazily: the first transaction connects. Raises ``BadUrl`` where the driver is not installed."""

    def __init__(self, url: URL, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
        self.url = url
        self.is_sqlite = is_sqlite(url)
        self._lock_timeout_s = lock_timeout_s
        self._engine = self._made()
        self.now: sa.ColumnElement[int] = sa.literal_column(_NOW_MS[self._engine.dialect.name], sa.BigInteger)

    def __str__(self) -> str:
        return shown(self.url)

    @property
    def exists(self) -> bool:
        """False where the file of SQLite is not there yet. A server may be away, which only a transaction tells."""
        return not self.is_sqlite or Path(str(self.url.database)).exists()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that changes something: committed at the end, rolled back where anything is raised."""
        if not self.exists:
            Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
        # SQLAlchemy forgets how many rows an INSERT made unless it is asked to keep that.
        engine = self._engine.execution_options(**{_WRITES: True, "preserve_rowcount": True})
        with self._translated(), engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees the database as it is at one moment."""
        engine = self._engine
        if not self.is_sqlite:
            engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with self._translated(), engine.begin() as connection:
            yield connection

    def now_ms(self, connection: Connection) -> int:
        """By the database's clock, so that the clocks of operators' machines do not count."""
        return int(connection.execute(sa.select(self.now)).scalar_one())

    def insert(self, table: sa.Table) -> Any:
        """An insert that takes ``on_conflict_do_nothing`` and ``on_conflict_do_update``, as both databases have it."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def close(self) -> None:
        self._engine.dispose()

    def _made(self) -> Engine:
        if self.is_sqlite:
            engine = sa.create_engine(self.url, poolclass=NullPool, connect_args={"timeout": self._lock_timeout_s})
            event.listen(engine, "connect", self._set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        limits = {
            "lock_timeout": int(self._lock_timeout_s * 1000),
            "statement_timeout": STATEMENT_TIMEOUT_S * 1000,
            "idle_in_transaction_session_timeout": STATEMENT_TIMEOUT_S * 1000,
        }
        options = " ".join(f"-c {name}={value}" for name, value in limits.items())
        given = self.url.query.get("options", "")
        arguments = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "instar",
            "options": f"{options} {given if isinstance(given, str) else ' '.join(given)}".strip(),
        }
        try:
            return sa.create_engine(self.url, pool_pre_ping=True, pool_size=2, connect_args=arguments)
        except ImportError as missing:
            raise BadUrl(
                "The setting `state` asks for PostgreSQL, and its driver is not installed.",
                "pip install 'instar[postgresql]'",
            ) from missing

    def _set_up_sqlite(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE deletes behind a trigger's back
        connection.execute("PRAGMA synchronous = FULL")  # a decision that was told is never lost
        # The change to write-ahead logging takes the whole file and does not wait for it: try until the time is over.
        deadline_s = time.monotonic() + self._lock_timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as problem:
                if "locked" not in str(problem) or time.monotonic() > deadline_s:
                    raise
                time.sleep(_AGAIN_S)
            else:
                return

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            trouble = self._trouble(error)
            if trouble is None:
                raise
            raise trouble from error

    def _trouble(self, error: DBAPIError) -> StateTrouble | None:
        """The error in our words; None where it is a mistake of this program, which may be thrown as it is."""
        return self._trouble_sqlite(error) if self.is_sqlite else self._trouble_postgresql(error)

    def _trouble_sqlite(self, error: DBAPIError) -> StateTrouble | None:
        said = str(error.orig)
        if "no such table" in said:
            return NotMigrated(f"The state in {self} lacks a table ({said}).", "instar db upgrade")
        if "locked" in said:
            return Busy(
                f"Another program held the state in {self} for more than {self._lock_timeout_s:g} s.",
                "Nothing was changed. Run the command again, or find the program that has the file open.",
            )
        if "readonly" in said:
            return NotAllowed(f"The state in {self} may not be written: {said}.", "Give this user the permission.")
        if isinstance(error, OperationalError) or "not a database" in said or "malformed" in said:
            return Unreachable(f"The state in {self} cannot be used: {said}.", "Is the path right, and the disk well?")
        return None

    def _trouble_postgresql(self, error: DBAPIError) -> StateTrouble | None:
        state = str(getattr(error.orig, "sqlstate", None) or "")
        said = " ".join(str(error.orig).split())
        if state in _BUSY_STATES:
            return Busy(
                f"Another program held rows of the state in {self} for too long ({said}).",
                "Nothing was changed. Run the command again.",
            )
        # A refused connection has no code yet, only the server's words.
        if state in _NOT_ALLOWED_STATES or state.startswith(_CREDENTIALS_CLASS) or "authentication failed" in said:
            return NotAllowed(f"The state in {self} does not let this user in: {said}", "Check user and permissions.")
        if state == _UNDEFINED_TABLE and isinstance(error, ProgrammingError):
            return NotMigrated(f"The state in {self} lacks a table: {said}", "instar db upgrade")
        if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
            return Unreachable(f"The state in {self} does not answer: {said}", "Is the database up, and the URL right?")
        return None


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
