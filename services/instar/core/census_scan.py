"""A sample of a topic that nobody instruments: the versions that its records have, and where they were met."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from instar.core.record import Record
from instar.core.rejected import Rejected

LIMIT_REASONS = 100
OTHER = "other reasons"


class Place(NamedTuple):
    """Where a record stands, and when it was written (milliseconds since 1970 UTC, -1 when it has no time)."""

    partition: int
    offset: int
    at_ms: int


@dataclass(slots=True)
class Met:
    """Records of one kind: how many, the first and the last place by time, and the first and last offset by partition.

    Records without a time keep the order in which they were read.
    """

    records: int = 0
    first: Place | None = None
    last: Place | None = None
    offsets: dict[int, tuple[int, int]] = field(default_factory=dict)

    def meet(self, record: Record) -> None:
        place = Place(record.partition, record.offset, record.timestamp_ms)
        self.records += 1
        if self.first is None or place.at_ms < self.first.at_ms:
            self.first = place
        if self.last is None or place.at_ms >= self.last.at_ms:
            self.last = place
        low, high = self.offsets.get(record.partition, (record.offset, record.offset))
        self.offsets[record.partition] = (min(low, record.offset), max(high, record.offset))


@dataclass(slots=True)
class Scan:
    """``versions`` by subject and version. ``rejected`` by code and message, which names an unknown id."""

    versions: dict[tuple[str, int], Met] = field(default_factory=dict)
    rejected: dict[tuple[str, str], Met] = field(default_factory=dict)
    tombstones: Met = field(default_factory=Met)

    def take(self, record: Record, read: tuple[str, int] | Rejected | None) -> None:
        """``read`` is the record's subject and version; None for a tombstone."""
        if read is None:
            met = self.tombstones
        elif isinstance(read, Rejected):
            reason = (read.code, read.message)
            if reason not in self.rejected and len(self.rejected) >= LIMIT_REASONS:
                reason = (OTHER, "Too many reasons to list.")
            met = self.rejected.setdefault(reason, Met())
        else:
            met = self.versions.setdefault(read, Met())
        met.meet(record)

    @property
    def records(self) -> int:
        return self.tombstones.records + sum(met.records for _, met in self._others())

    def share(self, met: Met) -> float:
        """Of the records that have a value."""
        valued = self.records - self.tombstones.records
        return met.records / valued if valued else 0.0

    def unseen_share(self, whole: bool) -> float:
        """What is not in the sample has, with a confidence of 95 %, at most this share of the records.

        The rule of three: of n records drawn at random none has a property that more than 3/n of all have. The sample
        is spread evenly, in stretches, which is not quite drawn at random. 0 when all records were looked at.
        """
        if whole:
            return 0.0
        valued = self.records - self.tombstones.records
        return min(1.0, 3 / valued) if valued else 1.0

    def _others(self) -> Iterator[tuple[object, Met]]:
        yield from self.versions.items()
        yield from self.rejected.items()


def lengths(firsts: Mapping[int, int], ends: Mapping[int, int]) -> int:
    """How many offsets lie between them; records are no more than that."""
    return sum(max(0, ends[partition] - first) for partition, first in firsts.items())
