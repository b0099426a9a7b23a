"""JSON values in one comparable form.

JSON Schema compares by mathematical value (core section 4.2.2): ``1`` equals ``1.0``, ``true`` is no number,
members of an object have no order. Python's ``==`` says otherwise in each of the first two, so values are
tagged tuples here.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias

JsonType = Literal["null", "boolean", "number", "string", "array", "object"]
TYPES: tuple[JsonType, ...] = ("null", "boolean", "number", "string", "array", "object")

#: ``(type, payload)``; the payload is hashable: Fraction, str, bool, a tuple of values, or sorted (name,
#: value) pairs.
Value: TypeAlias = tuple[JsonType, Any]

NULL: Value = ("null", None)
EMPTY_ARRAY: Value = ("array", ())
EMPTY_OBJECT: Value = ("object", ())


def number(raw: int | float | Decimal) -> Fraction:
    """The number a JSON text meant: a float counts as the shortest decimal that reads back as it.

    Raises ValueError for infinities and NaN, which JSON does not have.
    """
    if isinstance(raw, float):
        raw = Decimal(repr(raw))
    try:
        return Fraction(raw)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{raw} is not a JSON number") from error


def canonical(raw: Any) -> Value:
    """The comparable form of a parsed JSON value. Raises ValueError for what JSON cannot hold."""
    if raw is None:
        return NULL
    if isinstance(raw, bool):
        return ("boolean", raw)
    if isinstance(raw, int | float | Decimal):
        return ("number", number(raw))
    if isinstance(raw, str):
        return ("string", raw)
    if isinstance(raw, list | tuple):
        return ("array", tuple(canonical(item) for item in raw))
    if isinstance(raw, dict):
        return ("object", tuple(sorted((str(name), canonical(value)) for name, value in raw.items())))
    raise ValueError(f"{type(raw).__name__} is not a JSON type")
