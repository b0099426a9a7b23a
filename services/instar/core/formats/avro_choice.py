"""Which branch of a union a value belongs to, and where a value cannot say so.

A decoded value carries its Python type, and where a union holds several named types also the name. That tells all
branches apart but these: int and long, float and double, enum and string, fixed and bytes, a decimal in either, record
and map. There the first branch that the value is valid for is taken: the named one, then in the schema's order; an
int goes to a float or double only where no int or long takes it. The value is kept whichever it is, but bytes
that a producer wrote as the other branch come back as this one: ``ambiguous`` lists those places.
"""

from collections.abc import Callable, Iterator
from typing import Any

from instar.core.formats.avro_logical import problem_of
from instar.core.formats.avro_types import (
    Array,
    Enum,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    Types,
    Union,
    logical_of,
)

Choose = Callable[[Any], int]  # a valid value to the index of its branch

_PYTHON: dict[str, type] = {
    "null": type(None),
    "boolean": bool,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "bytes": bytes,
    "string": str,
}


def python_type(types: Types, node: Node) -> type:
    """The exact type of a node's values; of a union's, ``object``."""
    match node:
        case Primitive(kind):
            logical = logical_of(node)
            return _PYTHON[kind] if logical is None else problem_of(logical)[0]
        case Array():
            return list
        case Map():
            return dict
        case Union():
            return object
        case Named(name):
            definition = types.names[name]
            if isinstance(definition, Record):
                return dict
            if isinstance(definition, Enum):
                return str
            logical = logical_of(definition)
            return bytes if logical is None else problem_of(logical)[0]


def candidates(types: Types, union: Union) -> dict[type, tuple[int, ...]]:
    """The branches to try for a value of each Python type, in order. Named branches of a paired union are left out."""
    is_paired = types.is_paired(union)
    found: dict[type, list[int]] = {}
    in_order = sorted(enumerate(union.branches), key=lambda pair: not isinstance(pair[1], Named))
    for at, branch in in_order:
        if not (is_paired and isinstance(branch, Named)):
            found.setdefault(python_type(types, branch), []).append(at)
    for at, branch in enumerate(union.branches):
        if isinstance(branch, Primitive) and branch.kind in ("float", "double"):
            found.setdefault(int, []).append(at)
    return {kind: tuple(indexes) for kind, indexes in found.items()}


def is_nullable_pair(union: Union) -> int | None:
    """Where null stands in a union of null and one other type; None for any other union."""
    nulls = [at for at, branch in enumerate(union.branches) if branch == Primitive("null")]
    return nulls[0] if len(union.branches) == 2 and len(nulls) == 1 else None


def ambiguous(types: Types) -> tuple[str, ...]:
    """Field paths (``items[].x``, ``attrs{}``; "" is the top) of unions whose values may fit two branches alike."""
    return tuple(dict.fromkeys(_ambiguous(types, types.root, "", set())))


def _ambiguous(types: Types, node: Node, path: str, seen: set[str]) -> Iterator[str]:
    match node:
        case Array(items):
            yield from _ambiguous(types, items, f"{path}[]", seen)
        case Map(values):
            yield from _ambiguous(types, values, f"{path}{{}}", seen)
        case Union(branches):
            if _is_ambiguous(types, node):
                yield path
            for branch in branches:
                yield from _ambiguous(types, branch, path, seen)
        case Named(name):
            definition = types.names[name]
            if isinstance(definition, Record) and name not in seen:
                for field in definition.fields:
                    inner = f"{path}.{field.name}" if path else field.name
                    yield from _ambiguous(types, field.node, inner, seen | {name})


def _is_ambiguous(types: Types, union: Union) -> bool:
    is_paired = types.is_paired(union)
    own = [python_type(types, each) for each in union.branches if not (is_paired and isinstance(each, Named))]
    return len(set(own)) < len(own)
