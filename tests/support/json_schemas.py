"""Schemas of every kind that a format test should meet, by name, and JSON values for Hypothesis."""

from typing import Any

from hypothesis import strategies as st

DRAFT_07 = "http://json-schema.org/draft-07/schema#"


def record(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


SCHEMAS: dict[str, dict[str, Any]] = {
    "order": {
        **record(
            id={"type": "string", "format": "uuid"},
            placed={"type": "string", "format": "date-time"},
            status={"enum": ["NEW", "PAID", "SENT"]},
            channel={"type": "string", "default": "web"},
            coupon={"type": ["string", "null"], "maxLength": 8},
            items={
                "type": "array",
                "minItems": 1,
                "items": {
                    **record(
                        sku={"type": "string", "pattern": "^[A-Z]{2}-[0-9]{1,4}$"},
                        qty={"type": "integer", "minimum": 1},
                    ),
                    "required": ["sku", "qty"],
                    "additionalProperties": False,
                },
            },
            attributes={"type": "object", "additionalProperties": {"type": "string"}},
        ),
        "required": ["id", "status", "items"],
    },
    "tree": {
        **record(value={"type": "integer"}, kids={"type": "array", "items": {"$ref": "#"}}),
        "required": ["value"],
    },
    "list": {
        **record(head={"$ref": "#/$defs/node"}),
        "$defs": {
            "node": {"anyOf": [{"type": "null"}, record(next={"$ref": "#/$defs/node"}, value={"type": "number"})]}
        },
    },
    "parts": {
        "allOf": [
            {"$ref": "#/$defs/identified"},
            {**record(name={"type": "string", "minLength": 2}), "required": ["name"]},
        ],
        "$defs": {"identified": {**record(id={"type": "integer"}), "required": ["id"]}},
    },
    "shut parts": {
        "allOf": [{"$ref": "#/$defs/base"}],
        **record(extra={"type": "boolean"}),
        "unevaluatedProperties": False,
        "$defs": {"base": record(id={"type": "integer"})},
    },
    "one of": {
        **record(kind={"type": "string"}),
        "required": ["kind"],
        "oneOf": [
            {"properties": {"kind": {"const": "card"}, "last4": {"type": "string"}}, "required": ["last4"]},
            {"properties": {"kind": {"const": "cash"}, "till": {"type": "integer"}}, "required": ["till"]},
        ],
    },
    "condition": {
        "$schema": DRAFT_07,
        **record(country={"enum": ["GB", "US"]}, state={"type": "string"}),
        "required": ["country"],
        "if": {"properties": {"country": {"const": "US"}}},
        "then": {"required": ["state"]},
        "else": {"not": {"required": ["state"]}},
    },
    "numbers": record(
        percent={"type": "integer", "minimum": 0, "maximum": 100},
        share={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        quarters={"type": "number", "multipleOf": 0.25},  # of 0.01 the reference package calls -4.1 no multiple
        seven={"type": "integer", "multipleOf": 7, "exclusiveMaximum": 0},
    ),
    "maps": record(
        headers={"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False},
        codes={
            "type": "object",
            "propertyNames": {"pattern": "^[a-z]{2}$"},
            "additionalProperties": {"type": "integer"},
        },
        free={"type": "object"},
    ),
    "tuple": {
        "$schema": DRAFT_07,
        **record(
            point={"type": "array", "items": [{"type": "number"}, {"type": "number"}], "additionalItems": False},
            tags={"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True},
        ),
        "dependencies": {"tags": ["point"]},
    },
    "needs": {
        **record(a={"type": "integer"}, b={"type": "integer"}, seen={"type": "array", "contains": {"const": 1}}),
        "dependentRequired": {"a": ["b"]},
        "minProperties": 1,
    },
    "draft-07 neighbours": {
        "$schema": DRAFT_07,
        **record(code={"$ref": "#/definitions/text", "maxLength": 1}),
        "definitions": {"text": {"type": "string"}},
    },
    "neighbours": {**record(code={"$ref": "#/$defs/text", "maxLength": 1}), "$defs": {"text": {"type": "string"}}},
}

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**80), max_value=2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
