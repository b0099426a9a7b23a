"""A schema's default as the value that a codec would decode.

Avro writes defaults as JSON (specification 1.12, "Complex Types / Records"): bytes and fixed as a string of code
points 0 to 255, a union's as a value of one of its branches, logical types as their base type.
"""

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from struct import pack, unpack
from typing import Any
from uuid import UUID

from instar.core.formats.shape import MISSING, Array, Enum, Map, Object, Scalar, Shape, Union
from instar.core.upcasting.membership import fits, holds_pairs, name_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_ANY_PRECISION = Context(prec=10_000)  # Avro decimals here have at most so many digits


def default_value(shape: Shape, default: Any, *, avro: bool) -> Any:
    """The decoded value of a default; MISSING when the default is not a value of the shape."""
    if not avro:
        return default
    try:
        return _read(shape, default)
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError):
        return MISSING


def _read(shape: Shape, default: Any) -> Any:
    match shape:
        case Scalar():
            return _scalar(shape, default)
        case Enum(symbols=symbols):
            return default if default in symbols else MISSING
        case Array(items=items):
            return [_whole(items, part) for part in default]
        case Map(values=values):
            return {key: _whole(values, part) for key, part in default.items()}
        case Object(fields=fields):
            return {name: _whole(field.shape, default.get(name, field.default)) for name, field in fields.items()}
        case Union(branches=branches):
            return _branch(shape, branches, default)
    return MISSING


def _whole(shape: Shape, default: Any) -> Any:
    value = _read(shape, default)
    if value is MISSING:
        raise ValueError("a part of the default is not a value of its schema")
    return value


def _branch(union: Union, branches: tuple[Shape, ...], default: Any) -> Any:
    """The first branch that the default is of: until 1.12 only the first was allowed, so the order agrees."""
    for branch in branches:
        try:
            value = _read(branch, default)
        except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError):
            continue
        if value is not MISSING and fits(branch, avro=True)(value):
            name = name_of(branch)
            return (name, value) if name and holds_pairs(union) else value
    return MISSING


def _scalar(shape: Scalar, default: Any) -> Any:
    kind, logical = shape.kind, shape.logical
    if kind in ("bytes", "fixed"):
        raw = default.encode("iso-8859-1")
        if logical == "decimal":
            scale = int(dict(shape.constraints).get("scale", 0))
            return Decimal(int.from_bytes(raw, "big", signed=True)).scaleb(-scale, _ANY_PRECISION)
        return UUID(bytes=raw) if logical == "uuid" else raw
    if kind == "string" and logical == "uuid":
        return UUID(default)
    if kind in ("int", "long") and logical is not None:
        return _moment(logical, default)
    if kind in ("float", "double"):
        number = _NOT_FINITE[default] if isinstance(default, str) else float(default)
        return number if kind == "double" else unpack("<f", pack("<f", number))[0]  # 0.1: the nearest of 32 bits
    return default if fits(shape, avro=True)(default) else MISSING


def _moment(logical: str, default: int) -> Any:
    if logical == "date":
        return date(1970, 1, 1) + timedelta(days=default)
    unit = timedelta(milliseconds=1) if logical.endswith("millis") else timedelta(microseconds=1)
    if logical.startswith("time-"):
        return (datetime.combine(date(1970, 1, 1), time()) + unit * default).time()
    if logical.startswith("timestamp-"):
        return _EPOCH + unit * default
    if logical.startswith("local-timestamp-"):
        return _EPOCH.replace(tzinfo=None) + unit * default
    return default
