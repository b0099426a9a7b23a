"""Avro object container files (Avro specification, section "Object Container Files").

A file is a header (magic, metadata with the schema, a sync marker) and blocks: how many records, how many bytes, the
records, the marker again. Reading yields the bytes of each record and writing takes them, so that a record is decoded
and encoded by its version's own schema and by nothing else.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from instar.archives.codecs import BLOCK_LIMIT_BYTES, Codec, codec_of
from instar.archives.errors import Unusable
from instar.archives.item import Item
from instar.core.rejected import UNREADABLE, Rejected

MAGIC: Final = b"Obj\x01"
SYNC_BYTES: Final = 16
BLOCK_BYTES: Final = 64 * 1024  # of records in a block that we write, before compression: what others write too
_HEADER_LIMIT_BYTES: Final = 64 * 1024 * 1024
_LONG_LIMIT_BYTES: Final = 10  # of a zig-zag varint of 64 bits

# What fastavro raises for a document that is no schema: its own two exceptions, and whatever it trips over.
_NO_SCHEMA = (SchemaParseException, UnknownType, KeyError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Header:
    """``metadata`` are the entries of the file's author, without Avro's own (``avro.*``)."""

    schema: Any
    codec: str
    sync: bytes
    metadata: Mapping[str, bytes]


class ContainerReader:
    """Reads a file from its start. Raises ``Unusable`` at its making for a damaged header."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self.header = self._read_header()
        self._codec = codec_of(self.header.codec)

    def items(self) -> Iterator[Item]:
        """Each record's bytes. A record that ends nowhere takes the rest of its block with it, as one rejected item.

        Raises ``Unusable`` where the file itself is damaged: how many records are lost is then unknown.
        """
        shape = self._shape()
        number = 0
        while True:
            count = self._long(at_end_ok=True)
            if count is None:
                return
            number += 1
            data = self._block(number)
            if count < 0:
                raise self._damaged(f"block {number} claims to hold {count} records")
            yield from _records(data, count, number, shape)

    def _shape(self) -> Any:
        try:
            return fastavro.parse_schema(_structure(self.header.schema))
        except _NO_SCHEMA as error:
            raise self._damaged(f"its schema is none ({type(error).__name__}: {error})") from error

    def _block(self, number: int) -> bytes:
        start = self._file.tell()
        size = self._long()
        if size is None or not 0 <= size <= BLOCK_LIMIT_BYTES:
            raise self._damaged(f"block {number} at byte {start} claims to have {size} bytes")
        packed = self._exactly(size, f"block {number}")
        if self._exactly(SYNC_BYTES, f"block {number}") != self.header.sync:
            raise self._damaged(f"block {number} at byte {start} does not end with the file's sync marker")
        try:
            return self._codec.decompress(packed)
        except ValueError as error:
            raise self._damaged(
                f"block {number} at byte {start} does not unpack as {self._codec.name}: {error}"
            ) from error

    def _read_header(self) -> Header:
        if self._exactly(len(MAGIC), "the header") != MAGIC:
            raise self._damaged("it does not begin like an Avro container file")
        metadata: dict[str, bytes] = {}
        while count := self._long():
            if count < 0:  # the map's encoding: a negative count is followed by the size in bytes
                self._long()
            for _ in range(abs(count)):
                key = self._text().decode("utf-8", "replace")
                metadata[key] = self._text()
        sync = self._exactly(SYNC_BYTES, "the header")
        try:
            schema = json.loads(metadata.pop("avro.schema", b""))
        except (ValueError, RecursionError) as error:
            raise self._damaged(f"its schema cannot be read: {error}") from error
        codec = metadata.pop("avro.codec", b"null").decode("ascii", "replace")
        return Header(schema, codec, sync, {key: each for key, each in metadata.items() if not key.startswith("avro.")})

    def _text(self) -> bytes:
        size = self._long()
        if size is None or not 0 <= size <= _HEADER_LIMIT_BYTES:
            raise self._damaged(f"its header holds an entry of {size} bytes")
        return self._exactly(size, "the header")

    def _long(self, *, at_end_ok: bool = False) -> int | None:
        """A number as Avro writes it; None at the end of the file, where that is allowed."""
        number = 0
        for position in range(_LONG_LIMIT_BYTES):
            byte = self._file.read(1)
            if not byte:
                if at_end_ok and position == 0:
                    return None
                raise self._damaged("it ends in the middle of a number; was it written to its end?")
            number |= (byte[0] & 0x7F) << (7 * position)
            if byte[0] < 0x80:
                return (number >> 1) ^ -(number & 1)
        raise self._damaged(f"there is no number at byte {self._file.tell()}")

    def _exactly(self, size: int, what: str) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise self._damaged(f"it ends at byte {self._file.tell()}, inside {what}; was it written to its end?")
        return data

    def _damaged(self, how: str) -> Unusable:
        return Unusable(
            f"{self._name} is damaged: {how}.",
            remedy="Take a sound copy of the file. Nothing was written.",
        )


