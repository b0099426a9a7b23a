"""JSON Schema as a format: what is valid, what is said when it is not, and what a reference may reach."""

import copy
import json
from decimal import Decimal
from random import Random
from typing import Any, ClassVar

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.json_schemas import DRAFT_07, JSON_VALUES, SCHEMAS, record

from instar.core.formats.json_schema import JsonSchema, parse_json
from instar.core.formats.schema import Invalid, Schema
from instar.core.rejected import Rejected

PARSED = {name: parse_json(schema) for name, schema in SCHEMAS.items()}
JUDGES = {
    name: (jsonschema.Draft7Validator if "$schema" in schema else jsonschema.Draft202012Validator)(schema)
    for name, schema in SCHEMAS.items()
}


def rejected_by(schema: JsonSchema, value: Any) -> Rejected:
    rejected = schema.problem(value)
    assert rejected is not None
    return rejected


def invalid(document: Any, **arguments: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse_json(document, **arguments)
    return caught.value


def spoilt(value: Any, random: Random, other: Any) -> Any:
    """The value with one part of it replaced, removed or added."""
    value = copy.deepcopy(value)
    if isinstance(value, dict) and value and random.random() < 0.9:
        name = random.choice(sorted(value))
        action = random.randrange(4)
        if action == 0:
            del value[name]
        elif action == 1:
            value[name + "x"] = other
        else:
            value[name] = spoilt(value[name], random, other)
        return value
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        value[at] = spoilt(value[at], random, other)
        return value
    return other


def test_it_is_a_schema_as_the_protocol_says() -> None:
    schema: Schema = PARSED["order"]
    assert schema.kind == "json"


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), other=JSON_VALUES)
def test_validity_is_what_the_reference_implementation_says(name: str, seed: int, other: Any) -> None:
    random = Random(seed)
    for value in (other, spoilt(PARSED[name].sample(random), random, other)):
        assert (PARSED[name].problem(value) is None) == JUDGES[name].is_valid(value), value


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_encoded_decodes_to_the_same_value(name: str, seed: int) -> None:
    value = PARSED[name].sample(Random(seed))
    data = PARSED[name].encode(value)
    assert isinstance(data, bytes)
    assert repr(PARSED[name].decode(data)) == repr(value)


@given(st.binary())
def test_random_bytes_never_raise(data: bytes) -> None:
    decoded = PARSED["order"].decode(data)
    assert isinstance(decoded, Rejected)


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"id": 5}, "id", "id is an integer; the schema expects a string."),
        ({"status": "LOST"}, "status", "status is not one of the allowed values: 'NEW', 'PAID', 'SENT'."),
        ({"coupon": "SECRET-CODE"}, "coupon", "coupon is longer than 8 characters."),
        ({"items": []}, "items", "items has 0 elements, fewer than 1."),
        ({"items": [{"sku": "AB-1", "qty": 0}]}, "items[0].qty", "items[0].qty is below the minimum 1."),
        ({"items": [{"sku": "AB-1"}]}, "items[0].qty", "items[0].qty is required and absent."),
        (
            {"items": [{"sku": "SECRET", "qty": 1}]},
            "items[0].sku",
            "items[0].sku does not match the pattern '^[A-Z]{2}-[0-9]{1,4}$'.",
        ),
        (
            {"items": [{"sku": "AB-1", "qty": 1, "x": 1}]},
            "items[0].x",
            "items[0].x is not a field of the schema.",
        ),
        (
            {"attributes": {"a b": 1}},
            'attributes["a b"]',
            'attributes["a b"] is an integer; the schema expects a string.',
        ),
    ],
)
def test_a_problem_names_the_field_and_the_rule_and_not_the_value(change: Any, path: str, message: str) -> None:
    value = {"id": "x", "status": "NEW", "items": [{"sku": "AB-1", "qty": 1}], **change}
    rejected = rejected_by(PARSED["order"], value)
    assert (rejected.code, rejected.path, rejected.message) == ("hop-output-invalid", path, message)
    decoded = PARSED["order"].decode(json.dumps(value).encode())
    assert isinstance(decoded, Rejected)
    assert (decoded.code, decoded.path, decoded.message) == ("invalid-input", path, message)


