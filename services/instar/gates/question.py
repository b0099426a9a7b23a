"""What a gate asks, with everything resolved. ``database`` is a SQLAlchemy URL and may hold a password."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AlembicQuestion:
    """Is ``revision`` applied? ``scripts``: Alembic's script folder, or version folders, from the project root."""

    database: str = field(repr=False)
    revision: str
    scripts: tuple[str, ...] = ()
    table: str = "alembic_version"
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class FlywayQuestion:
    """Is the migration ``version`` applied?"""

    database: str = field(repr=False)
    version: str
    table: str = "flyway_schema_history"
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class LiquibaseQuestion:
    """Has the change set (id, author, path) run, or is the tag set? Exactly one of both."""

    database: str = field(repr=False)
    changeset: tuple[str, str, str] | None = None
    tag: str | None = None
    table: str = "DATABASECHANGELOG"
    lock_table: str = "DATABASECHANGELOGLOCK"
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class CommandQuestion:
    """What does the program say? ``variables`` are passed on to it from our environment, ``told`` is added."""

    argv: tuple[str, ...]
    timeout_s: float = 30.0
    variables: tuple[str, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict)


Question = AlembicQuestion | FlywayQuestion | LiquibaseQuestion | CommandQuestion
