"""How one record lies in a topic's archive.

Big-endian: the length of what follows (4 bytes), offset (8), timestamp in ms since 1970 UTC (8), kind of the timestamp
(1), key, value, number of headers (4), and of each header its name and its value. Key, value, name and header value are
a length (4) and the bytes; -1 is null, which is something else than empty. Names are UTF-8, may repeat and keep their
order.
"""

import hashlib
from dataclasses import dataclass, field
from struct import Struct
from struct import error as StructError  # noqa: N812 - its own name says nothing
from typing import Any

from instar.core.record import Headers, Record
from instar.core.stored import Stored, TimestampKind, size_bytes

# The client takes a message.max.bytes of 1 GB at most; a record of more than this was never meant for Kafka.
LIMIT_RECORD_BYTES = 256 * 1024 * 1024

SIZE = Struct(">I")
_HEAD = Struct(">qqB")
_LENGTH = Struct(">i")
_NULL = _LENGTH.pack(-1)
_KINDS = {int(kind): kind for kind in TimestampKind}


def encode(stored: Stored) -> bytes:
    record = stored.record
    parts = [_HEAD.pack(record.offset, record.timestamp_ms, stored.kind)]
    _pack(parts, record.key)
    _pack(parts, record.value)
    parts.append(_LENGTH.pack(len(record.headers)))
    for name, content in record.headers:
        _pack(parts, name.encode())
        _pack(parts, content)
    body = b"".join(parts)
    return SIZE.pack(len(body)) + body


def decode(body: bytes, topic: str, partition: int) -> Stored:
    """A record from what follows its length. ValueError for bytes that are none."""
    try:
        offset, timestamp_ms, number = _HEAD.unpack_from(body)
        key, at = _unpack(body, _HEAD.size)
        value, at = _unpack(body, at)
        (count,) = _LENGTH.unpack_from(body, at)
        at += _LENGTH.size
        # Each header takes eight bytes at least, so that no claim makes us reserve more than the record has.
        if not 0 <= count <= (len(body) - at) // (2 * _LENGTH.size):
            raise ValueError(f"it claims to have {count} headers")
        headers: list[tuple[str, bytes | None]] = []
        for _ in range(count):
            name, at = _unpack(body, at)
            if name is None:
                raise ValueError("a header has no name")
            content, at = _unpack(body, at)
            headers.append((name.decode(), content))
    except StructError as error:
        raise ValueError("it ends too soon") from error
    if at != len(body):
        raise ValueError(f"{len(body) - at} bytes follow its last header")
    if number not in _KINDS:
        raise ValueError(f"it has a timestamp of kind {number}")
    found: Headers = tuple(headers)
    return Stored(Record(topic, partition, offset, key, value, found, timestamp_ms), _KINDS[number])


def _pack(parts: list[bytes], content: bytes | None) -> None:
    if content is None:
        parts.append(_NULL)
    else:
        parts += (_LENGTH.pack(len(content)), content)


def _unpack(body: bytes, at: int) -> tuple[bytes | None, int]:
    (length,) = _LENGTH.unpack_from(body, at)
    at += _LENGTH.size
    if length == -1:
        return None, at
    if not 0 <= length <= len(body) - at:
        raise ValueError(f"it claims to hold {length} bytes where {len(body) - at} are left")
    return body[at : at + length], at + length


@dataclass(slots=True)
class Summary:
    """What a run of records amounts to. ``hash`` runs over their bytes as above: it does not depend on compression
    or on where segments end."""

    records: int = 0
    size_bytes: int = 0  # as laid out above, uncompressed
    largest_bytes: int = 0  # of one record, as max.message.bytes counts it
    untimed: int = 0  # no timestamp, or one of 1970 or before, which the client cannot write
    append_timed: int = 0  # the timestamp is the broker's
    tombstones: int = 0
    null_keys: int = 0
    oldest_ms: int | None = None
    newest_ms: int | None = None
    hash: Any = field(default_factory=hashlib.sha256)

    def add(self, stored: Stored, encoded: bytes) -> None:
        record = stored.record
        self.records += 1
        self.size_bytes += len(encoded)
        self.largest_bytes = max(self.largest_bytes, size_bytes(record))
        self.tombstones += record.value is None
        self.null_keys += record.key is None
        self.append_timed += stored.kind is TimestampKind.APPEND
        if record.timestamp_ms <= 0:
            self.untimed += 1
        else:
            self.oldest_ms = min(self.oldest_ms or record.timestamp_ms, record.timestamp_ms)
            self.newest_ms = max(self.newest_ms or record.timestamp_ms, record.timestamp_ms)
        self.hash.update(encoded)

    def as_dict(self) -> dict[str, Any]:
        return {
            "records": self.records,
            "size_bytes": self.size_bytes,
            "largest_bytes": self.largest_bytes,
            "untimed": self.untimed,
            "append_timed": self.append_timed,
            "tombstones": self.tombstones,
            "null_keys": self.null_keys,
            "oldest_ms": self.oldest_ms,
            "newest_ms": self.newest_ms,
            "digest": self.hash.hexdigest(),
        }