def test_a_problem_inside_a_nullable_part_is_told_from_inside() -> None:
    rejected = rejected_by(PARSED["list"], {"head": {"next": {"value": "SECRET"}}})
    assert rejected.path == "head.next.value"
    assert rejected.message == "head.next.value is a string; the schema expects a number."


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(SCHEMAS)), seed=st.integers(0, 2**32))
def test_no_message_holds_the_payload(name: str, seed: int) -> None:
    random = Random(seed)
    value = spoilt(PARSED[name].sample(random), random, "s3cr3t-payl04d")
    rejected = PARSED[name].problem(value)
    if rejected is not None:
        assert "s3cr3t" not in rejected.message


def test_a_value_that_is_not_json_is_a_problem_where_anything_is_allowed() -> None:
    schema = parse_json(record(any={}))
    assert rejected_by(schema, {"any": b"raw"}).path == "any"
    assert rejected_by(schema, {"any": [float("nan")]}).path == "any[0]"
    assert schema.problem({"any": [2**70, Decimal("0.10")]}) is None


def test_format_is_an_annotation_in_both_dialects() -> None:
    for dialect in ({}, {"$schema": DRAFT_07}):
        schema = parse_json({**dialect, **record(day={"type": "string", "format": "date"})})
        assert schema.problem({"day": "someday"}) is None


class TestUnknownFields:
    DOCUMENT: ClassVar = {
        "allOf": [{"$ref": "#/$defs/base"}],
        **record(
            items={"type": "array", "items": record(sku={})},
            free={"type": "object"},
            extensible={**record(a={}), "additionalProperties": True},
            way={"anyOf": [record(card={}), record(cash={})]},
        ),
        "$defs": {"base": record(id={})},
    }
    KNOWN: ClassVar = {
        "id": 1,
        "items": [{"sku": {"deep": 1}}],
        "free": {"x": 1},
        "extensible": {"b": 2},
        "way": {"cash": 1},
    }

    def test_they_are_kept_unless_the_subject_says_reject(self) -> None:
        value = {**self.KNOWN, "new": 1}
        kept = parse_json(self.DOCUMENT)
        assert kept.problem(value) is None
        assert kept.decode(json.dumps(value).encode()) == value

    def test_fields_that_any_part_of_the_schema_names_are_known(self) -> None:
        assert parse_json(self.DOCUMENT, unknown="reject").problem(self.KNOWN) is None

    def test_samples_have_none(self) -> None:
        document = {**record(a={}), "required": ["b"], "propertyNames": {"maxLength": 1}}
        schema = parse_json(document, unknown="reject")
        for seed in range(50):
            assert schema.problem(schema.sample(Random(seed))) is None
        assert rejected_by(schema, {"b": 1, "c": 1}).path == "c"

    @pytest.mark.parametrize(
        ("change", "path"),
        [({"new": 1}, "new"), ({"items": [{}, {"size": 1}]}, "items[1].size"), ({"way": {"coin": 1}}, "way.coin")],
    )
    def test_with_reject_a_field_that_no_part_names_is_a_problem(self, change: Any, path: str) -> None:
        schema = parse_json(self.DOCUMENT, unknown="reject")
        value = {**self.KNOWN, **change}
        rejected = rejected_by(schema, value)
        assert rejected.path == path
        assert rejected.message == f'{path} is not a field of the schema, and the subject says unknown = "reject".'
        decoded = schema.decode(json.dumps(value).encode())
        assert isinstance(decoded, Rejected)
        assert decoded.code == "invalid-input"


