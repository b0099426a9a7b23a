"""Where a run over a topic begins or ends, as people write it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_PAIR = re.compile(r"(\d+):(\d+)\Z")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?\Z")


@dataclass(frozen=True, slots=True)
class Earliest:
    """The first record that each partition still has."""


@dataclass(frozen=True, slots=True)
class Now:
    """The end of each partition at this moment."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """An offset for each partition that is named, or for every one (``every``)."""

    of: dict[int, int]
    every: int | None = None


@dataclass(frozen=True, slots=True)
class Time:
    """The first record of each partition that is not older."""

    at_ms: int


Point = Earliest | Now | Offsets | Time


def parse_point(text: str) -> Point:
    """``earliest``, ``now``, ``1200`` (in every partition), ``0:1200,3:900``, or a time in ISO 8601 (UTC where it names
    no zone). ValueError for anything else."""
    if text == "earliest":
        return Earliest()
    if text == "now":
        return Now()
    if text.isascii() and text.isdigit():
        return Offsets({}, int(text))
    pairs = [_PAIR.match(part.strip()) for part in text.split(",")]
    if all(pairs):
        found = {int(pair[1]): int(pair[2]) for pair in pairs if pair}
        if len(found) < len(pairs):
            raise ValueError(f"{text!r} names a partition twice")
        return Offsets(found)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no place in a topic: write earliest, now, 1200 (an offset in every partition), "
            "0:1200,3:900 (PARTITION:OFFSET) or a time like 2026-03-01T12:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Time(round(moment.timestamp() * 1000))


def parse_partitions(text: str, count: int) -> list[int]:
    """``0,2,5-7`` of a topic with ``count`` partitions, sorted. ValueError when it is not that."""
    found: set[int] = set()
    for part in text.split(","):
        match = _RANGE.match(part.strip())
        if match is None:
            raise ValueError(f"{part.strip()!r} is not a partition: write 0,2,5-7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last >= count:
            raise ValueError(f"partitions {part.strip()} are not there: the topic has 0 to {count - 1}")
        found.update(range(first, last + 1))
    return sorted(found)
