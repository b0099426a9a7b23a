"""A JSON Schema guessed from sampled values, for a topic whose schema nobody wrote down.

It says no more than the samples show, and stays open: what was seen in every record is required, what was seen in
none is not forbidden. A set of values is only taken for an enumeration where it looks like one.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# A few symbols that come again and again are an enumeration; fewer records than this prove nothing.
_ENOUGH_FOR_ENUM = 40
_MOST_SYMBOLS = 8
_LIMIT_DEPTH = 40
_SYMBOL = re.compile(r"[A-Z][A-Z0-9_]{0,39}\Z")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})\Z")


def infer(values: Sequence[Any], *, comment: str = "") -> dict[str, Any]:
    """A schema that every one of the values is valid under. ``comment`` is kept as ``$comment``."""
    head: dict[str, Any] = {"$schema": DIALECT}
    if comment:
        head["$comment"] = comment
    return head | _schema(list(values), 0)


def _schema(values: list[Any], depth: int) -> dict[str, Any]:
    if depth >= _LIMIT_DEPTH or not values:
        return {}
    types = _types(values)
    made: dict[str, Any] = {"type": types[0] if len(types) == 1 else types} if types else {}
    objects = [each for each in values if isinstance(each, dict)]
    arrays = [each for each in values if isinstance(each, list)]
    texts = [each for each in values if isinstance(each, str)]
    if objects:
        made |= _object(objects, depth)
    if arrays:
        items = _schema([part for each in arrays for part in each], depth + 1)
        if items:
            made["items"] = items
    if texts and set(types) <= {"string", "null"}:
        made |= _text(texts, with_null="null" in types)
    return made


def _types(values: Iterable[Any]) -> list[str]:
    """The JSON types that occur; an integer among numbers is a number."""
    found = {_type(each) for each in values}
    if "number" in found:
        found.discard("integer")
    order = ("null", "boolean", "integer", "number", "string", "array", "object")
    return [each for each in order if each in found]


def _type(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    return "number"


def _object(objects: list[dict[str, Any]], depth: int) -> dict[str, Any]:
    names = list(dict.fromkeys(name for each in objects for name in each))
    properties = {name: _schema([each[name] for each in objects if name in each], depth + 1) for name in names}
    required = [name for name in names if all(name in each for each in objects)]
    made: dict[str, Any] = {"properties": properties}
    if required:
        made["required"] = required
    return made


def _text(texts: list[str], *, with_null: bool) -> dict[str, Any]:
    symbols = sorted(set(texts))
    if len(texts) >= _ENOUGH_FOR_ENUM and len(symbols) <= _MOST_SYMBOLS and all(map(_SYMBOL.match, symbols)):
        return {"enum": [None, *symbols] if with_null else symbols}
    if all(map(_is_date_time, texts)):
        return {"format": "date-time"}
    return {}


def _is_date_time(text: str) -> bool:
    """RFC 3339, and a day that there is."""
    if not _DATE_TIME.match(text):
        return False
    try:
        datetime.fromisoformat(text.upper().replace(" ", "T"))
    except ValueError:
        return False
    return True
