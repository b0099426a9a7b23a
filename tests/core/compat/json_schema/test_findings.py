"""What a finding says, and what happens to schemas that cannot be judged."""

import string
from typing import Any

import pytest

from instar.core.compat.json_schema import ABSENT, check, contained
from instar.core.compat.json_schema.wording import BY_KEYWORD, SENTENCES


def test_a_finding_names_both_places_both_values_and_a_remedy() -> None:
    old = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}}
    new = {"allOf": [{"properties": {"age": {"minimum": 18}}}]}
    (finding,) = check(old, new)
    assert finding.code == "minimum-raised"
    assert (finding.old_pointer, finding.old_value) == ("/properties/age/minimum", 0)
    assert (finding.new_pointer, finding.new_value) == ("/allOf/0/properties/age/minimum", 18)
    assert finding.message == "The new schema has minimum 18; the old schema has minimum 0."
    assert finding.remedy == "Lower the bound in the new schema or drop it."


def test_a_forward_finding_keeps_old_and_new_apart() -> None:
    (finding,) = check({"maximum": 1}, {"maximum": 2}, mode="forward")
    assert (finding.direction, finding.old_value, finding.new_value) == ("forward", 1, 2)
    assert finding.message == "The old schema has maximum 1; the new schema has maximum 2."


def test_all_differences_are_found_at_once() -> None:
    old = {"properties": {"a": {"type": "string"}, "b": {"items": {"enum": [1, 2]}}, "c": {}}}
    new = {"properties": {"a": {"maxLength": 5}, "b": {"items": {"enum": [1]}}}, "required": ["c"]}
    found = {(f.code, f.new_pointer) for f in check(old, new)}
    assert found == {
        ("max-length-lowered", "/properties/a/maxLength"),
        ("enum-narrowed", "/properties/b/items/enum"),
        ("required-added", "/required"),
    }


def test_a_removed_symbol_is_named() -> None:
    (finding,) = check({"enum": ["red", "green", "blue"]}, {"enum": ["red", "blue"]})
    assert 'may write "green".' in finding.message
    (finding,) = check({"enum": ["red", "green"]}, {"const": "red"})
    assert (finding.old_pointer, finding.new_pointer) == ("/enum", "/const")
    assert 'may write "green".' in finding.message


def test_an_unknown_keyword_fails_closed_on_either_side() -> None:
    for old, new, side in [({}, {"minimun": 1}, "new"), ({"minimun": 1}, {}, "old")]:
        (finding,) = check(old, new)
        assert finding.code == "unknown-keyword"
        assert "'minimun'" in finding.message
        assert (finding.old_pointer, finding.new_pointer) == (("/minimun", "") if side == "old" else ("", "/minimun"))
        assert (finding.old_value, finding.new_value) == ((1, ABSENT) if side == "old" else (ABSENT, 1))


def test_an_unknown_keyword_that_both_sides_share_is_taken_to_mean_the_same() -> None:
    assert check({"x-unit": "m", "minimum": 2}, {"x-unit": "m", "minimum": 1}) == []
    assert {f.code for f in check({"x-unit": "m"}, {"x-unit": "ft"})} == {"unknown-keyword"}
    assert check({"x-unit": "m"}, {"x-unit": "ft"}, annotations=["x-unit"]) == []


def test_an_unknown_keyword_in_a_definition_that_nothing_uses_is_no_concern() -> None:
    assert check({}, {"$defs": {"unused": {"minimun": 1}}}) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"minLength": -1}, {"minLength": "1"}, {"required": "a"}, {"properties": []}, {"type": "str"}, {"enum": 1},
        {"items": 1}, {"anyOf": []}, {"multipleOf": 0}, {"pattern": 1}, {"$ref": 1}, {"minimum": float("nan")},
        {"enum": [float("inf")]}, {"properties": {"a": 1}}, {"dependentRequired": {"a": "b"}}, [], None, "string",
    ],
)  # fmt: skip
def test_a_malformed_schema_is_a_finding_and_never_an_exception(broken: Any) -> None:
    for findings in (contained(broken, {}), contained({}, broken)):
        assert {finding.code for finding in findings} == {"invalid-schema"}


def test_a_dialect_that_is_not_known_is_a_finding() -> None:
    (finding,) = contained({"$schema": "https://example.org/mine"}, {})
    assert finding.code == "unsupported-keyword"


def test_a_comparison_past_its_limits_is_not_proven() -> None:
    old: Any = {"type": "integer"}
    new: Any = {"type": "number"}
    for _ in range(150):
        old, new = {"properties": {"a": old}}, {"properties": {"a": new}}
    codes = {finding.code for finding in contained(old, new)}
    assert codes
    assert codes <= {"too-complex", "not-proven"}


def test_every_code_has_its_sentence_and_every_sentence_its_words() -> None:
    assert set(BY_KEYWORD.values()) <= set(SENTENCES)
    for message, remedy in SENTENCES.values():
        names = {field for _, field, _, _ in string.Formatter().parse(message + remedy) if field}
        assert names <= {"w", "r", "wv", "rv", "wk", "rk", "name", "missing"}
