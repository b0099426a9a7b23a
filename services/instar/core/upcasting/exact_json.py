"""Plain values as compact JSON text and back, exactly: what JSON has no words for is written as ``{"$x": ...}``."""

import base64
import json
import math
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

# A decimal's text may be tiny and its number huge (1E+999999999); no schema's decimal comes near this.
DECIMAL_EXPONENT_LIMIT = 5000


def dumps(value: Any) -> bytes:
    """UTF-8 JSON of a plain value. TypeError for a value that no schema yields."""
    text = json.dumps(_pack(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def loads(data: bytes) -> Any:
    """The value that ``dumps`` wrote. ValueError for bytes that it did not write, whatever they are."""
    try:
        return _unpack(json.loads(data.decode("utf-8", "surrogatepass")))
    except (TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"not an exact value: {type(error).__name__}") from error


def _pack(value: Any) -> Any:
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$f": repr(value)}
    if isinstance(value, dict):
        packed = {key: _pack(part) for key, part in value.items()}
        # A record of its own that looks like a tag is wrapped in one.
        return {"$o": packed} if any(key.startswith("$") for key in packed) else packed
    if isinstance(value, list):
        return [_pack(part) for part in value]
    if isinstance(value, tuple):
        return {"$u": [_pack(part) for part in value]}
    return _pack_leaf(value)


def _pack_leaf(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$b": base64.b64encode(value).decode("ascii")}
    if isinstance(value, Decimal):
        return {"$n": str(value)}
    if isinstance(value, datetime):  # before date, of which it is a kind
        return {"$t": value.isoformat()}
    if isinstance(value, date):
        return {"$d": value.isoformat()}
    if isinstance(value, time):
        return {"$c": value.isoformat()}
    if isinstance(value, UUID):
        return {"$i": str(value)}
    raise TypeError(f"a {type(value).__name__} is no plain value")


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if number.is_finite() and abs(number.adjusted()) > DECIMAL_EXPONENT_LIMIT:
        raise ValueError("a decimal beyond every schema's range")
    return number


def _object(packed: dict[str, Any]) -> dict[str, Any]:
    return {key: _unpack(part) for key, part in packed.items()}


_UNPACK: dict[str, Callable[[Any], Any]] = {
    "$f": float,
    "$o": _object,
    "$u": lambda parts: tuple(_unpack(part) for part in parts),
    "$b": lambda text: base64.b64decode(text, validate=True),
    "$n": _decimal,
    "$t": datetime.fromisoformat,
    "$d": date.fromisoformat,
    "$c": time.fromisoformat,
    "$i": UUID,
}


def _unpack(packed: Any) -> Any:
    if isinstance(packed, list):
        return [_unpack(part) for part in packed]
    if isinstance(packed, dict):
        if len(packed) == 1:
            ((tag, part),) = packed.items()
            if tag in _UNPACK:
                return _UNPACK[tag](part)
        return _object(packed)
    return packed
