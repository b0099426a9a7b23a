"""Holding a record of symbols against a version's schema: what is proven once, and what is left to check per record.

The reference validates after every hop. Here a value that comes from the source is valid by the schemas alone where its
type in the version is the source's; anything else gets the reference's own check, to be run per record.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from instar.core.formats.avro import AvroSchema
from instar.core.formats.avro_check import Check
from instar.core.formats.avro_choice import is_nullable_pair
from instar.core.formats.avro_types import Array, Named, Node, Record, Union, is_empty
from instar.core.formats.avro_write import Write, encoded_long
from instar.core.upcasting.spans.nodes import deep, is_plain, may_be_null, recursive, same
from instar.core.upcasting.spans.symbols import (
    Constant,
    Leaf,
    Loop,
    Made,
    Proof,
    Symbol,
    Unsupported,
    loop_of,
)


@dataclass(frozen=True, slots=True)
class ToCheck:
    """A check that the reference makes and that nothing proves beforehand."""

    symbol: Symbol
    check: Check
    depth: int


@dataclass(frozen=True, slots=True)
class Copy:
    """Bytes of the source as they are: of the loop's elements from ``start`` to before ``end``."""

    loop: Loop
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Written:
    """A symbol's value as the target's own writer writes it."""

    symbol: Symbol
    node: Node
    write: Write


@dataclass(frozen=True, slots=True)
class Elements:
    """An array: for each element of the loop these pieces."""

    loop: Loop
    pieces: "tuple[Piece, ...]"


Piece = bytes | Copy | Written | Elements


def fit(value: Any, schema: AvroSchema, top: Loop) -> Iterator[ToCheck]:
    """What is to be checked of a record at a version. Raises ``Unsupported`` for one that does not surely fit."""
    yield from _Fit(schema).record(value, schema.types.root, top, 0)


class _Fit:
    def __init__(self, schema: AvroSchema) -> None:
        self._schema = schema
        self._types = schema.types

    def record(self, value: Any, node: Node, loop: Loop, depth: int) -> Iterator[ToCheck]:
        if isinstance(node, Union) and isinstance(value, dict | list):
            node = _beside_null(node)
        if isinstance(value, dict):
            definition = self._types.names[node.name] if isinstance(node, Named) else None
            if not isinstance(definition, Record) or recursive(self._types, definition.name):
                raise Unsupported("a record stands where the version has no record, or one that may hold its own kind")
            if value.keys() != {field.name for field in definition.fields}:
                raise Unsupported(f"the record {definition.name} does not have the version's fields")
            for field in definition.fields:
                yield from self.record(value[field.name], field.node, loop, depth + 1)
        elif isinstance(value, list):
            if not isinstance(node, Array) or is_empty(self._types, node.items):
                raise Unsupported("an array stands where the version has none, or one of nothing")
            inner = loop_of(value)
            if inner.parent is not loop:
                raise Unsupported("an array stands in another array than its elements come from")
            yield from self.record(value[0], node.items, inner, depth + 1)
        elif isinstance(value, Symbol):
            yield from self._symbol(value, node, loop, depth)
        elif self._schema.part(node).check(plain(value), depth) is not None:
            raise Unsupported("a constant is no value of the version")

    def _symbol(self, symbol: Symbol, node: Node, loop: Loop, depth: int) -> Iterator[ToCheck]:
        if symbol.loop is not loop:
            raise Unsupported("a value stands in another array than it comes from")
        endless = deep(self._types, node)
        for proof in symbol.proofs:
            if same(proof.types, proof.node, self._types, node) and (depth <= proof.depth or not endless):
                return
        check = self._schema.part(node).check
        table = symbol.table if isinstance(symbol, Made) else None
        if table is not None:
            for index, each in enumerate(table.values):
                if index not in table.bad and check(each, depth) is not None:
                    table.bad.add(index)
        else:
            yield ToCheck(symbol, check, depth)
        symbol.proofs.append(Proof(self._types, node, depth))


def plain(value: Any) -> Any:
    return value.value if isinstance(value, Constant) else value


def _beside_null(union: Union) -> Node:
    null_at = is_nullable_pair(union)
    if null_at is None:
        raise Unsupported("a record or array is one of several types of a union")
    return union.branches[1 - null_at]


def pieces(value: Any, schema: AvroSchema) -> tuple[Piece, ...]:
    """How a record that ``fit``s is written: neighbours that are copied, or constant, as one."""
    return _joined(_Pieces(schema).of(value, schema.types.root))


class _Pieces:
    def __init__(self, schema: AvroSchema) -> None:
        self._schema = schema
        self._types = schema.types

    def of(self, value: Any, node: Node) -> Iterator[Piece]:
        if isinstance(node, Union) and isinstance(value, dict | list):
            yield encoded_long(node.branches.index(_beside_null(node)))
            node = _beside_null(node)
        if isinstance(value, dict) and isinstance(node, Named):
            definition = self._types.names[node.name]
            for field in definition.fields if isinstance(definition, Record) else ():
                yield from self.of(value[field.name], field.node)
        elif isinstance(value, list) and isinstance(node, Array):
            loop = loop_of(value)
            inner = _joined(self.of(value[0], node.items))
            if inner == (Copy(loop, 0, len(loop.elements)),) and loop.parent is not None:
                yield Copy(loop.parent, loop.place, loop.place + 1)
            else:
                yield Elements(loop, inner)
        elif isinstance(value, Symbol):
            yield from self._symbol(value, node)
        else:
            out = bytearray()
            self._schema.part(node).write(out, plain(value))
            yield bytes(out)

    def _symbol(self, symbol: Symbol, node: Node) -> Iterator[Piece]:
        if isinstance(symbol, Leaf) and is_plain(symbol.types, symbol.node):
            copy = Copy(symbol.loop, symbol.place, symbol.place + 1)
            if same(symbol.types, symbol.node, self._types, node):
                yield copy
                return
            null_at = is_nullable_pair(node) if isinstance(node, Union) else None
            if null_at is not None and isinstance(node, Union) and not may_be_null(symbol.node):
                branch = node.branches[1 - null_at]
                if same(symbol.types, symbol.node, self._types, branch):
                    yield encoded_long(1 - null_at)
                    yield copy
                    return
        yield Written(symbol, node, self._schema.part(node).write)


def _joined(found: Iterator[Piece]) -> tuple[Piece, ...]:
    joined: list[Piece] = []
    for piece in found:
        last = joined[-1] if joined else None
        if isinstance(piece, bytes) and isinstance(last, bytes):
            joined[-1] = last + piece
        elif isinstance(piece, Copy) and isinstance(last, Copy) and piece.loop is last.loop and piece.start == last.end:
            joined[-1] = Copy(piece.loop, last.start, piece.end)
        elif piece != b"":
            joined.append(piece)
    return tuple(joined)
