"""Each keyword: the narrower schema is contained in the wider one, and the other way round the finding says why not."""

from typing import Any

import pytest

from instar.core.compat.json_schema import ABSENT, contained
from instar.core.compat.json_schema.places import value_at

DRAFT_07 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
Pair = tuple[dict[str, Any], dict[str, Any], str, str]

#: (narrower, wider, code of the finding the other way round, the narrower schema's pointer in it)
PAIRS: list[Pair] = [
    ({"type": "integer"}, {"type": "number"}, "type-narrowed", "/type"),
    ({"type": "string"}, {"type": ["string", "null"]}, "type-narrowed", "/type"),
    ({"const": 1}, {"enum": [1.0, 2]}, "enum-narrowed", "/const"),
    ({"enum": ["a"]}, {"enum": ["a", "b"]}, "enum-narrowed", "/enum"),
    ({"enum": [True, False]}, {"type": "boolean"}, "", ""),
    ({"minimum": 3}, {"minimum": 2}, "minimum-raised", "/minimum"),
    ({"exclusiveMinimum": 2}, {"minimum": 2}, "minimum-raised", "/exclusiveMinimum"),
    ({"maximum": 2}, {"exclusiveMaximum": 3}, "maximum-lowered", "/maximum"),
    ({"type": "integer", "exclusiveMinimum": 1}, {"type": "integer", "minimum": 2}, "", ""),
    ({"multipleOf": 6}, {"multipleOf": 1.5}, "multiple-of-narrowed", "/multipleOf"),
    ({"allOf": [{"multipleOf": 2}, {"multipleOf": 3}]}, {"multipleOf": 6}, "", ""),
    ({"type": "integer", "minimum": 1, "maximum": 3}, {"enum": [1, 2, 3]}, "", ""),
    ({"minLength": 2}, {"minLength": 1}, "min-length-raised", "/minLength"),
    ({"maxLength": 1}, {"maxLength": 2}, "max-length-lowered", "/maxLength"),
    ({"pattern": "^[a-f]+$"}, {"pattern": "^[a-z]*$"}, "pattern-narrowed", "/pattern"),
    ({"pattern": "^[0-9]{4}-[0-9]{2}$"}, {"minLength": 7, "maxLength": 7}, "pattern-narrowed", "/pattern"),
    ({"format": "uri"}, {"format": "uri-reference"}, "format-narrowed", "/format"),
    ({"contentEncoding": "base64"}, {}, "content-narrowed", "/contentEncoding"),
    ({"required": ["a", "b"]}, {"required": ["a"]}, "required-added", "/required"),
    ({"minProperties": 2}, {"minProperties": 1}, "min-properties-raised", "/minProperties"),
    ({"required": ["a", "b"]}, {"minProperties": 2}, "required-added", "/required"),
    ({"maxProperties": 1}, {"maxProperties": 2}, "max-properties-lowered", "/maxProperties"),
    ({"properties": {"a": {"minimum": 2}}}, {"properties": {"a": {"minimum": 1}}}, "minimum-raised",
     "/properties/a/minimum"),
    ({"patternProperties": {"^a": {"minimum": 2}}}, {"patternProperties": {"^ab": {"minimum": 1}}},
     "pattern-property-narrowed", "/patternProperties/^a"),
    ({"patternProperties": {"^a": {"type": "null"}}}, {"properties": {"ab": {"type": "null"}}},
     "pattern-property-narrowed", "/patternProperties/^a"),
    ({"additionalProperties": False}, {"additionalProperties": {"type": "string"}}, "additional-properties-narrowed",
     "/additionalProperties"),
    ({"propertyNames": {"maxLength": 1}}, {"propertyNames": {"maxLength": 2}}, "property-names-narrowed",
     "/propertyNames"),
    ({"propertyNames": {"enum": ["a", "b"]}}, {"maxProperties": 2}, "property-names-narrowed", "/propertyNames"),
    ({"dependentRequired": {"a": ["b", "c"]}}, {"dependentRequired": {"a": ["b"]}}, "dependency-added",
     "/dependentRequired"),
    ({"dependentSchemas": {"a": {"minProperties": 2}}}, {}, "dependency-added", "/dependentSchemas"),
    ({"items": {"minimum": 2}}, {"items": {"minimum": 1}}, "minimum-raised", "/items/minimum"),
    ({"prefixItems": [{"const": 1}], "items": False}, {"items": {"const": 1}, "maxItems": 1}, "", ""),
    ({"minItems": 2}, {"minItems": 1}, "min-items-raised", "/minItems"),
    ({"maxItems": 1}, {"uniqueItems": True}, "max-items-lowered", "/maxItems"),
    ({"uniqueItems": True}, {}, "unique-items-added", "/uniqueItems"),
    ({"contains": {"const": 1}}, {"contains": {"enum": [1, 2]}}, "contains-narrowed", "/contains"),
    ({"contains": {"const": 1}, "minContains": 2}, {"minItems": 2}, "contains-narrowed", "/contains"),
    ({"contains": {"const": 1}, "minContains": 2}, {"contains": {"type": "integer"}}, "contains-narrowed",
     "/contains"),
    ({"contains": {"type": "null"}, "maxContains": 1}, {"contains": {"type": "null"}, "maxContains": 2},
     "contains-narrowed", "/contains"),
    ({"items": {"type": "integer"}, "minItems": 1}, {"contains": {"type": "number"}}, "type-narrowed",
     "/items/type"),
    ({"allOf": [{"minimum": 1}, {"maximum": 2}]}, {"minimum": 1, "maximum": 2}, "", ""),
    ({"anyOf": [{"const": 1}, {"const": 2}]}, {"enum": [1, 2, 3]}, "any-of-narrowed", "/anyOf"),
    ({"oneOf": [{"type": "null"}, {"type": "string"}]}, {"type": ["null", "string"]}, "", ""),
    ({"not": {"minimum": 1}}, {"not": {"minimum": 2}}, "not-narrowed", "/not"),
    ({"if": {"type": "string"}, "then": {"minLength": 2}}, {"if": {"type": "string"}, "then": {"minLength": 1}},
     "conditional-narrowed", "/if"),
    ({"if": {"type": "string"}, "then": {"minLength": 2}}, {"minLength": 2}, "", ""),
    ({"properties": {"a": True}, "unevaluatedProperties": False}, {"properties": {"a": True}},
     "unevaluated-properties-narrowed", "/unevaluatedProperties"),
    ({"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False},
     {"properties": {"a": True}, "additionalProperties": False}, "", ""),
    ({"anyOf": [{"properties": {"a": True}, "required": ["a"]}, {"properties": {"b": True}, "required": ["b"]}],
      "unevaluatedProperties": False}, {"propertyNames": {"enum": ["a", "b"]}}, "any-of-narrowed", "/anyOf"),
    ({"prefixItems": [True], "unevaluatedItems": False}, {"maxItems": 1}, "", ""),
    ({"contains": {"type": "string"}, "unevaluatedItems": False}, {"items": {"type": "string"}}, "contains-narrowed",
     "/contains"),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]} in {pair[1]}")
