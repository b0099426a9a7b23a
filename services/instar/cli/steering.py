"""What the verbs that steer and show a migration share: which directions, who asks, and looking at them."""

import getpass
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from instar.backfill.control import Control, now_ms
from instar.backfill.progress import Progress, Watched
from instar.cli import completing
from instar.cli.runs import Which, chosen
from instar.cli.scope import kafka_settings, migration_of, open_project
from instar.core.control import Asked
from instar.core.provenance import Direction
from instar.core.status import Status
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.processor.assemble import directions
from instar.project.migration import Migration

MigrationArgument = Annotated[
    str,
    typer.Argument(
        help="The migration's name in the settings.", metavar="MIGRATION", autocompletion=completing.migrations
    ),
]
DirectionOption = Annotated[Which | None, typer.Option(help="Default: as the migration's `producers` asks.")]
WhyOption = Annotated[str, typer.Option("--why", help="For those who wonder later.", metavar="TEXT")]

ACKNOWLEDGED_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Steered:
    """A migration on a cluster, with the directions that are meant."""

    name: str
    migration: Migration
    cluster: Cluster
    control: Control
    directions: tuple[Direction, ...]

    def progress(self) -> list[Progress]:
        """One for each direction. Raises ``TopicMissing``."""
        return [Progress(self._watched(direction), self.cluster) for direction in self.directions]

    def look(self, progress: list[Progress]) -> list[Status]:
        return [one.look(self.control.orders(self.name, one.watched.direction)) for one in progress]

    def _watched(self, direction: Direction) -> Watched:
        source, target = self.migration.source.topic, self.migration.target.topic
        if direction == "down":
            source, target = target, source
        partitions = self.cluster.topic(source).partitions
        return Watched(self.name, direction, f"instar.{self.name}.{direction}", source, target, partitions)


def steered(
    migration: str, direction: Which | None, project: Path | None, environment: str | None, bootstrap: str | None
) -> Steered:
    opened = open_project(project, environment)
    settings = migration_of(opened, migration)
    asked = chosen(direction, directions(settings))
    if "down" in asked and settings.reverse is None:
        raise Refused(
            f"Migration {migration} has no reverse bridge.",
            f'Add reverse = {{ version = "v1" }} to [tool.instar.migrations.{migration}].',
        )
    cluster = Cluster(kafka_settings(opened, bootstrap))
    return Steered(migration, settings, cluster, Control(cluster), asked)


def asked_by(why: str = "") -> Asked:
    """Who asks: the user and the machine."""
    return Asked(f"{getpass.getuser()}@{socket.gethostname()}", now_ms(), why)


def wait_until(state: Steered, ready: Callable[[Status], bool], timeout_s: float) -> list[Status]:
    """The last look, as soon as ``ready`` is true of every direction, and at the latest when the time is over."""
    progress = state.progress()
    deadline_s = time.monotonic() + timeout_s
    while True:
        statuses = state.look(progress)
        if all(ready(status) for status in statuses) or time.monotonic() > deadline_s:
            return statuses
        time.sleep(_LOOK_EVERY_S)
