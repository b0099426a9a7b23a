"""The default of a field: JSON in the schema, a value for hops. (Avro specification 1.12, "field default values".)

JSON's bytes and fixed are strings of the code points 0 to 255. A union's default belongs to the first branch that it
fits (1.12; before, only to the first branch).
"""

import math
from collections.abc import Callable
from struct import pack, unpack
from typing import Any

from instar.core.formats.avro_logical import Unfit, to_value
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
from instar.core.formats.shape import MISSING

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_RANGES = {"int": 31, "long": 63}


def default_value(types: Types, node: Node, default: Any) -> tuple[Any, str | None]:
    """The value that a default stands for, and None; or anything, and why it stands for none."""
    try:
        return _value(types, node, default), None
    except Unfit as unfit:
        return None, str(unfit)
    except RecursionError:
        return None, "it is nested too deeply"


def normal_default(types: Types, node: Node, default: Any) -> Any:
    """A valid default as JSON that is the same for equal values: floats as floats, left-out record fields filled in."""
    match node:
        case Primitive("float" | "double") if isinstance(default, int | float):
            return float(default)
        case Array(items):
            return [normal_default(types, items, each) for each in default]
        case Map(values):
            return {key: normal_default(types, values, default[key]) for key in sorted(default)}
        case Union(branches):
            return normal_default(types, next(each for each in branches if _fits(types, each, default)), default)
        case Named(name):
            definition = types.names[name]
            if isinstance(definition, Record):
                return {
                    field.name: normal_default(types, field.node, default.get(field.name, field.default))
                    for field in definition.fields
                }
    return default


def _fits(types: Types, node: Node, default: Any) -> bool:
    return default_value(types, node, default)[1] is None


def _value(types: Types, node: Node, default: Any) -> Any:
    match node:
        case Primitive():
            return _logical(node, _PRIMITIVES[node.kind](default, node.kind))
        case Array(items):
            return [_value(types, items, each) for each in _expect(default, list, "an array")]
        case Map(values):
            return {key: _value(types, values, each) for key, each in _expect(default, dict, "an object").items()}
        case Union():
            return _of_union(types, node, default)
        case Named(name):
            return _of_named(types, name, default)


def _of_union(types: Types, union: Union, default: Any) -> Any:
    for branch in union.branches:
        try:
            value = _value(types, branch, default)
        except Unfit:
            continue
        return (branch.name, value) if isinstance(branch, Named) and types.is_paired(union) else value
    raise Unfit("it fits none of the union's types")


def _of_named(types: Types, name: str, default: Any) -> Any:
    definition = types.names[name]
    match definition:
        case Enum(symbols=symbols):
            if default not in symbols:
                raise Unfit(f"it is not one of the symbols {', '.join(symbols)}")
            return default
        case Fixed(size=size):
            data = _bytes(default, "fixed")
            if len(data) != size:
                raise Unfit(f"it has {len(data)} bytes, not {size}")
            return _logical(definition, data)
        case Record():
            given = _expect(default, dict, "an object")
            names = {field.name for field in definition.fields}
            for key in given:
                if key not in names:
                    raise Unfit(f"{name} has no field {key}")
            made = {}
            for field in definition.fields:
                part = given.get(field.name, field.default)
                if part is MISSING:
                    raise Unfit(f"the field {field.name} of {name} is missing and has no default of its own")
                made[field.name] = _value(types, field.node, part)
            return made


def _logical(node: Primitive | Fixed, raw: Any) -> Any:
    logical = logical_of(node)
    return raw if logical is None else to_value(logical)(raw)


def _expect(default: Any, kind: type, words: str) -> Any:
    if not isinstance(default, kind):
        raise Unfit(f"it is not {words}")
    return default


def _null(default: Any, _kind: str) -> None:
    if default is not None:
        raise Unfit("it is not null")


def _boolean(default: Any, _kind: str) -> Any:
    return _expect(default, bool, "true or false")


def _integer(default: Any, kind: str) -> int:
    bits = _RANGES[kind]
    if isinstance(default, bool) or not isinstance(default, int) or not -(2**bits) <= default < 2**bits:
        raise Unfit(f"it is not a whole number of {bits + 1} bits")
    return default


def _float(default: Any, kind: str) -> float:
    if isinstance(default, str) and default in _NOT_FINITE:
        return _NOT_FINITE[default]
    if isinstance(default, bool) or not isinstance(default, int | float):
        raise Unfit("it is not a number")
    try:
        value = float(default)
        # 0.1 has no exact float of 32 bits: the schema means the nearest one.
        return value if kind == "double" else float(unpack("<f", pack("<f", value))[0])
    except OverflowError as error:
        raise Unfit(f"it is too large for a {kind}") from error


def _bytes(default: Any, _kind: str) -> bytes:
    try:
        return bytes(_expect(default, str, "a string").encode("latin-1"))
    except UnicodeEncodeError as error:
        raise Unfit("it holds a character beyond U+00FF, which is no byte") from error


def _string(default: Any, _kind: str) -> str:
    text: str = _expect(default, str, "a string")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unfit("it holds half of a surrogate pair") from error
    return text


_PRIMITIVES: dict[str, Callable[[Any, str], Any]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "bytes": _bytes,
    "string": _string,
}
