"""What a comparison found: counts that can be summed over partitions, and the first differing records."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from instar.core.record import Record

LIMIT_DIFFERENCES = 100

Kind = Literal[
    "lost",
    "duplicated",
    "out-of-order",
    "value",
    "key",
    "timestamp",
    "headers",
    "partition",
    "unexpected",
    "verdict",
    "rogue",
    "ahead",
    "balance",
    "count",
    "digest",
]


class FieldDifference(NamedTuple):
    """One field as it should be and as it is, readable; None where it is absent."""

    path: str
    expected: str | None
    found: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One record, or range of records, that is not as it must be.

    Offsets are of the source and of the target, None where there is none. ``source`` and ``found`` are the records
    themselves, for whoever explains them; ``fields`` is that explanation.
    """

    kind: Kind
    partition: int
    source_offset: int | None
    target_offset: int | None
    message: str
    fields: tuple[FieldDifference, ...] = ()
    source: Record | None = field(default=None, compare=False, repr=False)
    found: Record | None = field(default=None, compare=False, repr=False)

    def document(self) -> dict[str, Any]:
        """What a file can hold of it: the records stay behind."""
        return {
            "kind": self.kind,
            "partition": self.partition,
            "source_offset": self.source_offset,
            "target_offset": self.target_offset,
            "message": self.message,
            "fields": [one._asdict() for one in self.fields],
        }

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Difference":
        fields = tuple(FieldDifference(**one) for one in said["fields"])
        return cls(
            said["kind"], said["partition"], said["source_offset"], said["target_offset"], said["message"], fields
        )


class Redriven(NamedTuple):
    """An output that a dead letter became, out of the order of its source."""

    partition: int
    source_offset: int
    target_offset: int


@dataclass(slots=True)
class Comparison:
    """The outcome, summable over partitions.

    Counts are of source records except ``outputs``, ``redriven_outputs``, ``native``, ``rogue``, ``ahead``,
    ``superseded`` and ``unjudged``, which are of the target's. ``dead_lettered`` are all that became dead letters;
    ``redriven`` and ``discarded`` are those of them that are settled. ``outputs`` are those that stand in order.
    ``ahead`` are outputs of records past what was compared. ``superseded`` are those that compaction may have
    removed. ``unjudged`` are outputs whose source record is gone. ``redriven_records`` lists the first redriven ones.
    """

    read: int = 0
    published: int = 0
    outputs: int = 0
    dead_lettered: int = 0
    redriven: int = 0
    redriven_outputs: int = 0
    discarded: int = 0
    dropped: int = 0
    echoed: int = 0
    native: int = 0
    rogue: int = 0
    ahead: int = 0
    superseded: int = 0
    unjudged: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    mismatched: int = 0
    aside_exceeded: bool = False
    differences: list[Difference] = field(default_factory=list)
    redriven_records: list[Redriven] = field(default_factory=list)

    @property
    def outstanding(self) -> int:
        """Dead letters that nobody has settled."""
        return self.dead_lettered - self.redriven - self.discarded

    @property
    def faults(self) -> int:
        """How much is not as it must be."""
        return sum(getattr(self, name) for name in FAULTS)

    @property
    def right(self) -> bool:
        return not self.faults and not self.aside_exceeded

    def add(self, other: "Comparison") -> None:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.aside_exceeded = self.aside_exceeded or other.aside_exceeded
        self.differences = (self.differences + other.differences)[:LIMIT_DIFFERENCES]
        self.redriven_records = (self.redriven_records + other.redriven_records)[:LIMIT_DIFFERENCES]

    def copy(self) -> "Comparison":
        same = Comparison()
        same.add(self)
        return same

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNTS}

    def document(self) -> dict[str, Any]:
        """Everything, as a file can hold it; ``of`` reads it back."""
        return {
            **self.as_dict(),
            "aside_exceeded": self.aside_exceeded,
            "differences": [one.document() for one in self.differences],
            "redriven_records": [list(one) for one in self.redriven_records],
        }

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Comparison":
        made = cls()
        for name in COUNTS:
            setattr(made, name, int(said[name]))
        made.aside_exceeded = bool(said["aside_exceeded"])
        made.differences = [Difference.of(one) for one in said["differences"]]
        made.redriven_records = [Redriven(*one) for one in said["redriven_records"]]
        return made


ROGUE = "was written by nobody's bridge, while no producer might write this topic"
FAULTS = ("lost", "duplicated", "out_of_order", "mismatched", "rogue")
COUNTS = (
    "read",
    "published",
    "outputs",
    "dead_lettered",
    "redriven",
    "redriven_outputs",
    "discarded",
    "dropped",
    "echoed",
    "native",
    "rogue",
    "ahead",
    "superseded",
    "unjudged",
    "lost",
    "duplicated",
    "out_of_order",
    "mismatched",
)
