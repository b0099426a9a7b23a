"""The tables' own version: what is there, what this program needs, and the way up and down.

Alembic does it, from the migrations inside this package; there is no ini file. Its table is ``instar_revision``, so
that it meets no other program's in a shared database.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from instar.state.database import Database
from instar.state.errors import NotMigrated, NotThere, TooNew

BASE = "base"
HEAD = "head"
VERSION_TABLE = "instar_revision"
_MIGRATIONS = Path(__file__).with_name("migrations")
_ADVISORY_LOCK = 0x696E73746172  # "instar": two upgrades of one PostgreSQL wait for each other

Kind = Literal["current", "behind", "empty", "newer"]


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: its revision, what it is about, and the tables that it makes."""

    revision: str
    about: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the database is and where this program wants it. ``current`` is None where there are no tables."""

    kind: Kind
    current: str | None
    wanted: str
    missing: tuple[Step, ...] = ()


def standing(database: Database) -> Standing:
    if not database.exists:  # a look makes no file
        return Standing("empty", None, _steps()[-1].revision, _steps())
    with database.reading() as connection:
        return _standing(connection)


def require(database: Database) -> None:
    """Make sure that the tables are those of this program.

    A SQLite file belongs to one project and is brought up to date at once. A PostgreSQL is shared, so that an operator
    says when. Raises ``NotMigrated`` or ``TooNew``.
    """
    now = standing(database)
    if now.kind == "current":
        return
    if now.kind == "newer":
        raise too_new(database, now)
    if database.is_sqlite:
        upgrade(database)
        return
    what = "has no tables of instar yet" if now.current is None else f"is at revision {now.current}"
    raise NotMigrated(
        f"The state in {database} {what}; this instar needs revision {now.wanted}.",
        "`instar db check` shows what is missing, `instar db upgrade` brings it there.",
    )


def too_new(database: Database, now: Standing) -> TooNew:
    return TooNew(
        f"The state in {database} is at revision {now.current}, which this instar does not know (it knows up to "
        f"{now.wanted}): a later version has changed it.",
        "Use that version of instar, or a later one.",
    )


def upgrade(database: Database, to: str = HEAD) -> Standing:
    """Bring the tables to a revision, by default the newest, in one transaction. Raises ``TooNew`` or ``NotThere``."""
    with database.writing() as connection:
        _lock(database, connection)
        _refuse_newer(database, connection)
        _known(to)
        command.upgrade(_config(connection), to)
        return _standing(connection)


def downgrade(database: Database, to: str) -> Standing:
    """Bring the tables back to an earlier revision, or to ``base``: with no tables at all. Same errors."""
    with database.writing() as connection:
        _lock(database, connection)
        _refuse_newer(database, connection)
        _known(to)
        command.downgrade(_config(connection), to)
        return _standing(connection)


def steps_down(database: Database, to: str) -> tuple[Step, ...]:
    """What a downgrade would undo, in the order in which it would. Raises ``NotThere``."""
    now = standing(database)
    if now.kind == "newer":
        raise too_new(database, now)
    _known(to)
    done = [] if now.current is None else [step for step in _steps() if step.revision <= now.current]
    return tuple(step for step in reversed(done) if to != HEAD and (to == BASE or step.revision > to))


def rows(database: Database, tables: Iterable[str]) -> dict[str, int]:
    """How many rows each of these tables holds."""
    with database.reading() as connection:
        counts = {name: sa.select(sa.func.count()).select_from(sa.table(name)) for name in tables}
        return {name: connection.execute(count).scalar_one() for name, count in counts.items()}


def _standing(connection: Connection) -> Standing:
    current = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_revision()
    steps = _steps()
    wanted = steps[-1].revision
    known = [step.revision for step in steps]
    if current is None:
        return Standing("empty", None, wanted, steps)
    if current not in known:
        return Standing("newer", current, wanted)
    missing = steps[known.index(current) + 1 :]
    return Standing("behind" if missing else "current", current, wanted, missing)


def _refuse_newer(database: Database, connection: Connection) -> None:
    now = _standing(connection)
    if now.kind == "newer":
        raise too_new(database, now)


def _known(revision: str) -> None:
    if revision not in (BASE, HEAD, *(step.revision for step in _steps())):
        known = ", ".join(step.revision for step in _steps())
        raise NotThere(f"There is no revision {revision!r} of the state.", f"There are {known}, {BASE} and {HEAD}.")


def _steps() -> tuple[Step, ...]:
    """Every migration, the first one first: the chain has no branches, which a test sees to."""
    script = ScriptDirectory.from_config(_config(None))
    walked = reversed(list(script.walk_revisions()))
    return tuple(Step(each.revision, each.doc.removesuffix("."), each.module.tables) for each in walked)


def _lock(database: Database, connection: Connection) -> None:
    if not database.is_sqlite:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    return config
