"""A record as a topic holds it, with what a copy of it must know beside the record itself."""

from enum import IntEnum
from typing import NamedTuple

from instar.core.record import Record

# A batch of one record: 61 bytes of batch header, at most 21 of record header, 5 for each length (KIP-98's format v2).
_RECORD_OVERHEAD_BYTES = 100
_HEADER_OVERHEAD_BYTES = 10


class TimestampKind(IntEnum):
    """Whose clock a record's timestamp is of (KIP-32); ``NONE`` in the oldest message format."""

    NONE = 0
    CREATE = 1
    APPEND = 2


class Stored(NamedTuple):
    record: Record
    kind: TimestampKind


def size_bytes(record: Record) -> int:
    """An upper bound of what the record takes uncompressed, as ``max.message.bytes`` counts it."""
    headers = sum(len(name.encode()) + len(content or b"") + _HEADER_OVERHEAD_BYTES for name, content in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers + _RECORD_OVERHEAD_BYTES
