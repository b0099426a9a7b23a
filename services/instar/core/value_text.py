"""Values as text: readable JSON for documents, and a shorter notation for what a hop changed."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from instar.core.formats.schema import Schema
from instar.core.formats.sealed import MASK, Sealed
from instar.core.formats.values_json import to_readable

_INDENT = "  "


def document_of(schema: Schema, value: Any, *, is_valid: bool = True) -> Any:
    """A record as what JSON has. One that its schema does not hold is written as well as it can be without it."""
    return to_readable(schema, value) if is_valid and schema.kind == "avro" else jsonable(value, schema.kind)


def jsonable(value: Any, kind: str = "avro") -> Any:
    """Any part of a value as what JSON has. A ``Decimal`` is a number in JSON records and text in Avro's."""
    match value:
        case Sealed():
            return MASK
        case dict():
            return {key: jsonable(part, kind) for key, part in value.items()}
        case list():
            return [jsonable(part, kind) for part in value]
        case (str() as name, part):
            return {name: jsonable(part, kind)}
        case Decimal() if kind == "json":
            return value
        case float() if not math.isfinite(value):
            return str(value)
    leaf = _leaf(value)
    return value if leaf is None else leaf


def compact(document: Any) -> str:
    """A document as one line of JSON, every number with all its digits."""
    return "".join(_written(document, None, 0))


def pretty(document: Any) -> str:
    """A document as indented JSON, every number with all its digits."""
    return "".join(_written(document, _INDENT, 0))


def shown(value: Any) -> str:
    """A part of a value on one line: like JSON, but what is no text has no quotes, so that types can be told apart."""
    match value:
        case Sealed():
            return MASK
        case dict():
            return "{" + ", ".join(f"{_quoted(str(key))}: {shown(part)}" for key, part in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(shown, value)) + "]"
        case (str() as name, part):
            return f"{name} {shown(part)}"
    leaf = _leaf(value)
    return _scalar(value) if leaf is None else leaf


def _leaf(value: Any) -> str | None:
    """The text of what JSON has no type for; None for what it has."""
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
        case str() | int() | float() | None:
            return None
        case _:
            return repr(value)  # a hop put it there, and validation says so


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _scalar(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def _written(document: Any, indent: str | None, depth: int) -> Iterator[str]:
    if isinstance(document, dict) and document:
        pairs = [(f"{_quoted(str(key))}: ", part) for key, part in document.items()]
        yield from _container("{", "}", pairs, indent, depth)
    elif isinstance(document, list | tuple) and document:
        yield from _container("[", "]", [("", part) for part in document], indent, depth)
    else:
        yield _scalar(document) if not isinstance(document, Sealed) else _quoted(MASK)


def _container(
    opening: str, closing: str, parts: list[tuple[str, Any]], indent: str | None, depth: int
) -> Iterator[str]:
    inside = "" if indent is None else "\n" + indent * (depth + 1)
    yield opening
    for number, (name, part) in enumerate(parts):
        if number:
            yield "," if indent is not None else ", "
        yield inside + name
        yield from _written(part, indent, depth + 1)
    yield ("" if indent is None else "\n" + indent * depth) + closing
