"""Bytes to a value: one closure per type, compiled once. (Avro specification 1.12, "Binary Encoding".)

A reader takes the bytes, where it begins and how deep it stands, and returns the value and where it ended. Everything
that the specification does not allow is ``Unreadable``, also what common decoders let pass and thereby change: a
negative index of an enum or union, a boolean that is neither 0 nor 1, an integer that is longer than it needs to be or
exceeds its type, a key twice in a map, a decimal beyond its precision. Nothing is allocated that the bytes at hand
could not fill.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from instar.core.formats.avro_fault import Unreadable
from instar.core.formats.avro_logical import Unfit, to_value
from instar.core.formats.avro_types import (
    LIMIT_DEPTH,
    Array,
    Enum,
    Fixed,
    Logical,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    Types,
    Union,
    describe,
    is_empty,
    logical_of,
)
from instar.core.rejected import INVALID_UTF8, TRUNCATED, UNREADABLE

Read = Callable[[bytes, int, int], tuple[Any, int]]

LIMIT_EMPTY_ITEMS: Final = 256
"""Items of an array of a type that takes no bytes: four bytes could otherwise claim a billion of them."""

CUT = "ends too early: bytes are missing"
# What the top bits of so many bytes, which only say that another byte follows, add up to.
_MARKS = tuple(sum(128 << 7 * at for at in range(count)) for count in range(11))
_SMALL = tuple((byte >> 1) ^ -(byte & 1) for byte in range(128))


def compile_read(types: Types, node: Node | None = None) -> Read:
    """The reader of a type, the top one when none is given. It raises ``Unreadable`` and, where bytes are missing, also
    ``IndexError``."""
    return _Compiler(types).read(types.root if node is None else node)


class _Compiler:
    def __init__(self, types: Types) -> None:
        self._types = types
        self._readers: dict[str, Read] = {}
        self._open: set[str] = set()

    def read(self, node: Node) -> Read:
        match node:
            case Primitive(kind):
                return _with_logical(_PRIMITIVES[kind], node, kind)
            case Array(items):
                return _array_reader(self.read(items), is_free=is_empty(self._types, items))
            case Map(values):
                return _map_reader(self.read(values))
            case Union():
                return self._union(node)
            case Named(name):
                return self._named(name)

    def _named(self, name: str) -> Read:
        if name in self._readers:
            return self._readers[name]
        if name in self._open:
            # Inside of its own definition: the reader does not exist yet and is looked up when it is called.
            readers = self._readers
            return lambda data, at, depth: readers[name](data, at, depth)
        self._open.add(name)
        definition = self._types.names[name]
        match definition:
            case Record():
                reader = _record_reader(tuple((field.name, self.read(field.node)) for field in definition.fields))
            case Enum(symbols=symbols):
                reader = _enum_reader(name, symbols)
            case Fixed(size=size):
                reader = _with_logical(_fixed_reader(size), definition, f"fixed {name}")
        self._readers[name] = reader
        return reader

    def _union(self, union: Union) -> Read:
        branches = []
        is_paired = self._types.is_paired(union)
        for branch in union.branches:
            reader = self.read(branch)
            branches.append(_pair_reader(branch.name, reader) if is_paired and isinstance(branch, Named) else reader)
        return _union_reader(tuple(branches), describe(self._types, union))


def read_long(data: bytes, at: int, _depth: int = 0) -> tuple[int, int]:
    """A zig-zag integer of up to 64 bits in the fewest bytes it can have."""
    byte = data[at]
    if byte < 128:
        return _SMALL[byte], at + 1
    raw, shift, start = byte, 7, at
    while byte > 127:
        at += 1
        byte = data[at]
        raw += byte << shift
        shift += 7
        if shift > 70:
            raise Unreadable(UNREADABLE, "holds an integer of more than ten bytes")
    raw -= _MARKS[at - start]
    if not byte:
        raise Unreadable(UNREADABLE, "holds an integer that is longer than it needs to be")
    if raw >> 64:
        raise Unreadable(UNREADABLE, "holds an integer of more than 64 bits")
    return (raw >> 1) ^ -(raw & 1), at + 1


def _read_int(data: bytes, at: int, _depth: int) -> tuple[int, int]:
    value, at = read_long(data, at)
    if not -0x8000_0000 <= value <= 0x7FFF_FFFF:
        raise Unreadable(UNREADABLE, "holds an integer of more than 32 bits, but is an int")
    return value, at


def _read_null(_data: bytes, at: int, _depth: int) -> tuple[None, int]:
    return None, at


def _read_boolean(data: bytes, at: int, _depth: int) -> tuple[bool, int]:
    byte = data[at]
    if byte > 1:
        raise Unreadable(UNREADABLE, f"is a boolean with the byte {byte}, which is neither 0 nor 1")
    return byte == 1, at + 1


def _float_reader(layout: str) -> Read:
    unpack, size = Struct(layout).unpack_from, Struct(layout).size

    def read(data: bytes, at: int, _depth: int) -> tuple[float, int]:
        end = at + size
        if end > len(data):
            raise Unreadable(TRUNCATED, CUT)
        return unpack(data, at)[0], end

    return read


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Where the bytes that follow their length begin and end."""
    length, at = read_long(data, at)
    end = at + length
    if length < 0:
        raise Unreadable(UNREADABLE, f"has the length {length}, which is negative")
    if end > len(data):
        raise Unreadable(TRUNCATED, f"should have {length} bytes, but only {len(data) - at} are left")
    return at, end


