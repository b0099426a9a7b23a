"""Records as readable JSON: what people write in examples and read in ``try``, ``convert`` and ``record show``.

A JSON record is itself. For Avro the notation is close to Avro's JSON encoding (specification, section "JSON
Encoding"), with two differences that make it readable and exact:

- a nullable value is written bare (``"x"`` or ``null``); only where a union has several branches beside null does the
  value name its branch, ``{"long": 5}`` or ``{"shop.Card": {...}}``, as in Avro's encoding;
- logical types are written for people: decimals ``"12.50"``, timestamps ``"2024-01-31T12:00:00.000001Z"`` (UTC; local
  ones without the Z), dates ``"2024-01-31"``, times ``"12:00:00"``, UUIDs in their usual form. Bytes and fixed
  are hexadecimal, ``"0x00ff"``. Numbers that JSON lacks are ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from struct import pack, unpack
from typing import Any
from uuid import UUID

from instar.core.formats.schema import Schema
from instar.core.formats.sealed import MASK, Sealed
from instar.core.formats.shape import Array, Enum, Map, Object, Opaque, Ref, Scalar, Shape, Union, is_null
from instar.core.rejected import INVALID_UTF8, UNREADABLE, Rejected

_Names = Mapping[str, Object]

_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_FRACTION = re.compile(r"[.,]\d{7}")
_HEX = re.compile(r"0x((?:[0-9a-fA-F]{2})*)\Z")
_ANY_PRECISION = Context(prec=10_000)
_LIMIT_DEPTH = 200  # of nested records: a document deeper than this is no example that a person wrote


def to_readable(schema: Schema, value: Any) -> Any:
    """A valid value of the schema as what JSON has: dict, list, str, int, float, bool, None.

    A JSON record is itself (a number past a float's digits is a ``Decimal``). Parts of an Avro record that are
    ``Sealed`` are written ``***``.
    """
    return value if schema.kind == "json" else _write(schema.shape, value, {})


def from_readable(schema: Schema, document: Any) -> Any | Rejected:
    """The value that a readable document stands for; Rejected (``unreadable``, with the path) where it is none.

    The value is not validated: ``schema.problem`` does that.
    """
    if schema.kind == "json":
        return document
    try:
        return _read(schema.shape, document, "", {}, 0)
    except _Unreadable as error:
        return Rejected(UNREADABLE, error.message, path=error.path or None)


def value_of_text(schema: Schema, text: bytes) -> Any | Rejected:
    """The value of a readable JSON text. JSON records go through their schema's own decoder."""
    if schema.kind == "json":
        return schema.decode(text)
    try:
        document = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        return Rejected(INVALID_UTF8, f"The text is not UTF-8: byte {error.start} cannot be read.")
    except _Unreadable as error:
        return Rejected(UNREADABLE, error.message)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        return Rejected(UNREADABLE, f"The text is not JSON: {error.msg} at {place}.")
    except (RecursionError, ValueError):  # nested too deeply, or an integer of more than 4300 digits
        return Rejected(UNREADABLE, "The text is nested too deeply or holds a number that is too long.")
    return from_readable(schema, document)


class _Unreadable(Exception):
    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Unreadable(f"An object has the key {twice!r} twice.")
    return made


# --------------------------------------------------------------------------------------------------- writing


def _write(shape: Shape, value: Any, names: _Names) -> Any:
    if isinstance(value, Sealed):
        return MASK
    match shape:
        case Ref(name):
            return _write(names[name], value, names)
        case Object():
            inner = _with(names, shape)
            # In the schema's order: a hop puts fields in wherever it comes to them.
            return {key: _write(field.shape, value[key], inner) for key, field in shape.fields.items()}
        case Map(values):
            return {key: _write(values, part, names) for key, part in value.items()}
        case Array(items):
            return [_write(items, part, names) for part in value]
        case Union():
            return _write_union(shape, value, names)
        case _:
            return _write_leaf(value)


def _write_leaf(value: Any) -> Any:
    match value:
        case bytes():
            return "0x" + value.hex()
        case Decimal():
            return format(value, "f")
        case datetime():
            if value.tzinfo is None:
                return value.isoformat()
            return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        case date() | time():
            return value.isoformat()
        case UUID():
            return str(value)
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case _:
            return value


def _write_union(union: Union, value: Any, names: _Names) -> Any:
    if value is None:
        return None
    branches = [branch for branch in union.branches if not is_null(branch)]
    if isinstance(value, tuple):
        branch = next(each for each in branches if _name_of(each) == value[0])
        value = value[1]
    else:
        branch = next((each for each in branches if _fits(each, value, names)), branches[0])
    written = _write(branch, value, names)
    return written if len(branches) == 1 else {_name_of(branch): written}


def _fits(shape: Shape, value: Any, names: _Names) -> bool:
    """Is this the branch of a union that a valid value belongs to?"""
    match shape:
        case Ref(name):
            return _fits(names[name], value, names)
        case Object():
            return isinstance(value, dict) and value.keys() == shape.fields.keys()
        case Map():
            return isinstance(value, dict)
        case Array():
            return isinstance(value, list)
        case Enum():
            return isinstance(value, str) and value in shape.symbols
        case Scalar():
            return _fits_scalar(shape, value)
        case _:
            return False


def _fits_scalar(shape: Scalar, value: Any) -> bool:
    logical = _LOGICAL.get(shape.logical or "")
    if logical is not None and isinstance(value, logical[0]):
        if not isinstance(value, datetime):
            return True
        is_local = (shape.logical or "").startswith("local-")
        return logical[0] is datetime and is_local == (value.tzinfo is None)  # a datetime is a date to Python
    match shape.kind:
        case "boolean":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31
        case "long":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float" | "double":
            return isinstance(value, float)
        case "string":
            return isinstance(value, str)
        case "bytes":
            return isinstance(value, bytes)
        case "fixed":
            return isinstance(value, bytes) and len(value) == dict(shape.constraints).get("size", len(value))
        case _:
            return False


def _name_of(branch: Shape) -> str:
    """A branch's name as Avro's JSON encoding writes it: the full name, or the type's."""
    match branch:
        case Ref(name):
            return name
        case Object() | Enum():
            return branch.name or ("record" if isinstance(branch, Object) else "enum")
        case Scalar():
            return branch.name or branch.kind
        case Array():
            return "array"
        case _:
            return "map"


def _is_named(branch: Shape) -> bool:
    return isinstance(branch, Ref | Object | Enum) or (isinstance(branch, Scalar) and branch.kind == "fixed")


def _with(names: _Names, shape: Object) -> _Names:
    return {**names, shape.name: shape} if shape.name else names


# --------------------------------------------------------------------------------------------------- reading


def _read(shape: Shape, document: Any, path: str, names: _Names, depth: int) -> Any:
    if depth > _LIMIT_DEPTH:
        raise _Unreadable(f"The document is nested more than {_LIMIT_DEPTH} deep.", path)
    match shape:
        case Ref(name):
            return _read(names[name], document, path, names, depth)
        case Object():
            return _read_object(shape, document, path, names, depth)
        case Map(values):
            pairs = _expect(document, dict, "an object", path)
            return {key: _read(values, part, f"{path}{{{key}}}", names, depth + 1) for key, part in pairs.items()}
        case Array(items):
            parts = _expect(document, list, "an array", path)
            return [_read(items, part, f"{path}[{index}]", names, depth + 1) for index, part in enumerate(parts)]
        case Union():
            return _read_union(shape, document, path, names, depth)
        case Enum():
            return _expect(document, str, "one of the symbols " + ", ".join(map(str, shape.symbols)), path)
        case Scalar():
            return _read_scalar(shape, document, path)
        case Opaque():
            return document


def _read_object(shape: Object, document: Any, path: str, names: _Names, depth: int) -> dict[str, Any]:
    pairs = _expect(document, dict, "an object", path)
    inner = _with(names, shape)
    made = {}
    for key, part in pairs.items():
        place = f"{path}.{key}" if path else key
        field = shape.fields.get(key)
        # An unknown field is kept, so that validation names it like any other record's.
        made[key] = part if field is None else _read(field.shape, part, place, inner, depth + 1)
    return made


def _read_union(union: Union, document: Any, path: str, names: _Names, depth: int) -> Any:
    branches = [branch for branch in union.branches if not is_null(branch)]
    if document is None:
        if len(branches) < len(union.branches):
            return None
        raise _Unreadable("Null is not allowed here.", path)
    if len(branches) == 1:
        return _read(branches[0], document, path, names, depth)
    by_name = {_name_of(branch): branch for branch in branches}
    if not isinstance(document, dict) or len(document) != 1 or next(iter(document)) not in by_name:
        known = ", ".join(by_name)
        raise _Unreadable(
            f'The value has one of several types ({known}) and must say which: {{"{next(iter(by_name))}": ...}}.', path
        )
    ((name, part),) = document.items()
    branch = by_name[name]
    value = _read(branch, part, path, names, depth + 1)
    is_ambiguous = sum(_is_named(each) for each in branches) > 1
    return (name, value) if is_ambiguous and _is_named(branch) else value


def _expect(document: Any, kind: type, words: str, path: str) -> Any:
    if not isinstance(document, kind):
        raise _Unreadable(f"Expected {words}, found {_kind_of(document)}.", path)
    return document


def _read_scalar(shape: Scalar, document: Any, path: str) -> Any:
    logical = _LOGICAL.get(shape.logical or "")
    if logical is not None:
        _, read, words = logical
        text = _expect(document, str, words, path)
        try:
            return read(text, shape)
        except (ValueError, ArithmeticError) as error:
            raise _Unreadable(f"Expected {words}.", path) from error
    match shape.kind:
        case "null":
            return _expect(document, type(None), "null", path)
        case "boolean":
            return _expect(document, bool, "true or false", path)
        case "int" | "long":
            if isinstance(document, bool) or not isinstance(document, int):
                raise _Unreadable(f"Expected a whole number, found {_kind_of(document)}.", path)
            return document
        case "float" | "double":
            return _read_float(document, path, is_single=shape.kind == "float")
        case "bytes" | "fixed":
            match = _HEX.match(_expect(document, str, 'bytes as "0x00ff"', path))
            if match is None:
                raise _Unreadable('Expected bytes in hexadecimal, as in "0x00ff".', path)
            return bytes.fromhex(match[1])
        case _:
            return _expect(document, str, "a string", path)


def _read_float(document: Any, path: str, *, is_single: bool) -> float:
    if isinstance(document, str) and document in _NOT_FINITE:
        return _NOT_FINITE[document]
    if isinstance(document, bool) or not isinstance(document, int | float):
        raise _Unreadable(f"Expected a number, found {_kind_of(document)}.", path)
    try:
        # 0.1 stands for the nearest number that a float of 32 bits has: no person would write all of its digits.
        return float(unpack("<f", pack("<f", document))[0] if is_single else document)
    except OverflowError as error:
        raise _Unreadable("The number is too large.", path) from error


def _kind_of(document: Any) -> str:
    """What a JSON document is, for a message; its content is never shown."""
    match document:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"


def _decimal(text: str, shape: Scalar) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    scale = dict(shape.constraints).get("scale", 0)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent > -scale:  # "12.5" at scale 2 is the 12.50 that a decoder yields
        return value.quantize(Decimal(1).scaleb(-scale), context=_ANY_PRECISION)
    return value


def _timestamp(text: str, shape: Scalar) -> datetime:
    if _FRACTION.search(text):  # Python would drop the seventh digit silently
        raise ValueError(text)
    value = datetime.fromisoformat(text)
    if (shape.logical or "").startswith("local-") != (value.tzinfo is None):
        raise ValueError(text)
    return value if value.tzinfo is None else value.astimezone(UTC)


def _date(text: str, _shape: Scalar) -> date:
    return date.fromisoformat(text)


def _time(text: str, _shape: Scalar) -> time:
    if _FRACTION.search(text):
        raise ValueError(text)
    value = time.fromisoformat(text)
    if value.tzinfo is not None:
        raise ValueError(text)
    return value


def _uuid(text: str, _shape: Scalar) -> UUID:
    return UUID(text)


# By logical type: the Python type of a decoded value, how it is read, and how to say what is expected.
_LOGICAL: dict[str, tuple[type, Callable[[str, Scalar], Any], str]] = {
    "decimal": (Decimal, _decimal, 'a decimal as a string, as in "12.50"'),
    "uuid": (UUID, _uuid, "a UUID"),
    "date": (date, _date, 'a date as in "2024-01-31"'),
    "time-millis": (time, _time, 'a time as in "12:00:00.001"'),
    "time-micros": (time, _time, 'a time as in "12:00:00.000001"'),
    "timestamp-millis": (datetime, _timestamp, 'a timestamp with its zone, as in "2024-01-31T12:00:00.001Z"'),
    "timestamp-micros": (datetime, _timestamp, 'a timestamp with its zone, as in "2024-01-31T12:00:00.000001Z"'),
    "local-timestamp-millis": (datetime, _timestamp, 'a timestamp without zone, as in "2024-01-31T12:00:00.001"'),
    "local-timestamp-micros": (datetime, _timestamp, 'a timestamp without zone, as in "2024-01-31T12:00:00.000001"'),
}
