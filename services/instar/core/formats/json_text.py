"""JSON text to values and back without changing anything on the way (RFC 8259, and strict about it).

What a value becomes:

- an integer is an ``int`` whatever its size (past 64 bits too);
- a number with a fraction or an exponent is a ``float`` when a float has exactly that value in its shortest notation
  (``1.10`` is 1.1), else a ``Decimal`` with all its digits (``0.1000000000000000055``): no digit is ever dropped;
- a number of more than 1000 characters, or with an exponent past 1000, is refused: to hold it exactly would cost a
  sender nothing and us everything;
- a name that occurs twice in one object is refused: to keep one of the two would lose the other silently.

orjson reads fast but rounds big integers and keeps the last of two names. So its result is believed only when it
writes back to the same bytes, which proves that nothing was rounded or dropped. Compact JSON, what most producers and
instar itself write, takes that way, and so does what Python's own ``json.dumps`` writes. Any other text
(pretty-printed, ``1e5``, ``1.10``) is read again by the standard library, at about a tenth of the speed.
"""

import json
import math
from decimal import Decimal
from typing import Any, Final

import orjson

from instar.core.formats.json_path import Step, path_text
from instar.core.rejected import HOP_OUTPUT_INVALID, INVALID_INPUT, INVALID_UTF8, TRAILING_BYTES, UNREADABLE, Rejected

DEPTH_LIMIT: Final = 255  # levels: what orjson writes, and a quarter of what Python's own stack holds
NUMBER_LIMIT: Final = 1000  # characters, and size of the exponent

_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


class _Refused(Exception):
    """Inside this module: why the standard library's reading was stopped."""


def read_json(data: bytes) -> Any | Rejected:
    """Bytes to a fresh value. Codes: invalid-utf8, unreadable, trailing-bytes, invalid-input."""
    try:
        value = orjson.loads(data)
        if orjson.dumps(value) == data or (b'": ' in data and json.dumps(value).encode() == data):
            return value
    except (orjson.JSONDecodeError, TypeError):
        pass  # the exact reading below finds out why, or reads what orjson does not
    return _read_exactly(data)


def write_json(value: Any) -> bytes | Rejected:
    """A value to compact JSON, names in the value's order. Rejected (hop-output-invalid): what JSON cannot hold."""
    try:
        data = orjson.dumps(value, option=_OPTIONS)
        if orjson.loads(data) == value:  # orjson writes null for nan: what it wrote must be what was meant
            return data
    except (TypeError, orjson.JSONDecodeError):
        pass  # the walk below names the place, or finds nothing but numbers that orjson does not hold
    fault = fault_of(value, HOP_OUTPUT_INVALID)
    return fault if fault is not None else _write(value).encode()


def fault_of(value: Any, code: str) -> Rejected | None:
    """Where a value is not one that JSON can hold exactly; the message says what is there instead."""
    pending: list[tuple[Any, tuple[Step, ...]]] = [(value, ())]
    while pending:
        each, way = pending.pop()
        if len(way) > DEPTH_LIMIT:
            return _fault(code, f"is nested deeper than {DEPTH_LIMIT} levels", way[:8])
        if type(each) is dict:
            for name, inner in each.items():
                if type(name) is not str:
                    return _fault(code, f"has a name of type {type(name).__name__}; names in JSON are strings", way)
                if not _is_text(name):
                    return _fault(code, "has a name with half a surrogate pair, which UTF-8 cannot hold", way)
                pending.append((inner, (*way, name)))
        elif type(each) is list:
            pending.extend((inner, (*way, at)) for at, inner in enumerate(each))
        else:
            why = _scalar_fault(each)
            if why:
                return _fault(code, why, way)
    return None


def plain(value: Any) -> bool:
    """Whether orjson can write the value and read it back equal, which is almost always and fast to know."""
    try:
        return bool(orjson.loads(orjson.dumps(value, option=_OPTIONS)) == value)
    except (TypeError, orjson.JSONDecodeError):
        return False


def _scalar_fault(value: Any) -> str | None:
    kind = type(value)
    if value is None or kind is bool:
        return None
    if kind is int:
        return None if abs(value) < 10**NUMBER_LIMIT else f"is a number of more than {NUMBER_LIMIT} digits"
    if kind is str:
        return None if _is_text(value) else "holds half a surrogate pair, which UTF-8 cannot hold"
    if kind is float:
        return None if math.isfinite(value) else f"is {value}, which is not a JSON number"
    if kind is Decimal:
        if not value.is_finite():
            return "is a Decimal that is not a number"
        fits = abs(value.adjusted()) <= NUMBER_LIMIT and len(value.as_tuple().digits) <= NUMBER_LIMIT
        return None if fits else f"is a number of more than {NUMBER_LIMIT} digits"
    return f"is of type {kind.__name__}, which JSON cannot hold"


def _fault(code: str, why: str, way: tuple[Step, ...]) -> Rejected:
    path = path_text(way)
    return Rejected(code, f"{path or 'The record'} {why}.", path=path or None)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# ---------------------------------------------------------------------------------------------- reading


def _read_exactly(data: bytes) -> Any | Rejected:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Rejected(INVALID_UTF8, f"The bytes are not UTF-8: {error.reason} at byte {error.start}.")
    if not text.strip(" \t\n\r"):
        return Rejected(UNREADABLE, f"There is no JSON value in the {len(data)} bytes.")
    if text.startswith("\ufeff"):
        return Rejected(
            UNREADABLE, "The text begins with a byte order mark, which JSON does not allow (RFC 8259, 8.1)."
        )
    start = len(text) - len(text.lstrip(" \t\n\r"))
    try:
        value, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        return Rejected(UNREADABLE, f"The text is not JSON: {error.msg} at character {error.pos}.")
    except RecursionError:
        return Rejected(UNREADABLE, f"The record is nested deeper than {DEPTH_LIMIT} levels.")
    except _Refused as refused:
        return Rejected(INVALID_INPUT, str(refused))
    rest = len(text[end:].strip(" \t\n\r"))
    if rest:
        return Rejected(TRAILING_BYTES, f"{rest} characters follow the JSON value that ends at character {end}.")
    if not plain(value):
        fault = fault_of(value, UNREADABLE)
        if fault is not None:
            return fault
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise _Refused(
            f"The name {path_text((twice,))} occurs twice in one object; which of the two is meant is unknown."
        )
    return result


def _integer(text: str) -> int:
    if len(text) > NUMBER_LIMIT:
        raise _Refused(f"A number has more than {NUMBER_LIMIT} digits.")
    return int(text)


def _number(text: str) -> float | Decimal:
    if len(text) > NUMBER_LIMIT:
        raise _Refused(f"A number has more than {NUMBER_LIMIT} characters.")
    exact = Decimal(text)
    if abs(exact.adjusted()) > NUMBER_LIMIT:
        raise _Refused(f"A number has an exponent past {NUMBER_LIMIT}.")
    nearest = float(text)
    return nearest if math.isfinite(nearest) and Decimal(repr(nearest)) == exact else exact


def _constant(text: str) -> Any:
    raise _Refused(f"{text} is not a JSON number.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
)

# ---------------------------------------------------------------------------------------------- writing


def _write(value: Any) -> str:
    """A value without faults, with the integers and Decimals that orjson does not write."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{_write(name)}:{_write(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    return orjson.dumps(value).decode()
