"""Which keywords a dialect has, what shape their values have, and which of them say nothing about instances."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

Shape = Literal[
    "any", "array", "boolean", "count", "draft4-bound", "number", "positive", "string", "strings", "schema", "schemas",
    "schema-map", "items", "string-lists", "dependencies", "type",
]  # fmt: skip

#: Keywords that inform people and tools. None can make an instance valid or invalid in any draft.
ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "example", "$comment", "readOnly", "writeOnly", "deprecated",
     "$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "definitions", "$defs"}
)  # fmt: skip

_DRAFT_04: dict[str, Shape] = {
    "$ref": "string", "type": "type", "enum": "array", "multipleOf": "positive", "minimum": "number",
    "maximum": "number", "exclusiveMinimum": "draft4-bound", "exclusiveMaximum": "draft4-bound", "minLength": "count",
    "maxLength": "count", "pattern": "string", "format": "string", "items": "items", "additionalItems": "schema",
    "minItems": "count", "maxItems": "count", "uniqueItems": "boolean", "properties": "schema-map",
    "patternProperties": "schema-map", "additionalProperties": "schema", "required": "strings",
    "minProperties": "count", "maxProperties": "count", "dependencies": "dependencies", "allOf": "schemas",
    "anyOf": "schemas", "oneOf": "schemas", "not": "schema",
}  # fmt: skip
_DRAFT_06: dict[str, Shape] = _DRAFT_04 | {
    "const": "any", "contains": "schema", "propertyNames": "schema", "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
}  # fmt: skip
_DRAFT_07: dict[str, Shape] = _DRAFT_06 | {
    "if": "schema", "then": "schema", "else": "schema", "contentEncoding": "string", "contentMediaType": "string",
}  # fmt: skip
_DRAFT_2019: dict[str, Shape] = {k: s for k, s in _DRAFT_07.items() if k != "dependencies"} | {
    "minContains": "count", "maxContains": "count", "dependentRequired": "string-lists",
    "dependentSchemas": "schema-map", "unevaluatedProperties": "schema", "unevaluatedItems": "schema",
    "contentSchema": "schema", "$recursiveRef": "string",
}  # fmt: skip
_DRAFT_2020: dict[str, Shape] = {
    k: s for k, s in _DRAFT_2019.items() if k not in ("additionalItems", "$recursiveRef")
} | {"items": "schema", "prefixItems": "schemas", "$dynamicRef": "string"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One draft: its keywords, and the three rules that changed between drafts."""

    name: str
    keywords: dict[str, Shape]
    ref_hides_siblings: bool
    contains_evaluates: bool = False

    def __hash__(self) -> int:
        return hash(self.name)


DRAFT_04 = Dialect("draft-04", _DRAFT_04, ref_hides_siblings=True)
DRAFT_06 = Dialect("draft-06", _DRAFT_06, ref_hides_siblings=True)
DRAFT_07 = Dialect("draft-07", _DRAFT_07, ref_hides_siblings=True)
DRAFT_2019 = Dialect("2019-09", _DRAFT_2019, ref_hides_siblings=False)
DRAFT_2020 = Dialect("2020-12", _DRAFT_2020, ref_hides_siblings=False, contains_evaluates=True)

_BY_URI = {
    "json-schema.org/draft-04/schema": DRAFT_04,
    "json-schema.org/draft-06/schema": DRAFT_06,
    "json-schema.org/draft-07/schema": DRAFT_07,
    "json-schema.org/draft/2019-09/schema": DRAFT_2019,
    "json-schema.org/draft/2020-12/schema": DRAFT_2020,
}
_TYPE_NAMES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


def declared(schema: Any) -> Dialect | None:
    """The dialect that ``$schema`` names, or None where it names none or one that is not known."""
    uri = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(uri, str):
        return None
    return _BY_URI.get(uri.removesuffix("#").removeprefix("https://").removeprefix("http://"))


def guessed(schema: Any) -> Dialect:
    """The dialect of a schema without ``$schema``: the one that understands most of it; of equals the current draft."""
    return min((DRAFT_2020, DRAFT_07, DRAFT_2019, DRAFT_04), key=lambda dialect: _misfits(schema, dialect))


def _misfits(schema: Any, dialect: Dialect) -> int:
    """How many keywords a dialect does not have or would not write like this."""
    if not isinstance(schema, dict):
        return 0
    own = sum(
        keyword not in dialect.keywords or not well_formed(dialect.keywords[keyword], value)
        for keyword, value in schema.items()
        if keyword not in ANNOTATIONS
    )
    return own + sum(_misfits(subschema, dialect) for _, subschema in subschemas(schema, dialect))


def subschemas(schema: dict[str, Any], dialect: Dialect) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every direct subschema of a schema, with the reference tokens that lead to it; definitions included."""
    for keyword, value in schema.items():
        shape = "schema-map" if keyword in ("definitions", "$defs") else dialect.keywords.get(keyword)
        if shape == "schema" or (shape == "items" and not isinstance(value, list)):
            yield (keyword,), value
        elif shape in ("schemas", "items") and isinstance(value, list):
            yield from (((keyword, position), item) for position, item in enumerate(value))
        elif shape in ("schema-map", "dependencies") and isinstance(value, dict):
            yield from (((keyword, name), item) for name, item in value.items() if not isinstance(item, list))


def well_formed(shape: Shape, value: Any) -> bool:
    """Whether a keyword's own value has the shape that its dialect asks for."""
    numeric = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    schema = isinstance(value, dict | bool)
    strings = isinstance(value, list) and all(isinstance(item, str) for item in value)
    match shape:
        case "any":
            return True
        case "array":
            return isinstance(value, list)
        case "boolean" | "draft4-bound":
            return isinstance(value, bool)
        case "number":
            return numeric and math.isfinite(value)
        case "positive":
            return numeric and math.isfinite(value) and value > 0
        case "count":
            return numeric and math.isfinite(value) and value >= 0 and value == int(value)
        case "string":
            return isinstance(value, str)
        case "strings":
            return strings
        case "schema":
            return schema
        case "schemas":
            return isinstance(value, list) and len(value) > 0 and all(isinstance(v, dict | bool) for v in value)
        case "items":
            return schema or (isinstance(value, list) and all(isinstance(v, dict | bool) for v in value))
        case "schema-map":
            return isinstance(value, dict) and all(isinstance(v, dict | bool) for v in value.values())
        case "string-lists":
            return isinstance(value, dict) and all(well_formed("strings", v) for v in value.values())
        case "dependencies":
            return isinstance(value, dict) and all(
                well_formed("strings", v) or isinstance(v, dict | bool) for v in value.values()
            )
        case "type":
            names = value if isinstance(value, list) else [value]
            return bool(names) and all(isinstance(name, str) and name in _TYPE_NAMES for name in names)
