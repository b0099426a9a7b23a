"""The shape of a record: one type language for Avro and JSON Schema.

Operations, schema derivation, differences and sample records need to know what is inside a record, not which schema
language says so. A *shape* is that knowledge as plain immutable data. It is a view, not a replacement: the codec of a
version reads, writes and validates by the schema itself.

Avro gives exact shapes. JSON Schema gives the shape of what a value may be where the schema says so by type,
properties, items, enum, const, nullable unions and ``$ref``; what it says otherwise (``pattern``, ``minimum``, ...) is
kept in ``constraints``, and a subschema that has no such reading is ``Opaque``.

A recursive type refers back to itself by ``Ref(name)``; ``Object.name`` of an enclosing object resolves it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


class Missing:
    """The one value that means: nothing is here. Not the same as null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()

Constraints = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value without parts.

    ``kind`` is an Avro primitive (``null boolean int long float double bytes string fixed``) or, for JSON, one of
    ``null boolean integer number string``. ``logical`` is Avro's logicalType or JSON Schema's ``format``.
    ``constraints`` are sorted (name, value) pairs: ``precision``, ``scale``, ``size``, ``pattern``, ``minimum``, ...
    """

    kind: str
    logical: str | None = None
    constraints: Constraints = ()
    name: str | None = None  # of an Avro fixed


@dataclass(frozen=True, slots=True)
class Enum:
    """One of ``symbols``. JSON enums and const may hold any JSON value; Avro's are strings and have a name."""

    symbols: tuple[Any, ...]
    name: str | None = None
    default: Any = MISSING


@dataclass(frozen=True, slots=True)
class Array:
    items: "Shape"
    constraints: Constraints = ()


@dataclass(frozen=True, slots=True)
class Map:
    """String keys, all values of one shape: Avro's map, or a JSON object that has only additionalProperties."""

    values: "Shape"
    constraints: Constraints = ()


@dataclass(frozen=True, slots=True)
class Field:
    shape: "Shape"
    required: bool = True  # may it be absent? In Avro never.
    default: Any = MISSING  # as the schema writes it
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Object:
    """A record. ``open`` says that fields not named here may be present (JSON only)."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    name: str | None = None
    open: bool = False
    constraints: Constraints = ()


@dataclass(frozen=True, slots=True)
class Union:
    """One of ``branches``, in the schema's order; never nested."""

    branches: tuple["Shape", ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """Back to the enclosing object of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """What has no reading as a shape: the JSON subschema as canonical JSON text (``true`` is anything)."""

    text: str


Shape = Scalar | Enum | Array | Map | Object | Union | Ref | Opaque

NULL: Final = Scalar("null")


def is_null(shape: Shape) -> bool:
    return isinstance(shape, Scalar) and shape.kind == "null"


def without_null(shape: Shape) -> Shape:
    """A nullable shape without its null; any other shape as it is."""
    if not isinstance(shape, Union):
        return shape
    rest = tuple(branch for branch in shape.branches if not is_null(branch))
    if len(rest) == len(shape.branches):
        return shape
    return rest[0] if len(rest) == 1 else Union(rest)


def is_nullable(shape: Shape) -> bool:
    return isinstance(shape, Union) and any(is_null(branch) for branch in shape.branches)
