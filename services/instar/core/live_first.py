"""Live first: which keys live has published, so that history, which follows, does not put an older value behind.

A compacted topic means its last value per key. In order, the target ends with the last value of each key that was
published. Live first, live publishes the records from the split on, in their order, and history those below it, in
theirs, without the keys that live has published by then. What remains last for a key is then: live's last value where
live has published one, since no history of that key is published after it; else history's last. That is what order
gives. A record of live that became a dead letter, or nothing, publishes no value, so that its key stays history's.

Keys are kept as they are and not as digests: two keys under one digest would lose a value, and most keys are shorter
than a digest that is long enough to be relied on.
"""

import sys
from collections.abc import Set as AbstractSet

# A key costs its bytes object and its part of the set's table (16 bytes a slot, at most 3/5 full, then quadrupled).
_SLOT_BYTES = 64
_EMPTY_BYTES = sys.getsizeof(b"")


class LiveKeys:
    """The keys of one partition that live has published since the split.

    ``publish`` is provisional until ``confirm``: what an aborted transaction published is read again, and may become
    a dead letter the second time, as a registry may have changed its mind.
    """

    __slots__ = ("_committed", "_pending", "size_bytes")

    def __init__(self) -> None:
        self._committed: set[bytes] = set()
        self._pending: set[bytes] = set()
        self.size_bytes = 0

    def __contains__(self, key: bytes | None) -> bool:
        return key in self._committed or key in self._pending

    def __len__(self) -> int:
        return len(self._committed | self._pending)

    def publish(self, key: bytes) -> None:
        """Live publishes a value of the key, or its tombstone, in the transaction that is open."""
        if key not in self._committed and key not in self._pending:
            self._pending.add(key)
            self.size_bytes += size_bytes(key)

    def restore(self, key: bytes) -> None:
        """A committed record of the key was found in the target."""
        if key in self._committed:
            return
        self._committed.add(key)
        if key not in self._pending:
            self.size_bytes += size_bytes(key)

    def confirm(self) -> None:
        """The transaction was committed."""
        self._committed |= self._pending
        self._pending.clear()

    def roll_back(self) -> None:
        """The transaction was aborted."""
        self.size_bytes -= _total(self._pending - self._committed)
        self._pending.clear()


def size_bytes(key: bytes) -> int:
    """About what a key takes in memory."""
    return _EMPTY_BYTES + len(key) + _SLOT_BYTES


def _total(keys: AbstractSet[bytes]) -> int:
    return sum(size_bytes(key) for key in keys)
