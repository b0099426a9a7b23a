"""How a JSON Schema reads as a shape."""

from typing import Any

import pytest
from tests.support.json_schemas import DRAFT_07, record

from instar.core.formats.json_schema import parse_json
from instar.core.formats.shape import (
    NULL,
    Array,
    Enum,
    Field,
    Map,
    Object,
    Opaque,
    Ref,
    Scalar,
    Shape,
    Union,
)

STRING = Scalar("string")
INTEGER = Scalar("integer")


def shape(document: Any) -> Shape:
    return parse_json(document).shape


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"type": "string"}, STRING),
        ({"type": "string", "format": "date-time"}, Scalar("string", "date-time")),
        (
            {"type": "string", "maxLength": 3, "pattern": "^a", "title": "ignored"},
            Scalar("string", None, (("maxLength", 3), ("pattern", "^a"))),
        ),
        ({"type": "integer", "minimum": 1}, Scalar("integer", None, (("minimum", 1),))),
        ({"type": ["string", "null"]}, Union((STRING, NULL))),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, Union((NULL, INTEGER))),
        ({"oneOf": [{"type": "string"}, {"type": ["integer", "null"]}]}, Union((STRING, INTEGER, NULL))),
        (
            {"type": "string", "oneOf": [{"maxLength": 1}, {"type": "null"}]},
            Scalar("string", None, (("maxLength", 1),)),
        ),
        ({"enum": ["a", 1]}, Enum(("a", 1))),
        ({"const": "a"}, Enum(("a",))),
        ({"const": None}, NULL),
        ({"type": ["string", "null"], "enum": ["a", None]}, Union((Enum(("a",)), NULL))),
        ({"type": "string", "enum": ["a", None, 5]}, Enum(("a",))),
        ({"enum": ["a", "abc"], "maxLength": 2}, Enum(("a",))),
        ({"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}]}, Enum(("a", "b"))),
        ({"type": "array", "items": {"type": "string"}}, Array(STRING)),
        ({"type": "array", "minItems": 1}, Array(Opaque("true"), (("minItems", 1),))),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, Map(INTEGER)),
        (
            {"type": "object", "patternProperties": {"^x": {"type": "string"}}, "additionalProperties": False},
            Map(STRING, (("patternProperties", '{"patternProperties":{"^x":{"type":"string"}}}'),)),
        ),
        ({"type": "object"}, Object(open=True)),
        ({"type": "object", "additionalProperties": False}, Object()),
        ({}, Opaque("true")),
        (True, Opaque("true")),
        ({"minLength": 2}, Opaque('{"minLength":2}')),
        ({"not": {"type": "null"}}, Opaque('{"not":{"type":"null"}}')),
        ({"type": "array", "prefixItems": [True]}, Opaque('{"prefixItems":[true],"type":"array"}')),
    ],
)
def test_a_node_reads_as(node: Any, expected: Shape) -> None:
    read = shape(record(x=node))
    assert isinstance(read, Object)
    assert read.fields["x"].shape == expected


def test_fields_keep_their_order_their_default_and_whether_they_are_required() -> None:
    read = shape({**record(b={"type": "string", "default": "x"}, a={"type": "integer"}), "required": ["a", "c"]})
    assert read == Object(
        {"b": Field(STRING, False, "x"), "a": Field(INTEGER), "c": Field(Opaque("true"))},
        open=True,
    )
    assert isinstance(read, Object)
    assert list(read.fields) == ["b", "a", "c"]


def test_a_default_is_found_behind_a_reference_and_beside_it() -> None:
    definitions = {"t": {"type": "string", "default": "there"}}
    read = shape({**record(a={"$ref": "#/$defs/t"}, b={"$ref": "#/$defs/t", "default": "here"}), "$defs": definitions})
    assert isinstance(read, Object)
    assert [each.default for each in read.fields.values()] == ["there", "here"]


