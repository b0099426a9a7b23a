"""Provenance: the one header that says where a bridged record came from (design section 3).

Layout, big-endian: format version (1 byte, now 1), direction (1), source topic id (16), source partition (4), source
offset (8), index (2) and count (2) of a fan-out, CRC-32 (4) of the output's key and value, then the migration's name in
UTF-8 to the end.

Applications forward headers into records of their own, so a bridge treats a record as its twin's echo only when the
header names the same migration in the opposite direction *and* the CRC is that of this very key and value.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Literal
from zlib import crc32

from instar.core.formats.framing.registry_header import last_header
from instar.core.record import Headers

HEADER = "instar-provenance"
FORMAT = 1
MAX_FAN_OUT = 0xFFFF

Direction = Literal["up", "down"]
_DIRECTIONS: tuple[Direction, Direction] = ("up", "down")
_LAYOUT = Struct(">BB16siqHHI")
NO_TOPIC_ID = bytes(16)


@dataclass(frozen=True, slots=True)
class Provenance:
    migration: str
    direction: Direction
    topic_id: bytes
    partition: int
    offset: int
    index: int
    count: int
    crc: int


def checksum(key: bytes | None, value: bytes | None) -> int:
    """CRC-32 over key and value. The start value keeps null and empty, and (null, x) and (x, null), apart."""
    start = (1 if key is None else 2) + (4 if value is None else 8) + (len(key) << 8 if key else 0)
    return crc32(value or b"", crc32(key or b"", start & 0xFFFFFFFF))


class Stamp:
    """Makes the headers of one migration, direction and source partition; made once, called per output."""

    __slots__ = ("_direction", "_name", "_partition", "_topic_id")

    def __init__(self, migration: str, direction: Direction, topic_id: bytes, partition: int) -> None:
        self._name = migration.encode()
        self._direction = _DIRECTIONS.index(direction)
        self._topic_id = topic_id
        self._partition = partition

    def header(self, offset: int, index: int, count: int, key: bytes | None, value: bytes | None) -> tuple[str, bytes]:
        content = _LAYOUT.pack(
            FORMAT, self._direction, self._topic_id, self._partition, offset, index, count, checksum(key, value)
        )
        return HEADER, content + self._name


def parse(content: bytes | None) -> Provenance | None:
    """A header's content; None when it is not provenance in a format that this version knows."""
    if content is None or len(content) <= _LAYOUT.size or content[0] != FORMAT or content[1] > 1:
        return None
    _, direction, topic_id, partition, offset, index, count, crc = _LAYOUT.unpack_from(content)
    try:
        migration = content[_LAYOUT.size :].decode()
    except UnicodeDecodeError:
        return None
    return Provenance(migration, _DIRECTIONS[direction], topic_id, partition, offset, index, count, crc)


def of(headers: Headers, key: bytes | None, value: bytes | None) -> Provenance | None:
    """The record's own provenance: None when it has none, or carries another record's."""
    found = parse(last_header(headers, HEADER))
    return found if found is not None and found.crc == checksum(key, value) else None
