"""Pairs that look contained and are not; each with a value that an independent validator judges."""

from typing import Any

import jsonschema_rs
import pytest

from instar.core.compat.json_schema import contained

DRAFT_07 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"

#: (draft, writer, reader, a value of the writer that the reader refuses)
TRAPS: list[tuple[str, Any, Any, Any]] = [
    # a keyword says nothing about other types, and neither does its negation
    (DRAFT_2020, {"anyOf": [{"type": "string"}, {"maxLength": 5}]}, {"anyOf": [{"type": "string"}]}, None),
    (DRAFT_2020, {"type": "boolean", "dependentSchemas": {"a": False}}, False, True),
    (DRAFT_2020, {"not": {"type": "string", "maxLength": 2}}, {"type": "string"}, 1),
    (DRAFT_2020, {"contains": {"type": "null"}, "maxContains": 1}, {"type": "array"}, 1),
    # bounds, one apart
    (DRAFT_2020, {"maxLength": 3}, {"maxLength": 2}, "aaa"),
    (DRAFT_2020, {"minimum": 1}, {"exclusiveMinimum": 1}, 1),
    (DRAFT_2020, {"type": "number", "minimum": 1, "maximum": 2}, {"enum": [1, 2]}, 1.5),
    (DRAFT_2020, {"minItems": 1}, {"contains": True, "minContains": 2}, [0]),
    (DRAFT_2020, {"maxProperties": 2}, {"maxProperties": 1}, {"a": 0, "b": 0}),
    # what holds of listed items does not hold of the ones after them
    (DRAFT_2020, {"prefixItems": [{"type": "integer"}]}, {"items": {"type": "integer"}}, [1, "a"]),
    (DRAFT_07, {"items": [{"const": 1}], "additionalItems": {"const": 2}}, {"items": {"const": 1}}, [1, 2]),
    (DRAFT_2020, {"items": {"type": "integer"}}, {"contains": {"type": "integer"}}, []),
    # additional properties are those that neither a name nor a pattern takes
    (DRAFT_2020, {"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
     {"properties": {"a": {"type": "string"}}}, {"a": 1}),
    (DRAFT_2020, {"properties": {"a": True}, "additionalProperties": False},
     {"patternProperties": {"a": {"type": "null"}}}, {"a": 1}),
    (DRAFT_2020, {"propertyNames": {"pattern": "^a"}}, {"propertyNames": {"pattern": "^ab"}}, {"a": 1}),
    (DRAFT_2020, {"required": ["a"]}, {"required": ["a"], "maxProperties": 1}, {"a": 1, "b": 1}),
    # only subschemas that hold evaluate
    (DRAFT_2020, {"properties": {"a": True}, "additionalProperties": False},
     {"anyOf": [{"properties": {"a": {"type": "integer"}}, "required": ["a"]}, True], "unevaluatedProperties": False},
     {"a": "x"}),
    (DRAFT_2020, {"maxItems": 1}, {"anyOf": [{"prefixItems": [{"type": "null"}]}, True], "unevaluatedItems": False},
     [1]),
    (DRAFT_2020, {"properties": {"a": True}, "additionalProperties": False},
     {"if": {"required": ["b"]}, "then": {"properties": {"a": True}}, "unevaluatedProperties": False}, {"a": 1}),
    (DRAFT_2019, {"contains": True, "unevaluatedItems": False}, {"unevaluatedItems": False}, [1]),
    # exactly one, not at least one
    (DRAFT_2020, {"type": "integer"}, {"oneOf": [{"type": "integer"}, {"minimum": 5}]}, 7),
    (DRAFT_2020, {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
     {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
     {"a": 1, "b": 1}),
    # recursion: the difference is two levels down
    (DRAFT_2020, {"properties": {"next": {"$ref": "#"}, "v": {"type": "number"}}},
     {"properties": {"next": {"properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}}}},
     {"next": {"v": 1.5}}),
]  # fmt: skip


@pytest.mark.parametrize(("draft", "writer", "reader", "value"), TRAPS, ids=lambda part: str(part)[:60])
def test_a_pair_that_looks_contained_is_refused(draft: str, writer: Any, reader: Any, value: Any) -> None:
    validators: dict[str, Any] = {
        DRAFT_07: jsonschema_rs.Draft7Validator,
        DRAFT_2019: jsonschema_rs.Draft201909Validator,
        DRAFT_2020: jsonschema_rs.Draft202012Validator,
    }
    assert validators[draft](writer).is_valid(value)
    assert not validators[draft](reader).is_valid(value)
    old, new = ({"$schema": draft, "allOf": [side]} if isinstance(side, bool) else side for side in (writer, reader))
    old, new = {"$schema": draft, **old}, {"$schema": draft, **new}
    assert contained(old, new)
    assert contained(old, old) == contained(new, new) == []
