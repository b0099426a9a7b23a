"""The mix that a worker tells the census: its source's records by window, partition, identity and producer.

The window is that of the record's own time, so that replaying history says nothing about today: records older than
``keep_ms`` are not counted at all, nor are those without a time. What the open transaction holds is counted once it is
committed, for it may be read again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from instar.core.census_message import LIMIT_NAME_CHARS, MAX_COUNT, CensusMessage
from instar.core.census_result import WINDOW_MS, window_start_ms
from instar.core.formats.framing import Identity
from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.core.version import label

KEEP_MS = 23 * 3_600_000  # an hour less than the census takes them
LIMIT_CELLS = 10_000  # between two summaries: a header of random values must not fill the memory
OTHERS = "(others)"

NameOf = Callable[[Identity], "tuple[str, int] | Rejected"]


class Cell(NamedTuple):
    window_start_ms: int
    partition: int
    identity: Identity
    producer: str


@dataclass(slots=True)
class MixCount:
    """``producer_header`` names the header by which producers say who they are; without it they are not told apart."""

    topic: str
    producer_header: str | None = None
    window_ms: int = WINDOW_MS
    keep_ms: int = KEEP_MS
    _begin_ms: int = 0
    _open: dict[Cell, int] = field(default_factory=dict)
    _committed: dict[Cell, int] = field(default_factory=dict)

    def begin(self, now_ms: int) -> None:
        """Before a batch: what is older than this does not count."""
        self._begin_ms = max(0, now_ms - self.keep_ms)

    def take(self, record: Record, identity: Identity) -> None:
        at_ms = record.timestamp_ms
        if at_ms < self._begin_ms:
            return
        producer = "" if self.producer_header is None else _producer(record, self.producer_header)
        cell = Cell(window_start_ms(at_ms, self.window_ms), record.partition, identity, producer)
        known = self._open.get(cell)
        if known is None and len(self._open) + len(self._committed) >= LIMIT_CELLS:
            cell = cell._replace(producer=OTHERS)
            known = self._open.get(cell)
        self._open[cell] = 1 if known is None else known + 1

    def confirm(self) -> None:
        """The open transaction is committed."""
        for cell, count in self._open.items():
            self._committed[cell] = self._committed.get(cell, 0) + count
        self._open.clear()

    def roll_back(self) -> None:
        """The open transaction is not committed, and what it held is read again."""
        self._open.clear()

    def drain(self, name_of: NameOf) -> list[CensusMessage]:
        """What was committed since the last call, a message for each window, partition, subject and producer.

        Records whose identity names no version are left out; they are dead letters. ``name_of`` may raise, and then
        nothing is taken away.
        """
        grouped: dict[tuple[int, int, str, str], dict[str, int]] = {}
        for cell, count in self._committed.items():
            named = name_of(cell.identity)
            if isinstance(named, Rejected):
                continue
            subject, version = named
            versions = grouped.setdefault((cell.window_start_ms, cell.partition, subject, cell.producer), {})
            name = label(version)
            versions[name] = min(versions.get(name, 0) + count, MAX_COUNT)
        self._committed.clear()
        return [
            CensusMessage(
                kind="mix",
                topic=self.topic,
                subject=subject,
                versions=versions,
                window_start_ms=start_ms,
                window_end_ms=start_ms + self.window_ms,
                partition=partition,
                client=producer,
            )
            for (start_ms, partition, subject, producer), versions in sorted(grouped.items())
        ]


def _producer(record: Record, header: str) -> str:
    for name, value in record.headers:
        if name == header:
            return (value or b"").decode("utf-8", "replace")[:LIMIT_NAME_CHARS]
    return ""
