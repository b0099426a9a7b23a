"""An Avro schema as plain data: what parsing yields and everything else is compiled from.

A named type (record, enum, fixed) is met as ``Named(full name)`` wherever it is used, also where it is defined, and its
definition stands once in the table of names. So recursion needs no care here. (Avro specification 1.12, "Schema
Declaration".)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from instar.core.formats.shape import MISSING

LIMIT_DEPTH: Final = 200  # containers within containers; each takes up to two of Python's 1000 frames

_UUID_BYTES: Final = 16

LOGICAL_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "decimal": ("bytes", "fixed"),
    "uuid": ("string", "fixed"),
    "date": ("int",),
    "time-millis": ("int",),
    "time-micros": ("long",),
    "timestamp-millis": ("long",),
    "timestamp-micros": ("long",),
    "local-timestamp-millis": ("long",),
    "local-timestamp-micros": ("long",),
}
"""The logical types that are read as Python values, and the types they may annotate. Others stay what they annotate."""


@dataclass(frozen=True, slots=True)
class Logical:
    """A ``logicalType`` as written. ``precision`` and ``scale`` are those of a decimal (digits), else 0."""

    name: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Primitive:
    """``null boolean int long float double bytes string``."""

    kind: str
    logical: Logical | None = None


@dataclass(frozen=True, slots=True)
class Array:
    items: "Node"


@dataclass(frozen=True, slots=True)
class Map:
    values: "Node"


@dataclass(frozen=True, slots=True)
class Union:
    branches: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A use of the named type of that full name."""

    name: str


Node = Primitive | Array | Map | Union | Named


@dataclass(frozen=True, slots=True)
class Fixed:
    name: str
    size: int
    logical: Logical | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Enum:
    name: str
    symbols: tuple[str, ...]
    default: Any = MISSING
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordField:
    """``default`` is JSON as written; ``order`` is ``ascending descending ignore``."""

    name: str
    node: Node
    default: Any = MISSING
    aliases: tuple[str, ...] = ()
    order: str = "ascending"


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    fields: tuple[RecordField, ...]
    aliases: tuple[str, ...] = ()


Definition = Record | Enum | Fixed


@dataclass(frozen=True, slots=True)
class Types:
    """A parsed schema: its top node and the definitions by full name."""

    root: Node
    names: Mapping[str, Definition]

    def kind(self, node: Node) -> str:
        """``long``, ``array``, ``record``, ...: a use of a named type has its definition's kind."""
        match node:
            case Primitive(kind):
                return kind
            case Array():
                return "array"
            case Map():
                return "map"
            case Union():
                return "union"
            case Named(name):
                return {Record: "record", Enum: "enum", Fixed: "fixed"}[type(self.names[name])]

    def is_paired(self, union: Union) -> bool:
        """Are values of the union's named branches written ``(full name, value)``? With several of them, yes."""
        return sum(isinstance(branch, Named) for branch in union.branches) > 1


def logical_of(node: Primitive | Fixed) -> Logical | None:
    """The logical type if it is one that is read as a Python value here, else None (specification: ignored)."""
    logical = node.logical
    kind = "fixed" if isinstance(node, Fixed) else node.kind
    if logical is None or kind not in LOGICAL_KINDS.get(logical.name, ()):
        return None
    return None if logical.name == "uuid" and isinstance(node, Fixed) and node.size != _UUID_BYTES else logical


def describe(types: Types, node: Node) -> str:
    """A type in a few words for a message: ``long (timestamp-micros)``, ``enum shop.Status``, ``null or string``."""
    match node:
        case Union(branches):
            return " or ".join(describe(types, branch) for branch in branches)
        case Named(name):
            definition = types.names[name]
            words = f"{types.kind(node)} {name}"
            return words + _in_brackets(definition) if isinstance(definition, Fixed) else words
        case Primitive(kind):
            return kind + _in_brackets(node)
        case _:
            return types.kind(node)


def _in_brackets(node: Primitive | Fixed) -> str:
    logical = logical_of(node)
    if logical is None:
        return ""
    return f" (decimal {logical.precision},{logical.scale})" if logical.name == "decimal" else f" ({logical.name})"


def heights(types: Types) -> dict[str, int]:
    """How many records the smallest value of each named type nests.

    The least fixed point: a round settles the types whose parts are settled. What is left out has no finite value,
    because it always holds itself.
    """
    known: dict[str, int] = {}
    while True:
        before = len(known)
        for name, definition in types.names.items():
            if not isinstance(definition, Record):
                known[name] = 0
                continue
            parts = [height(each.node, known) for each in definition.fields]
            if None not in parts:
                known[name] = min(known.get(name, LIMIT_DEPTH), 1 + max((part or 0 for part in parts), default=0))
        if len(known) == before:
            return known


def height(node: Node, known: Mapping[str, int]) -> int | None:
    """``heights`` of one node: how many records its smallest value nests; None when that is not known."""
    match node:
        case Named(name):
            return known.get(name)
        case Union(branches):
            inner = [each for each in (height(branch, known) for branch in branches) if each is not None]
            return min(inner) if inner else None
        case _:
            return 0


def is_empty(types: Types, node: Node) -> bool:
    """Do values of this type take no bytes: null, a fixed of size 0, a record of such parts?"""
    match node:
        case Primitive(kind):
            return kind == "null"
        case Named(name):
            definition = types.names[name]
            if isinstance(definition, Record):
                return all(is_empty(types, each.node) for each in definition.fields)
            return isinstance(definition, Fixed) and definition.size == 0
        case _:
            return False
