"""A migration's dead letters: read, traced through today's chain, redriven and discarded."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from instar.clock import now_ms
from instar.core.provenance import Direction
from instar.core.reading import Read, context_of
from instar.core.redrive import LetterPosition, Settled
from instar.core.rejected import Rejected
from instar.core.trace_document import seal_stages
from instar.core.upcasting.chain import Stage
from instar.dead_letters.choice import Choice
from instar.dead_letters.discard import discard
from instar.dead_letters.observer import Observer, Unobserved
from instar.dead_letters.redrive import Lane, Outcome, redrive, would_redrive
from instar.dead_letters.settler import Settler
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Refused
from instar.kafka.failpoints import Failpoints
from instar.kafka.letters import Letter, read_letters, read_settled, to_letter
from instar.kafka.scan import scan
from instar.operations.failure import USAGE, fail
from instar.operations.scope import migration_of
from instar.operations.topic_reader import topic_reader
from instar.processor.assemble import Options, assemble_project
from instar.processor.modes import splits_of
from instar.processor.plan import BridgePlan
from instar.project.migration import Migration
from instar.project.project import Project

DIRECTIONS: tuple[Direction, Direction] = ("up", "down")
_LETTER = re.compile(r"(\d{1,9}):(\d{1,18})\Z")


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

    def reading(self, letter: Letter) -> Read | Rejected | None:
        """What the record is, read as its bridge read it; None for a tombstone."""
        reader = topic_reader(self.project, self.topic.name, subject=None, framing=None, migration=self.name)
        if letter.record.value is None:
            return None
        side: Direction = "up" if letter.verdict.direction == "up" else "down"
        return reader.readers[side].read(letter.record.value, letter.record.headers)


def dead_letters(project: Project, name: str, kafka: Mapping[str, Any], cluster: Cluster | None = None) -> DeadLetters:
    """Fails where there is no such migration. Raises ``KafkaTrouble`` where its topic is missing."""
    migration = migration_of(project, name)
    on = Cluster(kafka) if cluster is None else cluster
    topic = on.topic(migration.dead_letter_topic)
    return DeadLetters(project, name, migration, kafka, on, topic, read_settled(on, topic))


def stages_of(found: DeadLetters, letter: Letter, read: Read) -> list[Stage]:
    """The record at each version on its bridge's way, as today's chain makes it."""
    migration, subject = found.migration, read.subject
    up = letter.verdict.direction == "up"
    end = migration.target.version if up or migration.reverse is None else migration.reverse.version
    value = read.value()
    if isinstance(value, Rejected):
        return [Stage(read.version, None, (), value)]
    way = subject.chain(read.version, end)
    if isinstance(way, Rejected):
        return [Stage(read.version, None, (), way)]
    with redirect_stdout(sys.stderr):  # a hop that prints must not end up in the data
        return seal_stages(subject, way.trace(value, context_of(letter.record)))


def unobserved(_plan: BridgePlan) -> Observer:
    return Unobserved()


def redriven(
    found: DeadLetters,
    side: Direction,
    chosen: Choice,
    by: str,
    *,
    doing: bool,
    observe: Callable[[BridgePlan], Observer] = unobserved,
) -> Iterator[Outcome]:
    """Publish a direction's chosen letters through today's chain, or say what would become of each.

    Nothing is assembled, and no topic made, for a direction without such letters. Raises ``KafkaTrouble``.
    """
    first = next(found.read(chosen, outstanding=True), None)
    if first is None:
        return
    plan = assemble_project(
        found.project, Options(found.project.root, found.project.environment_name, found.name, side, found.kafka)
    )
    splits = splits_of(plan, found.cluster)
    if plan.mode == "live-first" and any(split.behind for split in splits.values()):
        raise Refused(
            f"History of {found.name} is still being carried: what is redriven now, history could replace.",
            f"Redrive when `instar status {found.name}` shows nothing to go.",
        )
    began = {partition: split.at for partition, split in splits.items()}
    lane = Lane(found.name, side, plan.source, plan.target, plan.make_bridge(), plan.history, began)
    letters = found.read(chosen, outstanding=True)
    if not doing:
        yield from would_redrive(lane, found.cluster, letters)
        return
    with Settler(found.kafka, found.name, side, found.topic, _written(plan), Failpoints.from_environment()) as settler:
        yield from redrive(lane, found.cluster, settler, letters, by, now_ms, observe(plan))


def _written(plan: BridgePlan) -> list[Topic]:
    return [topic for topic in plan.written if topic.name != plan.dead_letters.name]


def discarded(found: DeadLetters, side: Direction, chosen: Choice, reason: str, by: str, *, doing: bool) -> int:
    """Settle a direction's chosen letters as not wanted; how many there are, or were. Raises ``KafkaTrouble``."""
    count = sum(1 for _ in found.read(chosen, outstanding=True))
    if not count or not doing:
        return count
    with Settler(found.kafka, found.name, side, found.topic, [], Failpoints.from_environment()) as settler:
        return discard(settler, found.read(chosen, outstanding=True), reason, by, now_ms)
