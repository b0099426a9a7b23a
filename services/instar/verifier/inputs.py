"""What a verification reads: the three topics of one direction, and what was committed when it began.

``Inputs`` is plain data with a ``read`` for each topic, so that what verifies needs no Kafka.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from instar.core.checkpoint import Checkpoint
from instar.core.content import Content
from instar.core.cut import Expected
from instar.core.provenance import Direction
from instar.core.published import Scope, Window
from instar.core.record import Record
from instar.core.redrive import Settled
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.verifier.judge import Decision

ReadRange = Callable[[int, int, int], Iterable[Record]]
"""Committed records of a partition from an offset on and below a bound, in order, read as they are asked for."""


class Judging(Protocol):
    """What must become of records, and what they hold: ``judge.Judge``. ``version`` is the target's."""

    @property
    def largest_record_bytes(self) -> int: ...

    @property
    def subjects(self) -> Mapping[str, Subject]: ...

    @property
    def version(self) -> int: ...

    def read(self, record: Record) -> tuple[Subject, int, bytes] | Rejected: ...

    def expect(self, record: Record) -> Expected: ...

    def decide(self, record: Record) -> Decision: ...

    def content(self, record: Record) -> Content | str: ...


@dataclass(frozen=True, slots=True)
class Side:
    """One topic. ``starts`` and ``ends`` are offsets by partition; ``ends`` are high watermarks, read uncommitted."""

    topic: str
    topic_id: bytes
    starts: Mapping[int, int]
    ends: Mapping[int, int]
    read: ReadRange
    compacted: bool = False

    def record(self, partition: int, offset: int) -> Record | None:
        """One record; None when it is gone, or never was one."""
        if not self.starts[partition] <= offset < self.ends[partition]:
            return None
        return next((one for one in self.read(partition, offset, offset + 1) if one.offset == offset), None)


@dataclass(frozen=True, slots=True)
class Inputs:
    """``checkpoints`` are those that were committed before the ends of target and dead letters were taken.

    ``source_partitions`` is how many the source has, whether they are compared or not. ``history`` is the topic that
    has what was there at the first start, where it was kept apart. ``overtaken`` tells of a key whether its records may
    be missing, since a newer value was published before them. ``native_windows`` are, by partition, the offsets of the
    target that were written while it had authority.
    """

    migration: str
    direction: Direction
    fingerprint: str
    source: Side
    target: Side
    letters: Side
    checkpoints: Mapping[int, Checkpoint]
    judge: Judging
    settled: Mapping[tuple[int, int], Settled]
    natives_are_rogue: bool = False
    native_windows: Mapping[int, tuple[Window, ...]] = field(default_factory=dict)
    source_partitions: int = 0
    history: Side | None = None
    overtaken: Callable[[bytes], bool] | None = None

    def first(self, partition: int) -> int:
        """The first source offset that can be compared: the topic has it, and the group did not begin behind it."""
        return min(max(self.source.starts[partition], self.checkpoints[partition].begin), self.bound(partition))

    def bound(self, partition: int) -> int:
        """The source offset up to which everything is published."""
        return self.checkpoints[partition].offset

    def scope(self, partition: int, first: int | None = None, bound: int | None = None) -> Scope:
        return Scope(
            self.migration,
            self.direction,
            self.source.topic_id,
            first=self.first(partition) if first is None else first,
            bound=self.bound(partition) if bound is None else bound,
            natives_are_rogue=self.natives_are_rogue,
            native_windows=tuple(self.native_windows.get(partition, ())),
            source_compacted=self.source.compacted,
            target_compacted=self.target.compacted,
        )

    def key(self) -> dict[str, str]:
        """What a saved state must have been made from to be gone on with."""
        kept_apart = {} if self.history is None else {"history topic id": self.history.topic_id.hex()}
        return kept_apart | {
            "fingerprint": self.fingerprint,
            "source topic id": self.source.topic_id.hex(),
            "target topic id": self.target.topic_id.hex(),
            "dead-letter topic id": self.letters.topic_id.hex(),
            "largest record": str(self.judge.largest_record_bytes),
        }


class Opener(Protocol):
    """Opens the inputs, as often as they are needed anew."""

    def open(self, bounds: Mapping[int, int] | None = None) -> Inputs:
        """With ``bounds``, the checkpoints are held at those source offsets: for a second look at the same records."""
        ...

    def committed(self) -> Mapping[int, Checkpoint]:
        """The checkpoints as they are now."""
        ...
