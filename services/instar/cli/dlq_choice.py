"""The options by which the `dlq` commands choose letters, and what they share: the topic and what was done so far."""

import getpass
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from instar.cli import completing
from instar.cli.exits import USAGE, fail
from instar.cli.scope import kafka_settings, migration_of
from instar.core.provenance import Direction
from instar.core.redrive import LetterPosition, Settled
from instar.dead_letters.choice import Choice
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.letters import Letter, read_letters, read_settled, to_letter
from instar.kafka.scan import scan
from instar.project.migration import Migration
from instar.project.project import Project

DIRECTIONS: tuple[Direction, Direction] = ("up", "down")
_LETTER = re.compile(r"(\d{1,9}):(\d{1,18})\Z")


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


def position_of(text: str) -> tuple[int, int]:
    """A letter's partition and offset in the dead-letter topic. Fails for anything else."""
    match = _LETTER.match(text)
    if match is None:
        fail(f"{text!r} is not the position of a dead letter.", "Write its partition and offset: 0:17.", USAGE)
    return int(match[1]), int(match[2])


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A migration's dead letters. ``settled`` is read once, before the letters."""

    project: Project
    name: str
    migration: Migration
    kafka: Mapping[str, Any]
    cluster: Cluster
    topic: Topic
    settled: Mapping[LetterPosition, Settled]

    def read(self, chosen: Choice, *, outstanding: bool = False) -> Iterator[Letter]:
        """The chosen letters as they come; in order within a partition."""
        for letter in read_letters(self.cluster, self.topic, self.name, self.settled):
            if chosen.takes(letter) and not (outstanding and letter.settled is not None):
                yield letter

    def at(self, partition: int, offset: int) -> Letter | None:
        """The letter at a position of the topic; None where there is none of this migration's."""
        if partition >= self.topic.partitions:
            return None
        start = self.cluster.start_offsets(self.topic.name, [partition])[partition]
        end = self.cluster.end_offsets(self.topic.name, [partition], committed=True)[partition]
        if not start <= offset < end:
            return None
        bounds = {partition: offset + 1}
        for record in scan(self.kafka, self.topic.name, {partition: offset}, bounds, batch_records=1):
            letter = to_letter(record, self.topic.id, self.settled)
            return letter if letter is not None and letter.verdict.migration == self.name else None
        return None


def dead_letters(project: Project, name: str, bootstrap: str | None) -> DeadLetters:
    """Fails where there is no such migration. Raises ``KafkaTrouble`` where its topic is missing."""
    migration = migration_of(project, name)
    kafka = kafka_settings(project, bootstrap)
    cluster = Cluster(kafka)
    topic = cluster.topic(migration.dead_letter_topic)
    return DeadLetters(project, name, migration, kafka, cluster, topic, read_settled(cluster, topic))


def actor(by: str | None) -> str:
    """Who decides: what the command line says, else who is logged in."""
    if by:
        return by
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        fail("This user has no name.", "Say who decides with --by.", USAGE)
