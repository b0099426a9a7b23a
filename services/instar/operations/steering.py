"""Looking at a migration that runs somewhere, and steering it: which directions, their state, pause and rate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instar.backfill.control import Control
from instar.backfill.progress import Progress, Watched
from instar.core import control
from instar.core.checkpoint import group_of
from instar.core.control import Asked
from instar.core.provenance import Direction
from instar.core.rollout.control_messages import Said
from instar.core.status import Status
from instar.core.throttle import Rate
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.operations.scope import migration_of
from instar.processor.assemble import directions
from instar.project.migration import Migration
from instar.project.project import Project


@dataclass(frozen=True, slots=True)
class Steered:
    """A migration on a cluster, with the directions that are meant. ``resumable``: those whose pause may be taken back;
    a limit pauses the way back too, whatever the settings say of who writes."""

    name: str
    migration: Migration
    cluster: Cluster
    control: Control
    directions: tuple[Direction, ...]
    resumable: tuple[Direction, ...]

    def progress(self) -> list[Progress]:
        """One for each direction. Raises ``TopicMissing``."""
        return [self.progress_of(direction) for direction in self.directions]

    def progress_of(self, direction: Direction) -> Progress:
        """Raises ``TopicMissing``."""
        return Progress(self._watched(direction), self.cluster)

    def look(self, progress: list[Progress]) -> list[Status]:
        return [one.look(self.control.orders(self.name, one.watched.direction)) for one in progress]

    def pause(self, asked: Asked) -> None:
        """Everybody who carries these records stops, wherever they run. Raises ``KafkaTrouble``."""
        entry = control.entry(asked)
        self.control.write({control.key(self.name, one, control.PAUSE): entry for one in self.directions})

    def resume(self) -> tuple[Direction, ...]:
        """Take the pause back; the directions that were paused. Raises ``KafkaTrouble``."""
        paused = tuple(one for one in self.resumable if self.control.orders(self.name, one).pause is not None)
        for one in paused:
            self.control.write({control.key(self.name, one, control.PAUSE): None})
        return paused

    def set_rate(self, rate: Rate | None, asked: Asked) -> None:
        """Set the rate of each direction; None: as each run was started. Raises ``KafkaTrouble``."""
        entry = None if rate is None else control.entry(asked, **rate.as_dict())
        self.control.write({control.key(self.name, one, control.RATE): entry for one in self.directions})

    def _watched(self, direction: Direction) -> Watched:
        source, target = self.migration.source.topic, self.migration.target.topic
        if direction == "down":
            source, target = target, source
        partitions = self.cluster.topic(source).partitions
        return Watched(self.name, direction, group_of(self.name, direction), source, target, partitions)


def steering(
    project: Project,
    name: str,
    asked: tuple[Direction, ...] | None,
    kafka: Mapping[str, Any],
    cluster: Cluster | None = None,
) -> Steered:
    """A migration of the settings on its cluster. ``asked`` defaults to what its ``producers`` need, and what its
    rollout has asked to run: a switch starts the way back, whatever the settings say.

    Raises ``Failure`` and ``KafkaTrouble``.
    """
    migration = migration_of(project, name)
    on = Cluster(kafka) if cluster is None else cluster
    steers = Control(on)
    meant = _meant(migration, steers.said(name)) if asked is None else asked
    if "down" in meant and migration.reverse is None:
        raise Refused(
            f"Migration {name} has no reverse bridge.",
            f'Add reverse = {{ version = "v1" }} to [tool.instar.migrations.{name}].',
        )
    both: tuple[Direction, ...] = ("up",) if migration.reverse is None else ("up", "down")
    return Steered(name, migration, on, steers, meant, both if asked is None else asked)


def _meant(migration: Migration, said: Said) -> tuple[Direction, ...]:
    """By the settings; and the way back while the rollout wants it to run."""
    settled = directions(migration)
    down = said.bridges.get("down")
    runs = migration.reverse is not None and down is not None and down.order == "run"
    return ("up", "down") if runs else settled
