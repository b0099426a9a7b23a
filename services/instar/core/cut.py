"""A merge cut in two: what it needs to go on later, and what a comparison expects of a record."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from instar.core.comparison import Comparison
from instar.core.record import Record
from instar.core.rejected import Rejected

Matcher = Callable[[Record], str | None]
"""Whether a record is the expected output: None when it is, else which part differs, in words."""


class Expected(NamedTuple):
    """What must become of a source record: outputs, a rejection, or nothing because it is our twin's echo."""

    outputs: list[Matcher]
    rejected: Rejected | None = None
    echo: bool = False


class Recall(NamedTuple):
    """Single records of the partition by their offset, None for those that are gone."""

    source: Callable[[int], Record | None]
    target: Callable[[int], Record | None]
    letter: Callable[[int], Record | None]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a merge stands between two source records.

    ``source`` is the next source offset; ``target`` and ``letters`` are where to read on in those topics, None where
    everything that was there is taken. What is aside is given by offsets: ``missing`` outputs as (source offset,
    index), ``mended`` letters as (source offset, letter's offset), ``redriven`` outputs as their own.
    """

    source: int
    target: int | None
    letters: int | None
    counted: Comparison
    missing: tuple[tuple[int, int], ...] = ()
    missing_letters: tuple[int, ...] = ()
    mended: tuple[tuple[int, int], ...] = ()
    redriven: tuple[int, ...] = ()

    def document(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "target": self.target,
            "letters": self.letters,
            "counted": self.counted.document(),
            "missing": [list(one) for one in self.missing],
            "missing_letters": list(self.missing_letters),
            "mended": [list(one) for one in self.mended],
            "redriven": list(self.redriven),
        }

    @classmethod
    def of(cls, said: dict[str, Any]) -> "Cut":
        return cls(
            said["source"],
            said["target"],
            said["letters"],
            Comparison.of(said["counted"]),
            tuple((offset, index) for offset, index in said["missing"]),
            tuple(said["missing_letters"]),
            tuple((offset, letter) for offset, letter in said["mended"]),
            tuple(said["redriven"]),
        )
