"""Whether a value is of a shape: for choosing a union's branch, and for constants that an author writes.

Constraints and opaque parts are not judged here; the schema's own validation does that after each hop.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from instar.core.formats.shape import Array, Enum, Map, Object, Opaque, Ref, Scalar, Shape, Union

Test = Callable[[Any], bool]

_AVRO_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z", re.ASCII)
_AVRO_LOGICAL: Mapping[tuple[str, str], type] = {
    ("bytes", "decimal"): Decimal,
    ("fixed", "decimal"): Decimal,
    ("string", "uuid"): UUID,
    ("fixed", "uuid"): UUID,
    ("int", "date"): date,
    ("int", "time-millis"): time,
    ("long", "time-micros"): time,
    ("long", "timestamp-millis"): datetime,
    ("long", "timestamp-micros"): datetime,
    ("long", "local-timestamp-millis"): datetime,
    ("long", "local-timestamp-micros"): datetime,
}
_RANGE = {"int": 31, "long": 63}


def is_avro(record: Shape) -> bool:
    """Whether a record's shape is Avro's: its records always have an Avro name and are closed.

    JSON objects have a name only where they are recursive, and it is a reference (``#/$defs/node``) or ``root``.
    """
    if isinstance(record, Union):
        return any(is_avro(branch) for branch in record.branches)
    if not isinstance(record, Object) or record.name is None or record.open or not _AVRO_NAME.match(record.name):
        return False
    return record.name != "root" or not any(_json_only(field.shape, field.required) for field in record.fields.values())


def _json_only(shape: Shape, required: bool) -> bool:
    parts: tuple[Shape, ...] = ()
    match shape:
        case Scalar(kind=kind):
            return not required or kind in ("integer", "number")
        case Object(name=name):
            return not required or name is None
        case Enum(name=name):
            return not required or name is None
        case Array(items=inner) | Map(values=inner):
            parts = (inner,)
        case Union(branches=branches):
            parts = branches
        case Opaque():
            return True
    return not required or any(_json_only(part, True) for part in parts)


def fits(shape: Shape, *, avro: bool, enclosing: Mapping[str, Test] | None = None) -> Test:
    """Compile a shape to a test of decoded values."""
    around = dict(enclosing or {})
    match shape:
        case Scalar():
            return _scalar(shape, avro)
        case Enum(symbols=symbols):
            return lambda value: any(type(value) is type(symbol) and value == symbol for symbol in symbols)
        case Array(items=items):
            item = fits(items, avro=avro, enclosing=around)
            return lambda value: isinstance(value, list) and all(map(item, value))
        case Map(values=values):
            part = fits(values, avro=avro, enclosing=around)
            return lambda value: isinstance(value, dict) and all(map(part, value.values()))
        case Object():
            return _object(shape, avro, around)
        case Union():
            return _union(shape, avro, around)
        case Ref(name=name):
            return lambda value: around[name](value) if name in around else isinstance(value, dict)
        case Opaque(text=text):
            return lambda _value: text != "false"


def _scalar(shape: Scalar, avro: bool) -> Test:
    kind = shape.kind
    logical = _AVRO_LOGICAL.get((kind, shape.logical or "")) if avro else None
    if logical is date:
        return lambda value: isinstance(value, date) and not isinstance(value, datetime)
    if logical is not None:
        return lambda value: isinstance(value, logical)
    if kind == "null":
        return lambda value: value is None
    if kind == "boolean":
        return lambda value: isinstance(value, bool)
    if kind == "string":
        return lambda value: isinstance(value, str)
    if kind in ("bytes", "fixed"):
        return lambda value: isinstance(value, bytes)
    if kind in _RANGE:
        bound = 1 << _RANGE[kind]
        return lambda value: isinstance(value, int) and not isinstance(value, bool) and -bound <= value < bound
    if kind == "integer":
        return lambda value: (isinstance(value, int) and not isinstance(value, bool)) or _is_whole(value)
    return lambda value: isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return (isinstance(value, float) and value.is_integer()) or (
        isinstance(value, Decimal) and value == value.to_integral_value()
    )


def _object(shape: Object, avro: bool, around: dict[str, Test]) -> Test:
    tests: dict[str, Test] = {}
    required = [name for name, field in shape.fields.items() if field.required]
    is_open = shape.open

    def test(value: Any) -> bool:
        if not isinstance(value, dict) or not all(name in value for name in required):
            return False
        for name, part in value.items():
            inner = tests.get(name)
            if inner is None:
                if not is_open:
                    return False
            elif not inner(part):
                return False
        return True

    if shape.name:
        around = {**around, shape.name: test}
    for name, field in shape.fields.items():
        tests[name] = fits(field.shape, avro=avro, enclosing=around)
    return test


def _union(shape: Union, avro: bool, around: dict[str, Test]) -> Test:
    tests = [fits(branch, avro=avro, enclosing=around) for branch in shape.branches]
    by_name: dict[str | None, list[Test]] = {}
    for branch, branch_test in zip(shape.branches, tests, strict=True):
        by_name.setdefault(name_of(branch), []).append(branch_test)

    def test(value: Any) -> bool:
        if isinstance(value, tuple):
            return any(inner(value[1]) for inner in by_name.get(value[0], ()))
        return any(branch(value) for branch in tests)

    return test


def name_of(shape: Shape) -> str | None:
    """The Avro name of a record, enum or fixed."""
    return shape.name if isinstance(shape, Object | Enum | Scalar | Ref) else None


def holds_pairs(shape: Shape) -> bool:
    """Whether a union's values of named types are pairs (full name, value): it has several."""
    return isinstance(shape, Union) and len({name for branch in shape.branches if (name := name_of(branch))}) > 1
