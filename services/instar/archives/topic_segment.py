"""A segment: some consecutive records of one partition, in one file.

    magic       "instar-segment" and the format version (1 byte, now 1)
    header      compression (1 byte: 1 gzip, 2 zstd), partition (4), first offset (8), CRC-32 of magic and header (4)
    block ...   "B", records (4), bytes uncompressed (4), bytes compressed (4), CRC-32 uncompressed (4), the bytes
    footer      "E", records (8), the offset behind the segment (8), SHA-256 of all the file before it (32)

Big-endian. A block holds whole records, so that damage is named with its block and one block is all that is ever held
in memory. Every length is held against its limit before anything is read or unpacked. A segment covers the offsets from
its first up to and without the one behind it; offsets without a record (markers, aborted and compacted records) are
within.
"""

import hashlib
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO, Literal, NamedTuple, Self

from instar.archives.draft import Draft
from instar.archives.errors import Unusable
from instar.archives.topic_records import LIMIT_RECORD_BYTES, SIZE, decode
from instar.core.stored import Stored

Compression = Literal["gzip", "zstd"]

MAGIC = b"instar-segment\x01"
BLOCK_BYTES = 1024 * 1024  # of records, before compression
LIMIT_BLOCK_BYTES = BLOCK_BYTES + LIMIT_RECORD_BYTES + SIZE.size
_GZIP = 16 + zlib.MAX_WBITS
_NUMBERS: dict[Compression, int] = {"gzip": 1, "zstd": 2}
_NAMES: dict[int, Compression] = {number: name for name, number in _NUMBERS.items()}
_HEADER = Struct(">BIq")
_CRC = Struct(">I")
_BLOCK = Struct(">IIII")
_FOOTER = Struct(">Qq")
_DIGEST_BYTES = 32


class Segment(NamedTuple):
    """A finished segment as the manifest lists it; ``sha256`` and ``crc32`` are of the whole file."""

    partition: int
    first: int
    next: int
    records: int
    size_bytes: int
    crc32: str
    sha256: str

    @property
    def file(self) -> str:
        """Where it lies in the archive. Never read from anywhere, always made from the numbers."""
        return file_name(self.partition, self.first)


def file_name(partition: int, first: int) -> str:
    return f"{partition:05}/{first:020}.segment"


def packer(compression: Compression) -> Callable[[bytes], bytes]:
    """Raises ``Unusable`` for zstd where nothing installed knows it."""
    if compression == "gzip":
        return _gzip
    zstd = _cramjam().zstd
    return lambda data: bytes(zstd.compress(data))


def _gzip(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=_GZIP)
    return made.compress(data) + made.flush()