def test_all_of_is_one_object() -> None:
    read = shape(
        {
            "allOf": [{"$ref": "#/$defs/base"}, {**record(name={"type": "string"}), "required": ["name"]}],
            **record(id={"minimum": 1}),
            "$defs": {"base": {**record(id={"type": "integer"}), "required": ["id"]}},
        }
    )
    expected_id = Scalar("integer", None, (("minimum", 1),))
    assert read == Object({"id": Field(expected_id), "name": Field(STRING)}, open=True)


def test_a_part_that_is_shut_shuts_out_the_fields_of_the_others() -> None:
    shut = {**record(a={"type": "integer"}), "additionalProperties": False}
    assert shape({"allOf": [shut, record(b={"type": "string"})]}) == Object({"a": Field(INTEGER, False)})


def test_unevaluated_properties_shut_an_object() -> None:
    document = {"allOf": [record(a={"type": "integer"})], "type": "object", "unevaluatedProperties": False}
    read = shape(document)
    assert isinstance(read, Object)
    assert not read.open


def test_alternatives_beside_properties_stay_a_constraint() -> None:
    read = shape({**record(a={"type": "integer"}), "oneOf": [{"required": ["a"]}, {"required": ["b"]}]})
    assert isinstance(read, Object)
    assert read.constraints == (("oneOf", '{"oneOf":[{"required":["a"]},{"required":["b"]}]}'),)


def test_draft_07_ignores_what_stands_beside_a_reference() -> None:
    for dialect, expected in ((DRAFT_07, STRING), (None, Scalar("string", None, (("maxLength", 1),)))):
        document = {**record(a={"$ref": "#/definitions/t", "maxLength": 1}), "definitions": {"t": {"type": "string"}}}
        read = shape({"$schema": dialect, **document} if dialect else document)
        assert isinstance(read, Object)
        assert read.fields["a"].shape == expected


class TestRecursion:
    def test_an_object_refers_back_by_name(self) -> None:
        read = shape(record(kids={"type": "array", "items": {"$ref": "#"}}))
        assert read == Object({"kids": Field(Array(Ref("root")), False)}, name="root", open=True)

    def test_an_object_or_null_refers_back_as_object_or_null(self) -> None:
        node = {"anyOf": [{"type": "null"}, record(next={"$ref": "#/$defs/node"})]}
        read = shape({**record(head={"$ref": "#/$defs/node"}), "$defs": {"node": node}})
        back = Union((NULL, Ref("node")))
        inner = Object({"next": Field(back, False)}, name="node", open=True)
        assert read == Object({"head": Field(Union((NULL, inner)), False)}, open=True)

    def test_only_the_recursive_definition_is_named(self) -> None:
        definitions = {
            "a": record(b={"$ref": "#/$defs/b"}),
            "b": record(a={"$ref": "#/$defs/a"}, c={"$ref": "#/$defs/c"}),
        }
        read = shape({"$ref": "#/$defs/a", "$defs": {**definitions, "c": record()}})
        plain = Object({"a": Field(Ref("a"), False), "c": Field(Object(open=True), False)}, open=True)
        assert read == Object({"b": Field(plain, False)}, name="a", open=True)

    def test_anything_else_that_recurs_is_opaque_with_all_its_rules(self) -> None:
        read = shape({"type": "array", "items": {"$ref": "#"}})
        assert isinstance(read, Array)
        assert isinstance(read.items, Opaque)
        assert '"$defs"' in read.items.text

    @pytest.mark.parametrize(
        "document",
        [
            {"allOf": [{"$ref": "#"}]},
            record(a={"allOf": [{"$ref": "#"}, {"minProperties": 1}]}),
            {
                "anyOf": [{"$ref": "#/$defs/x"}, {"type": "null"}],
                "$defs": {"x": {"oneOf": [{"$ref": "#"}, {"type": "string"}]}},
            },
        ],
    )
    def test_no_circle_keeps_the_reading_from_ending(self, document: Any) -> None:
        assert shape(document) is not None


def test_opaque_parts_differ_when_what_they_refer_to_differs() -> None:
    def document(kind: str) -> dict[str, Any]:
        return {**record(a={"not": {"$ref": "#/$defs/t"}}), "$defs": {"t": {"type": kind}}}

    assert shape(document("string")) != shape(document("integer"))
    assert shape(document("string")) == shape(document("string"))