class TestReferences:
    def test_a_relative_reference_reaches_the_folder_from_the_referring_file(self) -> None:
        schema = parse_json(
            record(user={"$ref": "common/user.json"}),
            resources={
                "common/user.json": record(team={"$ref": "team.json#/$defs/name"}, home={"$ref": "../place.json"}),
                "common/team.json": {"$defs": {"name": {"type": "string"}}},
                "place.json": {"type": "integer"},
            },
        )
        assert schema.problem({"user": {"team": "a", "home": 1}}) is None
        assert rejected_by(schema, {"user": {"team": 1}}).path == "user.team"
        assert rejected_by(schema, {"user": {"home": "x"}}).path == "user.home"

    def test_ids_anchors_and_escaped_pointers_are_followed(self) -> None:
        schema = parse_json(
            {
                "$id": "https://schemas.example/orders/v1.json",
                **record(
                    a={"$ref": "#spot"},
                    b={"$ref": "https://schemas.example/orders/part.json"},
                    c={"$ref": "#/$defs/x~1y%25"},
                    d={"$ref": "other.json"},
                ),
                "$defs": {
                    "s": {"$anchor": "spot", "type": "integer"},
                    "p": {"$id": "part.json", "type": "boolean"},
                    "x/y%": {"type": "null"},
                },
            },
            resources={"other.json": {"$id": "https://schemas.example/orders/other.json", "type": "string"}},
        )
        assert schema.problem({"a": 1, "b": True, "c": None, "d": "x"}) is None
        for name in "abcd":
            assert rejected_by(schema, {name: []}).path == name

    def test_a_document_may_be_known_by_an_absolute_uri(self) -> None:
        uri = "https://schemas.example/shared/user.json"
        schema = parse_json(
            record(a={"$ref": uri}, b={"$ref": f"{uri}#/$defs/x"}, c={"$ref": "urn:team"}),
            resources={uri: {"type": "string", "$defs": {"x": {"$ref": "#"}}}, "urn:team": {"type": "integer"}},
        )
        assert schema.problem({"a": "x", "b": "y", "c": 1}) is None
        for name in "abc":
            assert rejected_by(schema, {name: []}).path == name

    @pytest.mark.parametrize(
        ("reference", "said"),
        [
            ("missing.json", "which is not in the schema's folder"),
            ("sub/../missing.json", "'missing.json'"),
            ("../up.json", "leaves the schema's folder"),
            ("../../../../../../../../../../../etc/passwd", "leaves the schema's folder"),
            ("/etc/passwd", "leaves the schema's folder"),
            ("file:///etc/passwd", "leaves the schema's folder"),
            ("https://schemas.example/x.json", "leaves the schema's folder"),
            ("#/$defs/none", "points to nothing"),
            ("#none", "points to nothing"),
            ("there.json#/properties/none", "points to nothing"),
            ("there.json#/required", "points to nothing"),
        ],
    )
    def test_a_reference_that_leads_nowhere_names_itself_and_its_place(self, reference: str, said: str) -> None:
        error = invalid(record(a={"items": {"$ref": reference}}), resources={"there.json": {"required": ["a"]}})
        assert repr(reference) in str(error)
        assert said in str(error)
        assert error.where == "/properties/a/items"
        assert error.remedy

    def test_a_broken_reference_in_a_referred_file_names_that_file(self) -> None:
        error = invalid({"$ref": "a.json"}, resources={"a.json": record(x={"$ref": "b.json"})})
        assert error.where == "a.json#/properties/x"

    def test_a_broken_reference_in_an_unused_definition_is_found(self) -> None:
        assert invalid({"$defs": {"old": {"$ref": "gone.json"}}}).where == "/$defs/old"

    def test_references_in_a_circle_with_nothing_between_are_refused(self) -> None:
        error = invalid({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}})
        assert "leads back to itself" in str(error)

    def test_a_reference_inside_data_is_data(self) -> None:
        schema = parse_json(record(a={"const": {"$ref": "nowhere.json"}}))
        assert schema.problem({"a": {"$ref": "nowhere.json"}}) is None


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ([], ""),
        ("text", ""),
        (None, ""),
        (record(a={"type": "strng"}), "/properties/a/type"),
        (record(a={"minimum": "1"}), "/properties/a/minimum"),
        (record(a={"type": "string", "pattern": "("}), "/properties/a/pattern"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "/$schema"),
        ({"$schema": 7}, "/$schema"),
        (record(a={"$dynamicRef": "#x"}), "/properties/a"),
    ],
)
def test_a_document_that_is_no_schema_says_where(document: Any, where: str) -> None:
    error = invalid(document)
    assert error.where == where
    assert error.remedy


def test_a_schema_nested_without_measure_is_refused() -> None:
    document: dict[str, Any] = {}
    for _ in range(150):
        document = record(a=document)
    assert "nested deeper" in str(invalid(document))


def test_two_dialects_do_not_mix() -> None:
    error = invalid({"$ref": "a.json"}, resources={"a.json": {"$schema": DRAFT_07}})
    assert error.where == "a.json#/$schema"
