"""A bridge's three topics in memory, opened as the verifier opens them on a cluster."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.support.bridging import FRAMING, MIGRATION, TOPIC_ID, bridge_of, published

from instar.core.checkpoint import Checkpoint, Counts
from instar.core.provenance import Direction
from instar.core.record import Record
from instar.core.redrive import Settled
from instar.core.subject import Subject
from instar.verifier.inputs import Inputs, Side
from instar.verifier.judge import Judge
from instar.verifier.modes import Mode
from instar.verifier.report import Report
from instar.verifier.run import Options, run
from instar.verifier.state import State

Topic = dict[int, list[Record]]
Reads = Callable[[str, int, int, int], None]


def judge_of(subject: Subject, version: int = 2, direction: Direction = "up") -> Judge:
    return Judge(
        migration=MIGRATION,
        direction=direction,
        version=version,
        subjects={subject.name: subject},
        sole_subject=subject.name,
        source_framing=FRAMING,
        target_framing=FRAMING,
        ids=None,  # type: ignore[arg-type]  # the framing names versions
        denied=frozenset(),
        largest_record_bytes=1_000_000,
        carry_lost=False,
    )


@dataclass
class World:
    """The topics by partition, the checkpoints, and where retention has cut the topics' starts."""

    subject: Subject
    source: Topic
    target: Topic
    letters: Topic
    checkpoints: dict[int, Checkpoint]
    starts: dict[str, dict[int, int]] = field(default_factory=dict)
    settled: dict[tuple[int, int], Settled] = field(default_factory=dict)
    natives_are_rogue: bool = True
    compacted: frozenset[str] = frozenset()
    fingerprint: str = "f" * 64
    on_read: Reads = lambda *_: None
    later: "World | None" = None  # what is there from the second opening on
    opened: int = 0

    def open(self, bounds: Mapping[int, int] | None = None) -> Inputs:
        self.opened += 1
        world = self if self.opened == 1 or self.later is None else self.later
        points = dict(world.checkpoints)
        if bounds is not None:
            points = {number: replace(points[number], offset=bound) for number, bound in bounds.items()}
        return Inputs(
            migration=MIGRATION,
            direction="up",
            fingerprint=world.fingerprint,
            source=world.side("source", world.source, TOPIC_ID),
            target=world.side("target", world.target, b"t" * 16),
            letters=world.side("letters", world.letters, b"l" * 16),
            checkpoints=points,
            judge=judge_of(world.subject),
            settled=world.settled,
            natives_are_rogue=world.natives_are_rogue,
            source_partitions=len(world.source),
        )

    def committed(self) -> Mapping[int, Checkpoint]:
        return self.checkpoints

    def side(self, name: str, topic: Topic, topic_id: bytes) -> Side:
        starts = {number: self.starts.get(name, {}).get(number, 0) for number in topic}
        ends = {number: records[-1].offset + 2 if records else 0 for number, records in topic.items()}
        ends = {number: max(end, starts[number]) for number, end in ends.items()}

        def read(partition: int, start: int, end: int) -> Iterator[Record]:
            self.on_read(name, partition, start, end)
            for record in topic[partition]:
                if max(start, starts[partition]) <= record.offset < end:
                    yield record

        return Side(name, topic_id, starts, ends, read, name in self.compacted)


def world_of(subject: Subject, sources: Topic, made_by: Subject | None = None) -> World:
    """What a bridge makes of the sources; ``made_by`` is the subject that it really ran."""
    target: Topic = {}
    letters: Topic = {}
    checkpoints = {}
    for partition, records in sources.items():
        target[partition], letters[partition], results = published(bridge_of(made_by or subject, 2), records)
        counts = Counts(
            read=len(records),
            published=sum(one.result == "published" for one in results),
            outputs=len(target[partition]),
            dead_lettered=len(letters[partition]),
            dropped=sum(one.result == "dropped" for one in results),
            echoed=sum(one.result == "echoed" for one in results),
        )
        end = records[-1].offset + 1 if records else 0
        checkpoints[partition] = Checkpoint(end, TOPIC_ID.hex(), counts)
    return World(subject, sources, target, letters, checkpoints)


def renumbered(records: list[Record]) -> list[Record]:
    """The same records in this order, at offsets of their own."""
    return [record._replace(offset=place * 2) for place, record in enumerate(records)]


def verified(world: World, mode: Mode, folder: Path, **options: Any) -> Report:
    return run(world, lambda key: State(folder, MIGRATION, "up", key), Options(mode=mode, **options))
