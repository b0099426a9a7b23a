"""The canonical form of a JSON Schema: one text for one set of rules."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.json_schemas import DRAFT_07, SCHEMAS, record

from instar.core.formats.json_schema import parse_json


def canonical(document: Any, **arguments: Any) -> str:
    return parse_json(document, **arguments).canonical


def shuffled(value: Any, random: Any) -> Any:
    if isinstance(value, dict):
        names = list(value)
        random.shuffle(names)
        return {name: shuffled(value[name], random) for name in names}
    return [shuffled(each, random) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_canonical_form_is_a_schema_with_itself_as_canonical_form(name: str) -> None:
    form = canonical(SCHEMAS[name])
    assert canonical(json.loads(form)) == form


@given(name=st.sampled_from(sorted(SCHEMAS)), random=st.randoms(use_true_random=False))
def test_the_order_of_names_makes_no_difference(name: str, random: Any) -> None:
    assert canonical(shuffled(SCHEMAS[name], random)) == canonical(SCHEMAS[name])


def test_neither_do_files_names_of_definitions_and_annotations() -> None:
    one = {**record(a={"$ref": "#/$defs/word"}, b={"$ref": "#/$defs/word"}), "$defs": {"word": {"type": "string"}}}
    other = {
        "$id": "https://schemas.example/v1.json",
        "title": "A title",
        "description": "and more",
        **record(a={"$ref": "shared/text.json"}, b={"$ref": "shared/text.json#", "$comment": "the same"}),
        "$defs": {"unused": {"type": "null"}},
        "examples": [{}],
    }
    shared = {"shared/text.json": {"type": "string", "description": "a word"}}
    assert canonical(other, resources=shared) == canonical(one)
    assert parse_json(other, resources=shared).fingerprint == parse_json(one).fingerprint


def test_neither_do_orders_without_meaning_and_spellings_of_a_number() -> None:
    one = {
        **record(a={"type": ["null", "string"], "enum": ["x", None]}, b={"type": "number", "minimum": 1}),
        "required": ["a", "b"],
    }
    other = {
        **record(a={"type": ["string", "null"], "enum": [None, "x"]}, b={"type": ["number"], "minimum": 1.0}),
        "required": ["b", "a"],
    }
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    "other",
    [
        record(a={"type": "string", "default": "x"}),
        record(a={"type": "string", "format": "date"}),
        record(a={"type": "string", "maxLength": 1}),
        record(b={"type": "string"}),
        {**record(a={"type": "string"}), "required": ["a"]},
        {**record(a={"type": "string"}), "additionalProperties": False},
        {"$schema": DRAFT_07, **record(a={"type": "string"})},
    ],
)
def test_every_rule_and_default_makes_a_difference(other: Any) -> None:
    assert canonical(other) != canonical(record(a={"type": "string"}))


def test_defaults_that_are_written_differently_differ() -> None:
    assert canonical(record(a={"type": "number", "default": 1})) != canonical(
        record(a={"type": "number", "default": 1.0})
    )


def test_a_recursive_schema_has_a_canonical_form() -> None:
    assert '"$ref":"#"' in canonical(SCHEMAS["tree"])


def test_the_order_of_properties_does_not_name_the_definitions() -> None:
    text, number = {"$ref": "#/$defs/text"}, {"$ref": "#/$defs/number"}
    definitions = {"text": {"type": "string"}, "number": {"type": "number"}}
    one, other = record(a=text, b=number), record(b=number, a=text)
    assert canonical({**one, "$defs": definitions}) == canonical({**other, "$defs": definitions})
