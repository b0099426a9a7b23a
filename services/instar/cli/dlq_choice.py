"""The options by which the `dlq` commands choose letters, and what they share: the topic and what was done so far."""

import getpass
from enum import StrEnum
from typing import Annotated

import typer

from instar.cli import completing
from instar.cli.exits import USAGE, fail
from instar.cli.scope import kafka_settings, migration_of
from instar.dead_letters.choice import Choice
from instar.operations.dead_letters import DIRECTIONS, DeadLetters, position_of
from instar.operations.dead_letters import dead_letters as letters_on
from instar.project.project import Project


class Which(StrEnum):
    UP = "up"
    DOWN = "down"


MigrationOption = Annotated[str, typer.Option("--migration", metavar="MIGRATION", autocompletion=completing.migrations)]
DirectionOption = Annotated[Which | None, typer.Option(help="Only letters of this bridge.")]
CodeOption = Annotated[str | None, typer.Option("--code", help="Only letters with this code, as `dlq list` has it.")]
HopOption = Annotated[str | None, typer.Option("--hop", metavar="v1_to_v2", help="Only letters that failed here.")]
FieldOption = Annotated[str | None, typer.Option("--field", metavar="items[].x", help="Only letters of this field.")]
LetterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--letter", metavar="PARTITION:OFFSET", help="Only this letter of the dead-letter topic. May be repeated."
    ),
]
ByOption = Annotated[str | None, typer.Option("--by", help="Who decides this. Default: the user's name.")]


def choice(
    direction: Which | None, code: str | None, hop: str | None, field: str | None, letters: list[str] | None
) -> Choice:
    """The options together. Fails for a letter that is not written as a position."""
    chosen = {position_of(text) for text in letters or ()}
    at = None if direction is None else (DIRECTIONS[0] if direction is Which.UP else DIRECTIONS[1])
    return Choice(at, code, hop, field, frozenset(chosen) if letters else None)


def dead_letters(project: Project, name: str, bootstrap: str | None) -> DeadLetters:
    """Fails where there is no such migration. Raises ``KafkaTrouble`` where its topic is missing."""
    migration_of(project, name)
    return letters_on(project, name, kafka_settings(project, bootstrap))


def actor(by: str | None) -> str:
    """Who decides: what the command line says, else who is logged in."""
    if by:
        return by
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        fail("This user has no name.", "Say who decides with --by.", USAGE)
