"""Carrying some source records again, into a topic of their own: which, and how far that is.

How far it is rides with the offsets of a group of the run's own, in the outputs' transactions.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from instar.core.checkpoint import COUNT_NAMES, Counts

FORMAT = 1
FINGERPRINT_CHARS = 16
_RANGE = re.compile(r"(\d{1,9}):(\d{1,18})-(\d{1,18})\Z")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class Range(NamedTuple):
    """Source offsets of one partition, the last included, as in ``--partitions 5-7``."""

    partition: int
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.first}-{self.last}"


def parse_ranges(texts: Sequence[str]) -> tuple[Range, ...]:
    """``3:1200-1299``, several with commas or by themselves, in order of partitions. ValueError for anything else."""
    found: dict[int, Range] = {}
    for text in (part.strip() for whole in texts for part in whole.split(",")):
        match = _RANGE.match(text)
        if match is None:
            raise ValueError(f"{text!r} is no range: write PARTITION:FROM-TO, as in 3:1200-1299, both included")
        partition, first, last = (int(group) for group in match.groups())
        if last < first:
            raise ValueError(f"{text} ends before it begins")
        if partition in found:
            raise ValueError(f"partition {partition} is named twice: a run has one range of each")
        found[partition] = Range(partition, first, last)
    return tuple(found[partition] for partition in sorted(found))


def checked_run_id(text: str) -> str:
    """ValueError for what cannot be a part of a group's name."""
    if not _RUN_ID.match(text):
        raise ValueError(f"{text!r} is no run id: write letters, digits, dots, dashes, 64 at most")
    return text


def default_run_id(migration: str, direction: str, into: str, ranges: Sequence[Range], fingerprint: str) -> str:
    """The same for the same work, so that a repeat is noticed though nobody named the run."""
    said = "\n".join([migration, direction, into, *map(str, ranges), fingerprint])
    return hashlib.sha256(said.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Mark:
    """What the run's group says of one partition: the offset to carry next, of which work, and what came of it.

    ``source_id`` and ``into_id`` are topic ids in hexadecimal.
    """

    next: int
    range: Range
    source_id: str
    into_id: str
    fingerprint: str
    counts: Counts = field(default_factory=Counts)

    @property
    def finished(self) -> bool:
        return self.next > self.range.last

    def metadata(self) -> str:
        """Below 400 characters; Kafka's default limit is 4096."""
        counts = {name: count for name, count in self.counts.as_dict().items() if count}
        said = {
            "f": FORMAT,
            "range": [self.range.first, self.range.last],
            "s": self.source_id,
            "i": self.into_id,
            "p": self.fingerprint[:FINGERPRINT_CHARS],
        }
        return orjson.dumps({**said, **counts}).decode()


def parse_mark(partition: int, offset: int, metadata: str | None) -> Mark | None:
    """None for what no run wrote."""
    try:
        said: Any = orjson.loads(metadata or "")
        if said["f"] != FORMAT:
            return None
        first, last = (int(each) for each in said["range"])
        counts = Counts(**{name: int(said.get(name, 0)) for name in COUNT_NAMES})
        return Mark(offset, Range(partition, first, last), str(said["s"]), str(said["i"]), str(said["p"]), counts)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def total(marks: Mapping[int, Mark]) -> Counts:
    counts = Counts()
    for mark in marks.values():
        counts = counts.plus(mark.counts)
    return counts
