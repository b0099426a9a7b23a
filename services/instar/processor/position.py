"""One assigned partition: how far it is read, what that amounts to, and what of it is committed."""

from dataclasses import dataclass, field

from instar.core.checkpoint import Checkpoint, Counts
from instar.core.provenance import Stamp


@dataclass(slots=True)
class Position:
    """``next`` is the offset to read next; ``committed`` is the one that a restart would begin from.

    ``end`` is the greatest offset at which the client saw the partition end: between the last record and it lie only
    markers and aborted records. It counts once everything before it is processed.

    ``counts`` include what the open transaction holds, ``committed_counts`` do not.
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

    def __post_init__(self) -> None:
        self.roll_back()

    @property
    def moved(self) -> bool:
        return self.next > self.committed

    def take_end(self) -> None:
        """Nothing is unprocessed: what was seen as the end is read."""
        self.next = max(self.next, self.end)

    def roll_back(self) -> None:
        self.next = self.committed
        self.end = 0
        self.counts = self.committed_counts.copy()
        self.size_bytes = self.committed_size_bytes

    def checkpoint(self, fingerprint: str, at_ms: int, held: str) -> Checkpoint:
        """``held`` says why the worker is not going as fast as it could."""
        return Checkpoint(
            self.next, self.topic_id.hex(), self.counts, fingerprint, self.size_bytes, at_ms, held, self.begin
        )

    def confirm(self) -> None:
        self.committed = self.next
        self.committed_size_bytes = self.size_bytes
        self.committed_counts = self.counts.copy()