def test_the_narrower_is_contained_in_the_wider(pair: Pair) -> None:
    narrow, wide, code, pointer = pair
    narrow, wide = {"$schema": DRAFT_2020, **narrow}, {"$schema": DRAFT_2020, **wide}
    assert contained(narrow, wide) == []
    back = contained(wide, narrow)
    if not code:
        assert back == []
        return
    found = [finding for finding in back if finding.code == code and finding.new_pointer == pointer]
    assert found, back
    assert found[0].new_value == value_at(narrow, tuple(pointer.split("/")[1:]))
    place = (found[0].old_pointer, found[0].old_value)
    assert found[0].old_value is ABSENT or place != (found[0].new_pointer, found[0].new_value)
    assert found[0].message
    assert found[0].remedy


DRAFT_07_PAIRS = [
    ({"items": [{"const": 1}], "additionalItems": False}, {"items": {"const": 1}}),
    ({"items": [{"const": 1}], "additionalItems": {"type": "null"}}, {"items": {"enum": [1, None]}}),
    ({"dependencies": {"a": ["b"]}}, {"dependencies": {"a": {"required": ["b"]}}}),
    ({"$ref": "#/definitions/x", "minimum": 9, "definitions": {"x": {"type": "integer"}}}, {"type": "integer"}),
]


@pytest.mark.parametrize("pair", DRAFT_07_PAIRS, ids=str)
def test_draft_07_forms_mean_what_draft_07_says(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert contained({"$schema": DRAFT_07, **pair[0]}, {"$schema": DRAFT_07, **pair[1]}) == []


def test_siblings_of_a_reference_count_since_2019_only() -> None:
    schema = {"$ref": "#/definitions/x", "minimum": 9, "definitions": {"x": {"type": "integer"}}}
    wide = {"type": "integer"}
    assert contained({"$schema": DRAFT_07, **wide}, {"$schema": DRAFT_07, **schema}) == []
    assert contained({"$schema": DRAFT_2020, **wide}, {"$schema": DRAFT_2020, **schema}) != []


def test_draft_04_writes_exclusive_bounds_as_flags() -> None:
    draft_04 = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 2, "exclusiveMinimum": True}
    assert contained(draft_04, {"$schema": DRAFT_07, "exclusiveMinimum": 2}) == []
    assert contained({"$schema": DRAFT_07, "minimum": 2}, draft_04) != []


def test_a_schema_without_a_dialect_is_read_as_the_one_that_fits() -> None:
    assert contained({"items": [{"const": 1}], "additionalItems": False}, {"prefixItems": [{"const": 1}]}) == []
    assert contained({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}) == []


def test_annotations_make_no_difference() -> None:
    plain = {"type": "object", "properties": {"a": {"type": "string"}}}
    spoken = {"title": "T", "type": "object", "properties": {"a": {"type": "string", "description": "d",
              "examples": ["x"], "default": "y", "readOnly": True, "$comment": "c"}}}  # fmt: skip
    assert contained(plain, spoken) == contained(spoken, plain) == []


def test_a_pattern_that_matches_everything_by_mistake_is_not_taken_as_no_constraint() -> None:
    assert [f.code for f in contained({"type": "string"}, {"pattern": "[a-z]*"})] == ["pattern-narrowed"]
    assert contained({"type": "string"}, {"pattern": ".*"}) == []
    assert contained({"type": "string"}, {"pattern": "^[\\s\\S]*$"}) == []


def test_a_pattern_outside_the_regular_part_is_contained_in_itself_only() -> None:
    ahead = {"pattern": "^(?!x)"}
    assert contained(ahead, {**ahead, "minLength": 0}) == []
    assert [f.code for f in contained({"const": "y"}, ahead)] == ["pattern-narrowed"]


def test_an_added_alternative_is_found_and_an_explanation_enters_the_only_candidate() -> None:
    old: dict[str, Any] = {"oneOf": [{"type": "object", "properties": {"a": {"maximum": 9}}}, {"type": "null"}]}
    new = {"oneOf": [{"type": "object", "properties": {"a": {"maximum": 5}}}, {"type": "null"}]}
    (finding,) = contained(old, new)
    assert finding.code == "one-of-narrowed"
    (finding,) = contained(old["oneOf"][0], new)
    assert (finding.code, finding.new_pointer) == ("maximum-lowered", "/oneOf/0/properties/a/maximum")
