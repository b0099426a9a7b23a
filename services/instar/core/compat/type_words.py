"""A type in a few words, as a diff shows it."""

import json
from typing import Any

from instar.core.formats.shape import Array, Enum, Map, Object, Opaque, Ref, Scalar, Shape, Union, is_null

_SHOWN_SYMBOLS = 6
_SHOWN_CHARS = 40


def words(shape: Shape) -> str:
    """``string``, ``decimal(9, 2)``, ``array of Item``, ``null or long``, ``one of NEW, PAID``."""
    match shape:
        case Scalar():
            return _scalar(shape)
        case Enum(symbols=symbols):
            shown = ", ".join(value(each) for each in symbols[:_SHOWN_SYMBOLS])
            rest = len(symbols) - _SHOWN_SYMBOLS
            return f"one of {shown}{f' and {rest} more' if rest > 0 else ''}"
        case Array(items=items):
            return f"array of {words(items)}"
        case Map(values=values):
            return f"map of {words(values)}"
        case Object(name=name):
            return f"record {name.rpartition('.')[2]}" if name else "record"
        case Union(branches=branches):
            ordered = sorted(branches, key=lambda branch: not is_null(branch))
            return " or ".join(words(branch) for branch in ordered)
        case Ref(name=name):
            return f"record {name.rpartition('.')[2]}"
        case Opaque(text=text):
            return "anything" if text in ("true", "{}") else _cut(text)


def _scalar(shape: Scalar) -> str:
    known = dict(shape.constraints)
    if shape.logical == "decimal":
        return f"decimal({known.get('precision')}, {known.get('scale', 0)})"
    if shape.kind == "fixed":
        return f"fixed({known.get('size')})"
    if shape.logical is not None:
        return shape.logical if shape.kind != "string" or shape.logical == "uuid" else f"string ({shape.logical})"
    return shape.kind


def value(each: Any) -> str:
    """A default or a symbol, short: strings as they are where that is plain."""
    if isinstance(each, str) and each.replace("_", "").replace("-", "").isalnum():
        return _cut(each)
    try:
        return _cut(json.dumps(each, ensure_ascii=False))
    except (TypeError, ValueError):
        return _cut(str(each))


def bounds(shape: Shape) -> dict[str, Any]:
    """What a schema says of a value beyond its type: ``minimum``, ``pattern``, ``minItems``, ..."""
    if not isinstance(shape, Scalar | Array | Map | Object):
        return {}
    own = ("precision", "scale", "size") if isinstance(shape, Scalar) else ()
    return {name: each for name, each in shape.constraints if name not in own}


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"