def _read_bytes(data: bytes, at: int, _depth: int) -> tuple[bytes, int]:
    at, end = _span(data, at)
    return data[at:end], end


def _read_string(data: bytes, at: int, _depth: int) -> tuple[str, int]:
    length = data[at]
    if length < 128 and not length & 1:  # up to 63 bytes, as most strings: without a call
        at += 1
        end = at + (length >> 1)
        if end > len(data):
            raise Unreadable(TRUNCATED, f"should have {length >> 1} bytes, but only {len(data) - at} are left")
    else:
        at, end = _span(data, at)
    try:
        return data[at:end].decode(), end
    except UnicodeDecodeError as error:
        raise Unreadable(INVALID_UTF8, f"is not UTF-8: its byte {error.start} cannot be read") from error


_PRIMITIVES: dict[str, Read] = {
    "null": _read_null,
    "boolean": _read_boolean,
    "int": _read_int,
    "long": read_long,
    "float": _float_reader("<f"),
    "double": _float_reader("<d"),
    "bytes": _read_bytes,
    "string": _read_string,
}


def _with_logical(stored: Read, node: Primitive | Fixed, words: str) -> Read:
    logical: Logical | None = logical_of(node)
    if logical is None:
        return stored
    convert, name = to_value(logical), logical.name

    def read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        raw, at = stored(data, at, depth)
        try:
            return convert(raw), at
        except Unfit as unfit:
            raise Unreadable(unfit.code, f"({words}, {name}) {unfit}") from unfit

    return read


def _fixed_reader(size: int) -> Read:
    def read(data: bytes, at: int, _depth: int) -> tuple[bytes, int]:
        end = at + size
        if end > len(data):
            raise Unreadable(TRUNCATED, f"should have {size} bytes, but only {len(data) - at} are left")
        return data[at:end], end

    return read


def _enum_reader(name: str, symbols: tuple[str, ...]) -> Read:
    count = len(symbols)
    short = min(128, 2 * count)

    def read(data: bytes, at: int, _depth: int) -> tuple[str, int]:
        byte = data[at]
        if byte < short and not byte & 1:  # as below, without a call
            return symbols[byte >> 1], at + 1
        index, at = read_long(data, at)
        if not 0 <= index < count:
            raise Unreadable(UNREADABLE, f"has symbol number {index}, but the enum {name} has 0 to {count - 1}")
        return symbols[index], at

    return read


