"""Digests over ranges of source offsets: what a bridge must have made of them, and what is there.

A digest runs over (source offset, index, count, key, timestamp, headers, version, value) of every output of
``CHUNK_OFFSETS`` source offsets, in order, and another over the dead letters. The expected one needs the source and the
chain once; after that it can be kept, and a look at the target alone tells whether anything has changed.

BLAKE2b with 16 bytes: two different contents under one digest do not occur by accident or by effort.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct
from typing import Any, NamedTuple

from instar.core.content import Content
from instar.core.record import Headers

CHUNK_OFFSETS = 10_000
_DIGEST_BYTES = 16
_OUTPUT = Struct(">qHHqi")
_LETTER = Struct(">q")
_LENGTH = Struct(">i")
COUNTED = ("read", "published", "outputs", "dead_lettered", "dropped", "echoed")


def chunk_of(source_offset: int) -> int:
    """The number of the range that an offset belongs to."""
    return source_offset // CHUNK_OFFSETS


def bounds_of(chunk: int, first: int, bound: int) -> tuple[int, int]:
    """The range's source offsets, as far as they lie within ``first`` up to and without ``bound``."""
    return max(first, chunk * CHUNK_OFFSETS), min(bound, (chunk + 1) * CHUNK_OFFSETS)


class Sum:
    """One digest in the making, and how many records it is over."""

    __slots__ = ("_hash", "records")

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=_DIGEST_BYTES)
        self.records = 0

    def add_output(self, source_offset: int, index: int, count: int, content: Content) -> None:
        parts = [_OUTPUT.pack(source_offset, index, count, content.timestamp_ms, content.version)]
        _pack(parts, content.key)
        _pack(parts, None if content.subject is None else content.subject.encode())
        _pack(parts, content.body)
        _pack_headers(parts, content.headers)
        self._add(parts)

    def add_unreadable(self, source_offset: int, why: str) -> None:
        """An output whose content cannot be read: equal to nothing that a chain makes."""
        parts = [_LETTER.pack(source_offset)]
        _pack(parts, why.encode())
        self._add(parts)

    def add_letter(
        self, source_offset: int, code: str, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        parts = [_LETTER.pack(source_offset)]
        _pack(parts, code.encode())
        _pack(parts, key)
        _pack(parts, value)
        _pack_headers(parts, headers)
        self._add(parts)

    def _add(self, parts: list[bytes]) -> None:
        self._hash.update(b"".join(parts))
        self.records += 1

    @property
    def digest(self) -> str:
        """Hexadecimal."""
        return self._hash.hexdigest()


class ChunkDigest(NamedTuple):
    """What must be there for a range of source offsets, ``first`` up to and without ``bound``.

    ``counts`` are those of ``COUNTED``, of the range.
    """

    first: int
    bound: int
    outputs: str
    letters: str
    counts: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Whether the range ends where it must: only then can it never grow."""
        return self.bound % CHUNK_OFFSETS == 0

    def document(self) -> dict[str, Any]:
        return self._asdict()

    @classmethod
    def of(cls, said: dict[str, Any]) -> "ChunkDigest":
        counts = tuple(int(count) for count in said["counts"])
        if len(counts) != len(COUNTED):
            raise ValueError("the counts are of another format")
        return cls(int(said["first"]), int(said["bound"]), str(said["outputs"]), str(said["letters"]), counts)


@dataclass(slots=True)
class Making:
    """The expected digests of a range while its source records are read."""

    first: int
    bound: int
    outputs: Sum = field(default_factory=Sum)
    letters: Sum = field(default_factory=Sum)
    read: int = 0
    published: int = 0
    dropped: int = 0
    echoed: int = 0

    def made(self) -> ChunkDigest:
        counts = (
            self.read,
            self.published,
            self.outputs.records,
            self.letters.records,
            self.dropped,
            self.echoed,
        )
        return ChunkDigest(self.first, self.bound, self.outputs.digest, self.letters.digest, counts)


def _pack(parts: list[bytes], content: bytes | None) -> None:
    if content is None:
        parts.append(_LENGTH.pack(-1))
    else:
        parts += (_LENGTH.pack(len(content)), content)


def _pack_headers(parts: list[bytes], headers: Headers) -> None:
    parts.append(_LENGTH.pack(len(headers)))
    for name, content in headers:
        _pack(parts, name.encode())
        _pack(parts, content)
