"""A database that is only read: short time limits, one read-only snapshot, nothing of its password in what is said."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.expression import ColumnClause, TableClause, column, table
from sqlalchemy.sql.selectable import Select

from instar.gates.answer import Unanswered

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 5000
LOCK_TIMEOUT_MS = 2000
_MOST_ROWS = 100_000
_LONGEST_ERROR = 300
_SQLITE_STEPS = 1000  # of its machine, between two looks at the clock

_SCHEMES = "write a SQLAlchemy URL: postgresql://user@host/database or sqlite:///file.db"


@dataclass(frozen=True, slots=True)
class History:
    """One snapshot of a database. ``place`` names it without user and password: ``postgresql db.shop:5432/orders``."""

    connection: Connection
    place: str
    schema_of: "_Postgresql | _Sqlite"

    def find(self, name: str, schema: str | None) -> TableClause | None:
        """The table, whatever the case of its letters; None where the schema that was looked in has none.

        Raises ``Unanswered`` where the schema does not exist, or the table lies in another than was looked in.
        """
        return self.schema_of.find(self, name, schema)

    def rows(self, query: Select[Any]) -> Sequence[Any]:
        """Raises ``Unanswered`` for more than 100,000 rows: no migration history is that long."""
        found = self.connection.execute(query.limit(_MOST_ROWS + 1)).all()
        if len(found) > _MOST_ROWS:
            raise Unanswered(f"{self.place}: the history has more than {_MOST_ROWS} rows")
        return found


@contextmanager
def reading(database: str, root: Path) -> Iterator[History]:
    """The database behind a URL, asked in one read-only transaction.

    PostgreSQL and SQLite. A relative SQLite file starts at ``root`` and is never created. Raises ``Unanswered`` for
    whatever keeps it from answering, inside the block too.
    """
    url = _url(database)
    schema_of = _kind_of(url)
    place = schema_of.place(url)
    try:
        engine = schema_of.engine(url, root)
    except ModuleNotFoundError as error:
        raise Unanswered(f"{place}: {error.name} is not installed: pip install 'instar[postgresql]'") from error
    try:
        with engine.connect() as connection:
            schema_of.begin(connection)
            yield History(connection, place, schema_of)
            connection.rollback()
    except SQLAlchemyError as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        raise Unanswered(f"{place}: {_without_secrets(str(said), url)}") from error
    finally:
        engine.dispose()


def columns(names: str) -> tuple[ColumnClause[Any], ...]:
    return tuple(column(name) for name in names.split())


def _url(database: str) -> URL:
    try:
        url = make_url(database)
    except (ArgumentError, ValueError) as error:  # its text would quote the URL, password and all
        raise Unanswered(f"the database's URL cannot be read: {_SCHEMES}") from error
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return url.set(drivername="sqlite+pysqlite")
    raise Unanswered(f"gates ask PostgreSQL and SQLite, and not {url.drivername}: {_SCHEMES}, or use a command gate")


def _kind_of(url: URL) -> "_Postgresql | _Sqlite":
    return _Sqlite() if url.get_backend_name() == "sqlite" else _Postgresql()


def _without_secrets(said: str, url: URL) -> str:
    """The first lines of an error. Drivers do not quote passwords as far as we know; we do not rest on that."""
    secrets = [url.password or ""]
    secrets += [str(value) for key, value in url.query.items() if "pass" in key.lower()]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        said = said.replace(secret, "***").replace(quote(secret, safe=""), "***")
    return " ".join(said.split())[:_LONGEST_ERROR]


class _Postgresql:
    def place(self, url: URL) -> str:
        port = f":{url.port}" if url.port else ""
        return f"postgresql {url.host or 'localhost'}{port}/{url.database or ''}"

    def engine(self, url: URL, _root: Path) -> Engine:
        limits: dict[str, str | int] = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "instar-gate",
            # A server that vanishes is noticed by the sender alone; without these a wait has no end.
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
        }
        # What the URL itself says about these counts, except that nothing waits longer than we do.
        given = {key: value for key, value in limits.items() if key == "connect_timeout" or key not in url.query}
        url = url.difference_update_query(["connect_timeout"])
        return create_engine(url, poolclass=NullPool, connect_args=given, isolation_level="REPEATABLE READ")

    def begin(self, connection: Connection) -> None:
        # In the transaction and not as options of the connection, which some poolers (PgBouncer) refuse.
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"))
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))

    def find(self, history: History, name: str, schema: str | None) -> TableClause | None:
        ask = history.connection.execute
        if schema is not None and ask(_POSTGRESQL_SCHEMA, {"name": schema}).first() is None:
            raise Unanswered(f"{history.place} has no schema {schema}")
        found = ask(_POSTGRESQL_TABLES, {"name": name}).all()
        if schema is not None:
            here = [row for row in found if row.nspname == schema]
        else:
            seen = [row for row in found if row.position is not None]
            first = min((row.position for row in seen), default=None)
            here = [row for row in seen if row.position == first]
        if not here and found:
            others = ", ".join(sorted({row.nspname for row in found}))
            looked = f"schema {schema}" if schema is not None else "the search path"
            where = f"{name} is not in {looked}, but in {others}"
            raise Unanswered(f"{history.place}: {where}: name the right schema in the gate")
        chosen = _one_of([row.relname for row in here], name, history.place)
        return None if chosen is None else table(chosen, schema=here[0].nspname)


_POSTGRESQL_SCHEMA = text("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = :name")
# Names are compared without their case: Liquibase leaves them unquoted, which PostgreSQL writes small.
_POSTGRESQL_TABLES = text(
    "SELECT n.nspname, c.relname, array_position(current_schemas(false), n.nspname) AS position"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE lower(c.relname) = lower(:name) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
)


class _Sqlite:
    def place(self, url: URL) -> str:
        return f"sqlite {url.database or ':memory:'}"

    def engine(self, url: URL, root: Path) -> Engine:
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise Unanswered(f"a SQLite database in a file is asked, by its path: {_SCHEMES}")
        file = root / url.database
        if not file.is_file():
            raise Unanswered(f"sqlite {url.database}: there is no such file")

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                f"file:{quote(str(file))}?mode=ro", uri=True, timeout=LOCK_TIMEOUT_MS / 1000, isolation_level=None
            )

        engine = create_engine("sqlite+pysqlite://", poolclass=NullPool, creator=connect)

        @event.listens_for(engine, "connect")
        def limit(connection: sqlite3.Connection, _record: object) -> None:
            until_s = time.monotonic() + STATEMENT_TIMEOUT_MS / 1000
            connection.set_progress_handler(lambda: time.monotonic() > until_s, _SQLITE_STEPS)

        return engine

    def begin(self, connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    def find(self, history: History, name: str, schema: str | None) -> TableClause | None:
        if schema not in (None, "main"):
            raise Unanswered(f"{history.place}: SQLite has no schemas; take schema = {schema!r} off the gate")
        query = text("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = lower(:name)")
        names = history.connection.execute(query, {"name": name}).scalars().all()
        chosen = _one_of(names, name, history.place)
        return None if chosen is None else table(chosen)


def _one_of(names: Sequence[str], wanted: str, place: str) -> str | None:
    if wanted in names:
        return wanted
    if len(names) > 1:
        raise Unanswered(f"{place} has {' and '.join(sorted(names))}: write the table's name as it is")
    return names[0] if names else None
