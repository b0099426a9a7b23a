"""A gate of the settings: a step waits until a database has a revision, or until a command says yes."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from instar.project.model import LateValue, Names, Strict, duration_s, wrong

Before = Literal["apply", "switch", "rollback", "retire", "abandon"]
TOOLS = ("alembic", "flyway", "liquibase", "command")

# Flyway's own rule: numbers, separated by points or underscores (org.flywaydb.core.api.MigrationVersion).
_FLYWAY_VERSION = re.compile(r"[0-9]{1,50}([._][0-9]{1,50})*\Z")
_GATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LONGEST_COMMAND_S = 600

Name = Annotated[str, Field(min_length=1)]


def _folders(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _flyway_version(value: str) -> str:
    if not _FLYWAY_VERSION.match(value):
        raise wrong("this is no version of Flyway", 'write numbers with points between them: "7" or "2026.11.3"')
    return value


def _changeset(value: Any) -> tuple[str, str, str]:
    parts = value.split("::") if isinstance(value, str) else []
    if len(parts) != 3 or not all(parts):
        raise wrong("a change set is named by its id, author and file", 'write "id::author::db/changelog.sql"')
    return parts[0], parts[1], parts[2]


def _timeout(value: Any) -> int:
    seconds = duration_s(value)
    if seconds > _LONGEST_COMMAND_S:
        raise wrong(f"a command gate is asked for at most {_LONGEST_COMMAND_S} s", 'write "10m" or less')
    return seconds


def _variables(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _VARIABLE.match(name):
            raise wrong("this is no name of an environment variable", 'write names alone: variables = ["ASK_TOKEN"]')
    return names


class AlembicGate(Strict):
    """Open once ``revision`` is applied.

    Without ``scripts`` (Alembic's script folder, or several version folders) only a database that stands exactly at
    the revision is known to have it: what lies behind another revision is written in the scripts alone.
    """

    database: LateValue
    revision: Name
    scripts: Annotated[tuple[Name, ...], BeforeValidator(_folders), Field(strict=False)] = ()
    table: Name = "alembic_version"
    table_schema: Name | None = Field(default=None, alias="schema")


class FlywayGate(Strict):
    """Open once the migration ``version`` is applied, or a baseline covers it."""

    database: LateValue
    version: Annotated[str, AfterValidator(_flyway_version)]
    table: Name = "flyway_schema_history"
    table_schema: Name | None = Field(default=None, alias="schema")


class LiquibaseGate(Strict):
    """Open once a change set has run, or a tag is set, and nobody holds the change log's lock."""

    database: LateValue
    changeset: Annotated[tuple[str, str, str], BeforeValidator(_changeset)] | None = None  # id, author, path
    tag: Name | None = None
    table: Name = "DATABASECHANGELOG"
    lock_table: Name = "DATABASECHANGELOGLOCK"
    table_schema: Name | None = Field(default=None, alias="schema")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.changeset is None) == (self.tag is None):
            raise wrong(
                "a Liquibase gate names a change set or a tag, and not both",
                'for example: changeset = "weight::ana::db/changelog.sql"',
            )
        return self


class CommandGate(Strict):
    """Open when the program exits with 0, closed when with 3; anything else is unknown. No shell reads ``argv``.

    ``variables``: which of instar's own environment variables the program gets, beside ``PATH``, ``HOME`` and the like.
    """

    argv: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
    timeout: Annotated[int, BeforeValidator(_timeout)] = 30  # written "30s", held in seconds
    variables: Annotated[Names, AfterValidator(_variables)] = ()


class Gate(Strict):
    """A step waits until something outside is done. Exactly one tool. ``label`` is what a waiver names it by."""

    before: Before
    name: str | None = None
    alembic: AlembicGate | None = None
    flyway: FlywayGate | None = None
    liquibase: LiquibaseGate | None = None
    command: CommandGate | None = None

    @property
    def label(self) -> str:
        """``name``, or one made of the tool and what it waits for: ``flyway-7``."""
        if self.name is not None:
            return self.name
        if self.alembic:
            what = f"alembic-{self.alembic.revision}"
        elif self.flyway:
            what = f"flyway-{self.flyway.version}"
        elif self.liquibase:
            what = f"liquibase-{self.liquibase.changeset[0] if self.liquibase.changeset else self.liquibase.tag}"
        else:
            what = f"command-{self.command.argv[0].rpartition('/')[2] if self.command else ''}"
        return re.sub(r"[^A-Za-z0-9._-]+", "-", what)[:100]

    @model_validator(mode="after")
    def _one_tool(self) -> Self:
        if len([name for name in TOOLS if getattr(self, name) is not None]) != 1:
            raise wrong(
                "a gate names exactly one of alembic, flyway, liquibase, command",
                'for example: flyway = { database = "env:ORDERS_DB", version = "7" }',
            )
        if self.name is not None and not _GATE_NAME.match(self.name):
            raise wrong("a gate's name has 1 to 100 of the characters A-Z a-z 0-9 . _ -", 'write name = "orders-db"')
        return self


def _distinct(gates: Sequence[Gate]) -> Sequence[Gate]:
    seen: set[tuple[str, str]] = set()
    for gate in gates:
        if (gate.before, gate.label) in seen:
            raise wrong(
                f"two gates before {gate.before} are called {gate.label}, and a waiver could mean either",
                'give one of them a name of its own: name = "..."',
            )
        seen.add((gate.before, gate.label))
    return gates


Gates = Annotated[tuple[Gate, ...], Field(strict=False), AfterValidator(_distinct)]