def _union_reader(branches: tuple[Read, ...], words: str) -> Read:
    count = len(branches)
    short = min(128, 2 * count)

    def read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        byte = data[at]
        if byte < short and not byte & 1:  # as below, without a call
            return branches[byte >> 1](data, at + 1, depth)
        index, at = read_long(data, at)
        if not 0 <= index < count:
            raise Unreadable(UNREADABLE, f"has branch number {index}, but the union ({words}) has 0 to {count - 1}")
        return branches[index](data, at, depth)

    return read


def _pair_reader(name: str, branch: Read) -> Read:
    def read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
        value, at = branch(data, at, depth)
        return (name, value), at

    return read


def _record_reader(fields: tuple[tuple[str, Read], ...]) -> Read:
    def read(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
        if depth >= LIMIT_DEPTH:
            raise _too_deep()
        depth += 1
        value = {}
        name = ""
        try:
            for name, field in fields:
                value[name], at = field(data, at, depth)
        except Unreadable as error:
            error.parts.append(name)
            raise
        except IndexError as error:
            raise _cut(name) from error
        return value, at

    return read


def _array_reader(item: Read, *, is_free: bool) -> Read:
    def read(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
        if depth >= LIMIT_DEPTH:
            raise _too_deep()
        depth += 1
        items: list[Any] = []
        append = items.append
        while True:
            if not data[at]:
                return items, at + 1
            count, at, end = _block(data, at)
            if is_free and len(items) + count > LIMIT_EMPTY_ITEMS:
                raise Unreadable(UNREADABLE, f"has more than {LIMIT_EMPTY_ITEMS} items of a type without bytes")
            if not is_free and count > len(data) - at:
                raise Unreadable(TRUNCATED, f"should have {count} items, but only {len(data) - at} bytes are left")
            try:
                for _ in range(count):
                    value, at = item(data, at, depth)
                    append(value)
            except Unreadable as error:
                error.parts.append(f"[{len(items)}]")
                raise
            except IndexError as error:
                raise _cut(f"[{len(items)}]") from error
            if end >= 0 and at != end:
                raise Unreadable(UNREADABLE, "has a block whose length in bytes is not the length of its items")

    return read


def _map_reader(value: Read) -> Read:
    def read(data: bytes, at: int, depth: int) -> tuple[dict[str, Any], int]:
        if depth >= LIMIT_DEPTH:
            raise _too_deep()
        depth += 1
        entries: dict[str, Any] = {}
        while True:
            if not data[at]:
                return entries, at + 1
            count, at, end = _block(data, at)
            if count > len(data) - at:
                raise Unreadable(TRUNCATED, f"should have {count} entries, but only {len(data) - at} bytes are left")
            for _ in range(count):
                key, at = _read_string(data, at, depth)
                try:
                    part, at = value(data, at, depth)
                except Unreadable as error:
                    error.parts.append(f"{{{key}}}")
                    raise
                except IndexError as error:
                    raise _cut(f"{{{key}}}") from error
                if key in entries:
                    raise _twice(key)
                entries[key] = part
            if end >= 0 and at != end:
                raise Unreadable(UNREADABLE, "has a block whose length in bytes is not the length of its entries")

    return read


def _block(data: bytes, at: int) -> tuple[int, int, int]:
    """How many items follow, where they begin, and where they end or -1; a negative count is followed by a length."""
    count, at = read_long(data, at)
    if count >= 0:
        return count, at, -1
    length, at = read_long(data, at)
    if length < 0:
        raise Unreadable(UNREADABLE, f"has a block of the length {length}, which is negative")
    return -count, at, at + length


def _cut(part: str) -> Unreadable:
    """Python says IndexError where bytes are missing; ``part`` is the part of a container that was being read."""
    error = Unreadable(TRUNCATED, CUT)
    error.parts.append(part)
    return error


def _twice(key: str) -> Unreadable:
    error = Unreadable(UNREADABLE, "stands in its map twice")
    error.parts.append(f"{{{key}}}")
    return error


def _too_deep() -> Unreadable:
    return Unreadable(UNREADABLE, f"is nested deeper than {LIMIT_DEPTH} levels")