def _unpack(compression: Compression, data: bytes, size: int) -> bytes:
    """Never makes more than ``size`` bytes. ValueError unless it is exactly that."""
    if compression == "gzip":
        unpacker = zlib.decompressobj(wbits=_GZIP)
        try:
            made = unpacker.decompress(data, size + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from error
        if len(made) != size or not unpacker.eof or unpacker.unused_data:
            raise ValueError(f"it is not the {size} bytes that its header says")
        return made
    cramjam = _cramjam()
    room = bytearray(size)
    try:
        filled = cramjam.zstd.decompress_into(data, room)
    except cramjam.DecompressionError as error:
        raise ValueError(str(error)) from error
    if filled != size:
        raise ValueError(f"it is {filled} bytes, not the {size} that its header says")
    return bytes(room)


def _cramjam() -> Any:
    try:
        import cramjam
    except ImportError as error:
        raise Unusable(
            "zstd needs the package cramjam, which is not installed.", remedy="pip install 'instar[snappy]'"
        ) from error
    return cramjam


# --------------------------------------------------------------------------------------------------- writing


class SegmentWriter:
    """Writes a segment beside its place; ``finish`` puts it there whole, ``discard`` leaves nothing."""

    def __init__(self, folder: Path, partition: int, first: int, compression: Compression) -> None:
        path = folder / file_name(partition, first)
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise Unusable(f"{path.parent} cannot be made: {error.strerror}.", remedy="Make room for it.") from error
        self._draft = Draft(path)
        self._pack = packer(compression)
        self._partition = partition
        self._first = first
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._hash = hashlib.sha256()
        self._crc = 0
        self.records = 0
        self.size_bytes = 0
        header = MAGIC + _HEADER.pack(_NUMBERS[compression], partition, first)
        self._write(header + _CRC.pack(zlib.crc32(header)))

    def add(self, encoded: bytes) -> None:
        self._pending.append(encoded)
        self._pending_bytes += len(encoded)
        self.records += 1
        if self._pending_bytes >= BLOCK_BYTES:
            self._flush()

    def finish(self, next_offset: int) -> Segment:
        """The segment covers everything before ``next_offset``. Raises ``Unusable`` when it cannot be kept."""
        if self._pending:
            self._flush()
        self._write(b"E" + _FOOTER.pack(self.records, next_offset))
        self._write(self._hash.digest())
        segment = Segment(
            self._partition,
            self._first,
            next_offset,
            self.records,
            self.size_bytes,
            f"{self._crc:08x}",
            self._hash.hexdigest(),
        )
        try:
            self._draft.seal()
            self._draft.keep(replace=False)
        except OSError as error:
            raise self._full(error) from error
        return segment

    def discard(self) -> None:
        self._draft.discard()

    def _flush(self) -> None:
        raw = b"".join(self._pending)
        packed = self._pack(raw)
        self._write(b"B" + _BLOCK.pack(len(self._pending), len(raw), len(packed), zlib.crc32(raw)) + packed)
        self._pending.clear()
        self._pending_bytes = 0

    def _write(self, data: bytes) -> None:
        try:
            self._draft.file.write(data)
        except OSError as error:
            raise self._full(error) from error
        self._hash.update(data)
        self._crc = zlib.crc32(data, self._crc)
        self.size_bytes += len(data)

    def _full(self, error: OSError) -> Unusable:
        return Unusable(
            f"{self._draft.path} cannot be written: {error.strerror}.",
            remedy="Make room and start again: finished segments are kept.",
        )


# --------------------------------------------------------------------------------------------------- reading


class SegmentReader:
    """Reads one segment from its start to its end, and only then knows what it is (``segment``). A context manager.

    Raises ``Unusable`` with file and place for anything that is not as it was written.
    """

    def __init__(self, folder: Path, partition: int, first: int, topic: str = "") -> None:
        self.name = file_name(partition, first)
        self.path = folder / self.name
        self._partition = partition
        self._first = first
        self._topic = topic
        self._hash = hashlib.sha256()
        self._crc = 0
        self._at = 0
        self.segment: Segment | None = None

    def __enter__(self) -> Self:
        self._file = open_plain(self.path)
        self._size = os.fstat(self._file.fileno()).st_size
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def records(self) -> Iterator[tuple[Stored, bytes]]:
        """Each record, and the bytes that it was read from."""
        compression = self._header()
        number = records = 0
        last = self._first - 1
        while True:
            mark = self._exactly(1, "the mark of a block")
            if mark == b"E":
                break
            number += 1
            if mark != b"B":
                raise self._damaged(f"there is no block {number} at byte {self._at - 1}")
            for place, body in self._block(number, compression):
                try:
                    stored = decode(body, self._topic, self._partition)
                except ValueError as problem:
                    raise self._damaged(f"{place} is no record: {problem}") from problem
                if stored.record.offset <= last:
                    raise self._damaged(f"{place} has offset {stored.record.offset}, which does not follow {last}")
                last = stored.record.offset
                records += 1
                yield stored, SIZE.pack(len(body)) + body
        self._footer(records, last)

    def _header(self) -> Compression:
        data = self._exactly(len(MAGIC) + _HEADER.size, "the header")
        if data[: len(MAGIC)] != MAGIC:
            raise self._damaged("it does not begin like a segment of this format")
        (crc,) = _CRC.unpack(self._exactly(_CRC.size, "the header"))
        number, partition, first = _HEADER.unpack_from(data, len(MAGIC))
        if crc != zlib.crc32(data):
            raise self._damaged("its header is not the one that was written (CRC)")
        if (partition, first) != (self._partition, self._first):
            raise self._damaged(f"it says that it is {file_name(partition, first)}")
        if number not in _NAMES:
            raise self._damaged(f"its compression {number} is not known")
        return _NAMES[number]

    def _block(self, number: int, compression: Compression) -> Iterator[tuple[str, bytes]]:
        start = self._at - 1
        where = f"block {number} at byte {start}"
        count, size, packed_size, crc = _BLOCK.unpack(self._exactly(_BLOCK.size, where))
        if size > LIMIT_BLOCK_BYTES or packed_size > LIMIT_BLOCK_BYTES:
            raise self._damaged(f"{where} claims to hold {max(size, packed_size):,} bytes")
        packed = self._exactly(packed_size, where)
        try:
            raw = _unpack(compression, packed, size)
        except ValueError as problem:
            raise self._damaged(f"{where} does not unpack as {compression}: {problem}") from problem
        if zlib.crc32(raw) != crc:
            raise self._damaged(f"{where} is not what was written (CRC)")
        at = 0
        for record in range(1, count + 1):
            place = f"{where}, record {record}"
            if len(raw) - at < SIZE.size:
                raise self._damaged(f"{place} is not there")
            (length,) = SIZE.unpack_from(raw, at)
            at += SIZE.size
            if length > len(raw) - at:
                raise self._damaged(f"{place} claims to have {length:,} bytes where {len(raw) - at:,} are left")
            yield place, raw[at : at + length]
            at += length
        if at != len(raw):
            raise self._damaged(f"{where} has {len(raw) - at:,} bytes behind its last record")

    def _footer(self, records: int, last: int) -> None:
        said, behind = _FOOTER.unpack(self._exactly(_FOOTER.size, "the footer"))
        expected = self._hash.digest()
        if self._exactly(_DIGEST_BYTES, "the footer") != expected:
            raise self._damaged("its content is not what was written (SHA-256)")
        if self._file.read(1):
            raise self._damaged(f"something follows its end at byte {self._at}")
        if said != records or behind <= last or behind < self._first:
            raise self._damaged(
                f"it says that it has {said:,} records before offset {behind}, and has {records:,}, the last at {last}"
            )
        self.segment = Segment(
            self._partition, self._first, behind, records, self._at, f"{self._crc:08x}", self._hash.hexdigest()
        )

    def _exactly(self, size: int, what: str) -> bytes:
        # Held against the file before it is read: a claim alone reserves no memory.
        if size > self._size - self._at:
            raise self._damaged(f"it ends at byte {self._size}, inside {what}")
        data = self._file.read(size)
        if len(data) < size:
            raise self._damaged(f"it ends at byte {self._at + len(data)}, inside {what}")
        self._at += size
        self._hash.update(data)
        self._crc = zlib.crc32(data, self._crc)
        return data

    def _damaged(self, how: str) -> Unusable:
        return Unusable(f"{self.path} is damaged: {how}.", remedy="Take a sound copy of the archive.")


def open_plain(path: Path) -> BinaryIO:
    """A file of an archive, and nothing else: no link, no pipe, no device. Raises ``Unusable``."""
    try:
        # Without waiting: a pipe in an archive would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unusable(
            f"{path} cannot be read: {error.strerror}.", remedy="Take a sound copy of the archive."
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unusable(f"{path} is no plain file.", remedy="Take a sound copy of the archive.")
    return os.fdopen(descriptor, "rb")
