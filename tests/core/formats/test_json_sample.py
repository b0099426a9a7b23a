"""Samples of a JSON Schema: valid, the same for the same seed, and of every kind."""

import re
from collections.abc import Iterator
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.json_schemas import SCHEMAS, record

from instar.core.formats.json_pattern import Unreadable, pattern_draw
from instar.core.formats.json_sample import NoSample
from instar.core.formats.json_schema import parse_json

PARSED = {name: parse_json(schema) for name, schema in SCHEMAS.items()}
JUDGES = {
    name: (jsonschema.Draft7Validator if "$schema" in schema else jsonschema.Draft202012Validator)(schema)
    for name, schema in SCHEMAS.items()
}


def samples(document: Any, count: int = 200) -> list[Any]:
    schema = parse_json(document)
    return [schema.sample(Random(seed)) for seed in range(count)]


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_sample_is_valid_also_for_the_reference_implementation(name: str, seed: int) -> None:
    value = PARSED[name].sample(Random(seed))
    assert PARSED[name].problem(value) is None
    assert JUDGES[name].is_valid(value), value


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_same_seed_gives_the_same_sample(name: str) -> None:
    again = parse_json(SCHEMAS[name])
    for seed in range(20):
        assert repr(PARSED[name].sample(Random(seed))) == repr(again.sample(Random(seed)))


def test_every_optional_field_symbol_and_branch_occurs_and_is_missing() -> None:
    drawn = [PARSED["order"].sample(Random(seed)) for seed in range(200)]
    for name in ("placed", "channel", "coupon", "attributes"):
        assert {name in value for value in drawn} == {True, False}
    assert {value["status"] for value in drawn} == {"NEW", "PAID", "SENT"}
    assert {type(value["coupon"]) for value in drawn if "coupon" in value} == {str, type(None)}
    assert {len(value["items"]) == 1 for value in drawn} == {True, False}
    kinds = [PARSED["one of"].sample(Random(seed))["kind"] for seed in range(50)]
    assert set(kinds) == {"card", "cash"}
    countries = [PARSED["condition"].sample(Random(seed))["country"] for seed in range(50)]
    assert set(countries) == {"GB", "US"}


def test_numbers_reach_both_ends_of_what_is_allowed() -> None:
    drawn = [
        value["percent"]
        for value in (PARSED["numbers"].sample(Random(seed)) for seed in range(400))
        if "percent" in value
    ]
    assert {0, 100} <= set(drawn)
    assert len(set(drawn)) > 20


def test_texts_have_edge_cases() -> None:
    drawn = {value.get("a") for value in samples(record(a={"type": "string"}), 400)}
    assert {"", "😀", "null", "\u0000"} <= drawn
    longest = samples({"type": "string", "minLength": 300, "maxLength": 310}, 50)
    assert {300, 310} <= {len(text) for text in longest}


def test_recursion_ends() -> None:
    depths = [depth_of(value) for value in (PARSED["tree"].sample(Random(seed)) for seed in range(100))]
    assert min(depths) == 1
    assert 3 <= max(depths) <= 12


def depth_of(value: Any) -> int:
    return 1 + max((depth_of(kid) for kid in value.get("kids", ())), default=0)


@pytest.mark.parametrize(
    "name",
    [
        "date-time",
        "date",
        "time",
        "email",
        "uuid",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "json-pointer",
        "regex",
        "hostname",
        "duration",
    ],
)
def test_formats_are_honoured(name: str) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    drawn = samples({"type": "string", "format": name}, 60)
    assert len(set(drawn)) > 2
    for text in drawn:
        checker.check(text, name)  # a format that the package has no check for on this machine passes


@pytest.mark.parametrize(
    "pattern",
    [
        "^[A-Z]{3}-\\d{4}$",
        "^(?:red|green|blue)$",
        "^#[0-9a-fA-F]{6}$|^rgb\\(\\d{1,3}\\)$",
        "^[^\\s@]+@[^\\s@]+\\.[a-z]{2,}$",
        "foo",
        "^\\w+(\\.\\w+)*$",
        "^\\u0041\\x42[\\]\\-a]+?$",
        "^(?!x)[a-z]+$",
        "^v?\\d+\\.\\d+(-[\\w.]+)?$",
        "^$",
        "^.{1,5}$",
    ],
)
def test_patterns_are_drawn_from(pattern: str) -> None:
    drawn = samples({"type": "string", "pattern": pattern}, 60)
    assert all(re.search(pattern, text) for text in drawn)


@pytest.mark.parametrize(
    "pattern", ["(a", "a)", "[", "*", "a\\", "\\1", "\\p{Greek}", "(?i)a", "a{9,2}", "[z-a]", "\\ud800"]
)
def test_a_pattern_that_is_not_read_is_told(pattern: str) -> None:
    with pytest.raises(Unreadable):
        pattern_draw(pattern)


@settings(deadline=None)
@given(st.text(alphabet="ab01[](){}*+?|^$\\.-,dwspu<:=!xc", max_size=12), st.integers(0, 99))
def test_any_text_as_a_pattern_is_drawn_from_or_told(pattern: str, seed: int) -> None:
    try:
        draw = pattern_draw(pattern)
    except Unreadable:
        return
    draw(Random(seed)).encode()


def impossible() -> Iterator[Any]:
    yield False
    yield {"enum": []}
    yield {"type": "string", "enum": [1, None]}
    yield {**record(a=False), "required": ["a"]}
    yield {"type": "string", "minLength": 3, "maxLength": 2}
    yield {"type": "string", "minLength": 10**9}
    yield {"type": "number", "minimum": 10**400, "maximum": 10**400 + 1, "not": {"type": "integer"}}
    yield {"type": "integer", "minimum": 3, "maximum": 2}
    yield {"allOf": [{"type": "string"}, {"type": "integer"}]}
    yield {"type": "string", "pattern": "^(a|b)\\1$"}
    yield {"allOf": [{"$ref": "#"}]}
    yield {**record(a={"$ref": "#"}), "required": ["a"]}


@pytest.mark.parametrize("document", list(impossible()))
def test_where_no_sample_is_found_it_says_so(document: Any) -> None:
    with pytest.raises(NoSample, match="No valid sample was found"):
        parse_json(document).sample(Random(1))


def test_a_value_without_measure_is_given_up() -> None:
    definitions: dict[str, Any] = {
        f"d{at}": {**record(x={"$ref": f"#/$defs/d{at + 1}"}, y={"$ref": f"#/$defs/d{at + 1}"}), "required": ["x", "y"]}
        for at in range(40)
    }
    document = {"$ref": "#/$defs/d0", "$defs": {**definitions, "d40": {"type": "null"}}}
    with pytest.raises(NoSample, match="without end"):
        parse_json(document).sample(Random(1))