class ContainerWriter:
    """Writes records that are encoded already. ``close`` writes the last block; the file stays open."""

    def __init__(self, file: BinaryIO, schema: str, codec: Codec, sync: bytes, metadata: Mapping[str, bytes]) -> None:
        self._file = file
        self._codec = codec
        self._sync = sync
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        entries = {**metadata, "avro.codec": codec.name.encode(), "avro.schema": schema.encode()}
        parts = [MAGIC, _written_long(len(entries))]
        for key, content in entries.items():
            parts += [_written_text(key.encode()), _written_text(content)]
        file.write(b"".join([*parts, _written_long(0), sync]))

    def add(self, record: bytes) -> None:
        self._pending.append(record)
        self._pending_bytes += len(record)
        if self._pending_bytes >= BLOCK_BYTES:
            self._flush()

    def close(self) -> None:
        if self._pending:
            self._flush()

    def _flush(self) -> None:
        packed = self._codec.compress(b"".join(self._pending))
        self._file.write(_written_long(len(self._pending)) + _written_long(len(packed)) + packed + self._sync)
        self._pending.clear()
        self._pending_bytes = 0


def _records(data: bytes, count: int, block: int, shape: Any) -> Iterator[Item]:
    stream = io.BytesIO(data)
    for number in range(1, count + 1):
        start = stream.tell()
        try:
            # Only to find where the record ends; its value is thrown away.
            fastavro.schemaless_reader(stream, shape, None, handle_unicode_errors="replace")
        except (
            ValueError,
            EOFError,
            IndexError,
            KeyError,
            TypeError,
            OverflowError,
            MemoryError,
            RecursionError,
        ) as error:
            left = count - number + 1
            why = f"The record does not follow the file's schema ({type(error).__name__}), so that it has no known end"
            message = f"{why}; the {left} records from here to the end of the block cannot be told apart."
            place = f"block {block}, records {number} to {count}"
            yield Item(place, data[start:], Rejected(UNREADABLE, message), left)
            return
        yield Item(f"block {block}, record {number}", data[start : stream.tell()])
    rest = len(data) - stream.tell()
    if rest:
        message = f"{rest} bytes are left over at the end of the block; no record claims them."
        yield Item(f"block {block}, after record {count}", data[-rest:], Rejected(UNREADABLE, message), 1)


def _structure(schema: Any) -> Any:
    """A schema without logical types: where a record ends does not depend on what its numbers mean."""
    if isinstance(schema, dict):
        return {key: _structure(part) for key, part in schema.items() if key not in ("logicalType", "default", "doc")}
    return [_structure(part) for part in schema] if isinstance(schema, list) else schema


def _written_long(number: int) -> bytes:
    rest = (number << 1) ^ (number >> 63)
    made = bytearray()
    while rest > 0x7F:
        made.append((rest & 0x7F) | 0x80)
        rest >>= 7
    made.append(rest)
    return bytes(made)


def _written_text(content: bytes) -> bytes:
    return _written_long(len(content)) + content
