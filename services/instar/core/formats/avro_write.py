"""A valid value to bytes: one closure per type, compiled once. (Avro specification 1.12, "Binary Encoding".)

A writer appends to a bytearray and trusts its value, which has passed ``avro_check``. The encoding is canonical: the
fewest bytes for every integer, one block for an array or map. In a union the branch is chosen as ``avro_choice`` says.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any

from instar.core.formats.avro_choice import Choose, is_nullable_pair
from instar.core.formats.avro_logical import to_stored
from instar.core.formats.avro_types import (
    Array,
    Enum,
    Fixed,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    Types,
    Union,
    logical_of,
)

Write = Callable[[bytearray, Any], None]


def compile_write(types: Types, choosers: Callable[[Union], Choose], node: Node | None = None) -> Write:
    """The writer of a type, the top one when none is given."""
    return _Compiler(types, choosers).write(types.root if node is None else node)


class _Compiler:
    def __init__(self, types: Types, choosers: Callable[[Union], Choose]) -> None:
        self._types = types
        self._choosers = choosers
        self._writers: dict[str, Write] = {}
        self._open: set[str] = set()

    def write(self, node: Node) -> Write:
        match node:
            case Primitive(kind):
                return _with_logical(_PRIMITIVES[kind], node)
            case Array(items):
                return _array_writer(self.write(items))
            case Map(values):
                return _map_writer(self.write(values))
            case Union():
                return self._union(node)
            case Named(name):
                return self._named(name)

    def _named(self, name: str) -> Write:
        if name in self._writers:
            return self._writers[name]
        if name in self._open:
            # Inside of its own definition: the writer does not exist yet and is looked up when it is called.
            writers = self._writers
            return lambda out, value: writers[name](out, value)
        self._open.add(name)
        definition = self._types.names[name]
        match definition:
            case Record():
                writer = _record_writer(tuple((field.name, self.write(field.node)) for field in definition.fields))
            case Enum(symbols=symbols):
                writer = _enum_writer(symbols)
            case Fixed():
                writer = _fixed_writer(definition)
        self._writers[name] = writer
        return writer

    def _union(self, union: Union) -> Write:
        branches = tuple((encoded_long(at), self.write(branch)) for at, branch in enumerate(union.branches))
        null_at = is_nullable_pair(union)
        if null_at is not None:
            return _nullable_writer(branches[null_at][0], *branches[1 - null_at])
        is_pair = [self._types.is_paired(union) and isinstance(branch, Named) for branch in union.branches]
        return _union_writer(self._choosers(union), branches, tuple(is_pair))


def encoded_long(value: int) -> bytes:
    """An int or long, zig-zag, in the fewest bytes."""
    raw = value << 1 if value >= 0 else ~(value << 1)
    encoded = bytearray()
    while raw > 127:
        encoded.append(raw & 127 | 128)
        raw >>= 7
    encoded.append(raw)
    return bytes(encoded)


def decimal_size(unscaled: int) -> int:
    """The fewest bytes for the magnitude's bits and a sign: -128 fits one byte, 128 does not."""
    return (unscaled if unscaled >= 0 else ~unscaled).bit_length() // 8 + 1


def write_long(out: bytearray, value: int) -> None:
    raw = value << 1 if value >= 0 else ~(value << 1)
    while raw > 127:
        out.append(raw & 127 | 128)
        raw >>= 7
    out.append(raw)


def _write_null(_out: bytearray, _value: None) -> None:
    return


def _write_boolean(out: bytearray, value: bool) -> None:
    out.append(value)


def _float_writer(layout: str) -> Write:
    pack = Struct(layout).pack

    def write(out: bytearray, value: float) -> None:
        out += pack(value)

    return write


def _write_bytes(out: bytearray, value: bytes) -> None:
    write_long(out, len(value))
    out += value


def _write_string(out: bytearray, value: str) -> None:
    data = value.encode()
    length = len(data)
    if length < 64:
        out.append(length << 1)
    else:
        write_long(out, length)
    out += data


_PRIMITIVES: dict[str, Write] = {
    "null": _write_null,
    "boolean": _write_boolean,
    "int": write_long,
    "long": write_long,
    "float": _float_writer("<f"),
    "double": _float_writer("<d"),
    "bytes": _write_bytes,
    "string": _write_string,
}


def _with_logical(stored: Write, node: Primitive) -> Write:
    logical = logical_of(node)
    if logical is None:
        return stored
    convert = to_stored(logical)
    if logical.name != "decimal":
        return lambda out, value: stored(out, convert(value))

    def write_decimal(out: bytearray, value: Any) -> None:
        unscaled = convert(value)
        size = decimal_size(unscaled)
        write_long(out, size)
        out += unscaled.to_bytes(size, "big", signed=True)

    return write_decimal


def _fixed_writer(definition: Fixed) -> Write:
    logical = logical_of(definition)
    if logical is None:
        return bytearray.extend
    if logical.name == "uuid":
        return lambda out, value: out.extend(value.bytes)
    convert, size = to_stored(logical), definition.size

    def write(out: bytearray, value: Any) -> None:
        out += convert(value).to_bytes(size, "big", signed=True)

    return write


def _enum_writer(symbols: tuple[str, ...]) -> Write:
    encoded = {symbol: encoded_long(at) for at, symbol in enumerate(symbols)}

    def write(out: bytearray, value: str) -> None:
        out += encoded[value]

    return write


def _nullable_writer(null: bytes, index: bytes, branch: Write) -> Write:
    def write(out: bytearray, value: Any) -> None:
        if value is None:
            out += null
        else:
            out += index
            branch(out, value)

    return write


def _union_writer(choose: Choose, branches: tuple[tuple[bytes, Write], ...], is_pair: tuple[bool, ...]) -> Write:
    def write(out: bytearray, value: Any) -> None:
        at = choose(value)
        index, branch = branches[at]
        out += index
        branch(out, value[1] if is_pair[at] else value)

    return write


def _record_writer(fields: tuple[tuple[str, Write], ...]) -> Write:
    def write(out: bytearray, value: dict[str, Any]) -> None:
        for name, field in fields:
            field(out, value[name])

    return write


def _array_writer(item: Write) -> Write:
    def write(out: bytearray, value: list[Any]) -> None:
        if value:
            write_long(out, len(value))
            for each in value:
                item(out, each)
        out.append(0)

    return write


def _map_writer(item: Write) -> Write:
    def write(out: bytearray, value: dict[str, Any]) -> None:
        if value:
            write_long(out, len(value))
            for key, each in value.items():
                _write_string(out, key)
                item(out, each)
        out.append(0)

    return write
