"""In place: which of a partition's records may be rewritten without putting an old value behind a newer one.

A compacted topic means its last record per key. Rewriting appends: what is rewritten becomes the last. So only the
record that is its key's last already may be, among those below the split (the high watermark at the first start).
Behind the split stand only our own outputs, each of which was its key's last when it was made, since a write fence
keeps others out. Then the last value of every key before and after is the same value, in its old and its new version.

It does not matter where a restart begins: a record at or past the checkpoint that is the last of its key from there on
is also the last from the start on, and what stands below the checkpoint is not looked at again.
"""

import sys

from instar.core.live_first import size_bytes

_OFFSET_BYTES = sys.getsizeof(2**40)


class LastOffsets:
    """The last offset of each key in a stretch of one partition, whose records are noted in order."""

    __slots__ = ("_last", "size_bytes")

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}
        self.size_bytes = 0

    def note(self, key: bytes | None, offset: int) -> None:
        if key is None:
            return
        if key not in self._last:
            self.size_bytes += size_bytes(key) + _OFFSET_BYTES
        self._last[key] = offset

    def overtaken(self, key: bytes | None, offset: int) -> bool:
        """Has the key a later record?"""
        return key is not None and self._last.get(key, offset) > offset
