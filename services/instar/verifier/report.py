"""The report of a verification: what was compared, what was found, how long it holds, and what it cannot say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from instar.core.comparison import Comparison
from instar.core.provenance import Direction
from instar.verifier.explain import plain
from instar.verifier.modes import CANNOT_CATCH, Mode
from instar.verifier.samples import Sample, View

FORMAT = 1
VALID_FOR_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class TopicScope:
    """A topic that was read."""

    name: str
    topic_id: str  # hexadecimal

    def document(self) -> dict[str, str]:
        return {"name": self.name, "topic_id": self.topic_id}


@dataclass(frozen=True, slots=True)
class PartitionScope:
    """Source offsets ``first`` up to and without ``bound`` were compared; the source then held ``start`` to ``end``.

    ``settled_below`` is the source offset up to which an earlier run's result stands, where this one went on from it.
    ``history_left`` are offsets below ``bound`` that are not carried yet, and so were not compared.
    """

    partition: int
    first: int
    bound: int
    start: int
    end: int
    result: Comparison
    complete: bool = True
    settled_below: int | None = None
    history_left: int = 0


@dataclass(frozen=True, slots=True)
class Signature:
    """Who looked at the samples, when (milliseconds since 1970 UTC), and what they said."""

    name: str
    at_ms: int
    confirmed: bool


@dataclass(slots=True)
class Report:
    """One direction. Times are milliseconds since 1970 UTC; ``began_ms`` is when the oldest part was read."""

    migration: str
    direction: Direction
    mode: Mode
    fingerprint: str
    source: TopicScope
    target: TopicScope
    letters: TopicScope
    began_ms: int
    ended_ms: int
    partitions: list[PartitionScope] = field(default_factory=list)
    source_partitions: int = 0
    complete: bool = True
    readings: int = 1
    unconfirmed: int = 0
    digests: Mapping[str, int] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    seed: int | None = None
    signature: Signature | None = None

    @property
    def result(self) -> Comparison:
        total = Comparison()
        for one in self.partitions:
            total.add(one.result)
        return total

    @property
    def right(self) -> bool:
        refused = self.signature is not None and not self.signature.confirmed
        return self.result.right and not refused

    @property
    def expires_ms(self) -> int:
        return self.began_ms + VALID_FOR_MS

    @property
    def coverage(self) -> dict[str, int]:
        """Of the source's offsets: how many there are, and how many are below what was compared."""
        there = sum(max(0, one.end - one.start) for one in self.partitions)
        compared = sum(max(0, one.bound - max(one.first, one.start) - one.history_left) for one in self.partitions)
        return {
            "offsets_in_source": there,
            "offsets_compared": compared if self.mode is not Mode.SAMPLE else len(self.samples),
            "partitions_in_source": self.source_partitions,
            "partitions_compared": len(self.partitions),
            "records_read": self.result.read,
            "outputs_without_source": self.result.unjudged,
        }

    def document(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        result = self.result
        return {
            "format": FORMAT,
            "migration": self.migration,
            "direction": self.direction,
            "mode": self.mode.value,
            "right": self.right,
            "complete": self.complete,
            "fingerprint": self.fingerprint,
            "began": time_text(self.began_ms),
            "ended": time_text(self.ended_ms),
            "expires": time_text(self.expires_ms),
            "expires_ms": self.expires_ms,
            "topics": {
                "source": self.source.document(),
                "target": self.target.document(),
                "dead_letters": self.letters.document(),
            },
            "coverage": self.coverage,
            "totals": {**result.as_dict(), "outstanding": result.outstanding},
            "readings": self.readings,
            "unconfirmed": self.unconfirmed,
            "aside_exceeded": result.aside_exceeded,
            "digests": dict(self.digests),
            "partitions": [_partition(one) for one in self.partitions],
            "differences": [one.document() for one in result.differences],
            "redriven": [one._asdict() for one in result.redriven_records],
            "cannot_catch": list(CANNOT_CATCH[self.mode]),
            "seed": self.seed,
            "samples": [_sample(one) for one in self.samples],
            "signature": None
            if self.signature is None
            else {
                "name": self.signature.name,
                "at": time_text(self.signature.at_ms),
                "confirmed": self.signature.confirmed,
            },
        }


def _partition(one: PartitionScope) -> dict[str, Any]:
    return {
        "partition": one.partition,
        "first": one.first,
        "bound": one.bound,
        "source_start": one.start,
        "source_end": one.end,
        "complete": one.complete,
        "settled_below": one.settled_below,
        "history_left": one.history_left,
        "totals": one.result.as_dict(),
    }


def _sample(one: Sample) -> dict[str, Any]:
    return {
        "partition": one.partition,
        "source_offset": one.source_offset,
        "key": one.key,
        "timestamp_ms": one.timestamp_ms,
        "right": one.right,
        "told": one.told,
        "views": [_view(view) for view in one.views],
        "found": [_view(view) for view in one.found],
        "target_offsets": list(one.target_offsets),
    }


def _view(view: View) -> dict[str, Any]:
    return {"title": view.title, "hop": view.hop, "values": [plain(value) for value in view.values]}


def time_text(at_ms: int) -> str:
    """UTC, to the second."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def not_carried_back(reports: Sequence[Report]) -> int | None:
    """Native records of the new topic that the reverse bridge has yet to carry; None unless both ways were compared."""
    by_direction = {report.direction: report.result for report in reports if report.mode is Mode.FULL}
    if len(by_direction) < 2:
        return None
    down = by_direction["down"]
    return max(0, by_direction["up"].native - (down.read - down.echoed))


def as_json(reports: Sequence[Report]) -> str:
    """One document for all directions of a run."""
    document = {
        "format": FORMAT,
        "right": all(report.right for report in reports),
        "native_not_carried_back": not_carried_back(reports),
        "reports": [report.document() for report in reports],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
