"""Which Avro types are alike, recursive, or simple enough to be read where they stand."""

from instar.core.formats.avro_choice import is_nullable_pair
from instar.core.formats.avro_logical import STORED_RANGES
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

LIMIT_SYMBOLS = 64  # an enum's index in one byte


def same(left: Types, a: Node, right: Types, b: Node) -> bool:
    """Have two types the same values and the same bytes for each? Names count where a union's values show them."""
    return _same(left, a, right, b, frozenset())


def _same(left: Types, a: Node, right: Types, b: Node, known: frozenset[tuple[str, str]]) -> bool:
    match a, b:
        case Primitive(kind), Primitive(other):
            return kind == other and logical_of(a) == logical_of(b)
        case (Array(inner), Array(other_inner)) | (Map(inner), Map(other_inner)):
            return _same(left, inner, right, other_inner, known)
        case Union(branches), Union(others):
            return len(branches) == len(others) and all(
                _same(left, one, right, other, known)
                and (not isinstance(one, Named) or not isinstance(other, Named) or one.name == other.name)
                for one, other in zip(branches, others, strict=True)
            )
        case Named(name), Named(other_name):
            return (name, other_name) in known or _same_definition(left, name, right, other_name, known)
    return False


def _same_definition(left: Types, name: str, right: Types, other: str, known: frozenset[tuple[str, str]]) -> bool:
    match left.names[name], right.names[other]:
        case Record(fields=fields), Record(fields=others):
            known = known | {(name, other)}
            return len(fields) == len(others) and all(
                one.name == each.name and _same(left, one.node, right, each.node, known)
                for one, each in zip(fields, others, strict=True)
            )
        case Enum(symbols=symbols), Enum(symbols=others):
            return symbols == others
        case Fixed() as one, Fixed() as each:
            return one.size == each.size and logical_of(one) == logical_of(each)
    return False


def recursive(types: Types, name: str) -> bool:
    """Can a record hold one of its own kind?"""
    seen: set[str] = set()
    pending = [name]
    while pending:
        definition = types.names[pending.pop()]
        for field in definition.fields if isinstance(definition, Record) else ():
            for inner in _names(field.node):
                if inner == name:
                    return True
                if inner not in seen:
                    seen.add(inner)
                    pending.append(inner)
    return False


def deep(types: Types, node: Node) -> bool:
    """May values of this type nest without end?"""
    seen: set[str] = set()
    pending = _names(node)
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        definition = types.names[name]
        if isinstance(definition, Record):
            if recursive(types, name):
                return True
            pending += [inner for field in definition.fields for inner in _names(field.node)]
    return False


def _names(node: Node) -> list[str]:
    match node:
        case Named(name):
            return [name]
        case Array(inner) | Map(inner):
            return _names(inner)
        case Union(branches):
            return [name for branch in branches for name in _names(branch)]
    return []


def is_plain(types: Types, node: Node) -> bool:
    """Is it read where it stands, and copied as it stands? A value without parts, or null beside one such."""
    if isinstance(node, Union):
        null_at = is_nullable_pair(node)
        if null_at is None:
            return False
        node = node.branches[1 - null_at]
        return not isinstance(node, Union) and is_plain(types, node)
    if isinstance(node, Named):
        definition = types.names[node.name]
        if isinstance(definition, Enum):
            return len(definition.symbols) <= LIMIT_SYMBOLS
        return isinstance(definition, Fixed) and logical_of(definition) is None
    if not isinstance(node, Primitive):
        return False
    logical = logical_of(node)
    return logical is None or logical.name in STORED_RANGES or (logical.name == "decimal" and node.kind == "bytes")


def may_be_null(node: Node) -> bool:
    """Also where null is annotated with a logical type, which means nothing."""
    if isinstance(node, Union):
        return any(map(may_be_null, node.branches))
    return isinstance(node, Primitive) and node.kind == "null"
