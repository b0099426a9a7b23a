"""One assigned partition: how far it is read, what that amounts to, and what of it is committed."""

from dataclasses import dataclass, field, replace

from instar.core.checkpoint import Checkpoint, Counts, Split
from instar.core.live_first import LiveKeys
from instar.core.provenance import Stamp


@dataclass(slots=True)
class Position:
    """``next`` is the offset to read next; ``committed`` is the one that a restart would begin from.

    ``end`` is the greatest offset at which the client saw the partition end: between the last record and it lie only
    markers and aborted records. It counts once everything before it is processed.

    ``counts`` include what the open transaction holds, ``committed_counts`` do not.

    With a ``split`` the partition is read in two parts: ``next`` is that of what came since the split, ``past`` that
    of history. ``keys`` are what live has published, where history must not replace it, until history is carried.
    """

    partition: int
    topic_id: bytes
    stamp: Stamp
    committed: int
    committed_counts: Counts
    next: int = 0
    end: int = 0
    counts: Counts = field(default_factory=Counts)
    size_bytes: int = 0  # of the keys and values read, as ``counts`` are
    committed_size_bytes: int = 0
    begin: int = 0  # where the group began
    bounded: bool = False  # everything before the bound of the run was seen, and nothing behind it is read
    split: Split | None = None
    past: int = 0
    past_end: int = 0
    keys: LiveKeys | None = None

    def __post_init__(self) -> None:
        self.roll_back()

    @property
    def moved(self) -> bool:
        return self.next > self.committed or (self.split is not None and self.past > self.split.past)

    @property
    def behind(self) -> bool:
        """Is there history to read?"""
        return self.split is not None and self.past < self.split.at

    def done(self, bound: int) -> bool:
        """Is everything below ``bound`` committed, history included?"""
        return self.committed >= bound and (self.split is None or not self.split.behind)

    def take_end(self) -> None:
        """Nothing is unprocessed: what was seen as the end is read."""
        self.next = max(self.next, self.end)

    def take_past_end(self) -> None:
        self.past = max(self.past, self.past_end)

    def roll_back(self) -> None:
        self.next = self.committed
        self.end = self.past_end = 0
        self.past = 0 if self.split is None else self.split.past
        self.counts = self.committed_counts.copy()
        self.size_bytes = self.committed_size_bytes
        if self.keys is not None:
            self.keys.roll_back()

    def checkpoint(self, fingerprint: str, at_ms: int, held: str) -> Checkpoint:
        """``held`` says why the worker is not going as fast as it could."""
        split = None if self.split is None else replace(self.split, past=self.past)
        topic_id = self.topic_id.hex()
        return Checkpoint(
            self.next, topic_id, self.counts, fingerprint, self.size_bytes, at_ms, held, self.begin, split
        )

    def confirm(self) -> None:
        self.committed = self.next
        self.committed_size_bytes = self.size_bytes
        self.committed_counts = self.counts.copy()
        if self.split is not None:
            self.split = replace(self.split, past=self.past)
            if self.keys is not None:
                self.keys.confirm()
                if not self.split.behind:
                    self.keys = None
