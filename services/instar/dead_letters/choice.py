"""Which dead letters a command is about, and the causes that they are grouped by."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from instar.core.provenance import Direction
from instar.kafka.letters import Letter

_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Choice:
    """Every part that is given must fit. ``letters`` are partitions and offsets in the dead-letter topic."""

    direction: Direction | None = None
    code: str | None = None
    hop: str | None = None
    field: str | None = None
    letters: frozenset[tuple[int, int]] | None = None

    def takes(self, letter: Letter) -> bool:
        rejected = letter.verdict.rejected
        return (
            self.direction in (None, letter.verdict.direction)
            and self.code in (None, rejected.code)
            and self.hop in (None, rejected.hop)
            and self.field in (None, field_of(letter))
            and (self.letters is None or (letter.position.partition, letter.position.offset) in self.letters)
        )


def field_of(letter: Letter) -> str | None:
    """The field at which the record failed, the same for every element: ``items[].price``."""
    path = letter.verdict.rejected.path
    return None if path is None else _INDEX.sub("[]", path)


@dataclass(slots=True)
class Cause:
    """Dead letters that failed in the same way. ``first`` and ``last`` are of those that are outstanding."""

    direction: str
    code: str
    hop: str | None
    field: str | None
    outstanding: int = 0
    redriven: int = 0
    discarded: int = 0
    first: Letter | None = None
    last: Letter | None = None

    def take(self, letter: Letter) -> None:
        if letter.settled is not None:
            self.redriven += letter.settled.deed == "redriven"
            self.discarded += letter.settled.deed == "discarded"
            return
        self.outstanding += 1
        if self.first is None or _when(letter) < _when(self.first):
            self.first = letter
        if self.last is None or _when(letter) > _when(self.last):
            self.last = letter


def by_cause(letters: Iterable[Letter]) -> list[Cause]:
    """The causes, the most frequent outstanding one first."""
    causes: dict[tuple[str, str, str | None, str | None], Cause] = {}
    for letter in letters:
        rejected = letter.verdict.rejected
        key = (letter.verdict.direction, rejected.code, rejected.hop, field_of(letter))
        cause = causes.get(key)
        if cause is None:
            causes[key] = cause = Cause(*key)
        cause.take(letter)
    return sorted(
        causes.values(), key=lambda cause: (-cause.outstanding, cause.code, cause.hop or "", cause.field or "")
    )


def _when(letter: Letter) -> tuple[int, int, int]:
    return letter.written_ms, letter.position.partition, letter.position.offset
