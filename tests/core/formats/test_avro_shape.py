"""The shape says everything that operations need to know of an Avro schema."""

import pytest

from instar.core.formats.avro import parse_avro
from instar.core.formats.shape import MISSING, NULL, Array, Enum, Field, Map, Object, Ref, Scalar, Union


def test_every_kind_of_type_has_its_shape() -> None:
    document = {
        "type": "record",
        "name": "shop.R",
        "fields": [
            {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}, "aliases": ["when"]},
            {"name": "ids", "type": {"type": "array", "items": "long"}, "default": []},
            {"name": "tags", "type": {"type": "map", "values": ["null", "string"]}},
            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"], "default": "A"}},
            {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 16}},
            {"name": "again", "type": ["null", "Kind"], "default": None},
        ],
    }
    kind = Enum(("A", "B"), "shop.Kind", "A")
    assert parse_avro(document).shape == Object(
        {
            "price": Field(Scalar("bytes", "decimal", (("precision", 9), ("scale", 2)))),
            "at": Field(Scalar("long", "timestamp-micros"), aliases=("when",)),
            "ids": Field(Array(Scalar("long")), default=[]),
            "tags": Field(Map(Union((NULL, Scalar("string"))))),
            "kind": Field(kind),
            "hash": Field(Scalar("fixed", None, (("size", 16),), "shop.Hash")),
            "again": Field(Union((NULL, kind)), default=None),
        },
        "shop.R",
    )


def test_a_logical_type_that_means_nothing_where_it_stands_is_left_out() -> None:
    assert parse_avro({"type": "string", "logicalType": "timestamp-micros"}).shape == Scalar("string")
    assert parse_avro({"type": "long", "logicalType": "timestamp-nanos"}).shape == Scalar("long", "timestamp-nanos")


def test_a_field_without_default_says_so() -> None:
    shape = parse_avro({"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}).shape
    assert isinstance(shape, Object)
    assert shape.fields["a"].default is MISSING


def test_a_record_within_itself_refers_back_and_only_there() -> None:
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    document = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "a", "type": node}, {"name": "b", "type": "Node"}, {"name": "c", "type": ["null", "R"]}],
    }
    shape = parse_avro(document).shape
    inner = Object({"next": Field(Union((NULL, Ref("Node"))))}, "Node")
    assert shape == Object({"a": Field(inner), "b": Field(inner), "c": Field(Union((NULL, Ref("R"))))}, "R")


def test_records_that_hold_each_other_refer_to_the_one_around_them() -> None:
    pet = {"type": "record", "name": "Pet", "fields": [{"name": "owner", "type": ["null", "Person"]}]}
    person = {"type": "record", "name": "Person", "fields": [{"name": "pet", "type": ["null", pet]}]}
    document = {"type": "record", "name": "R", "fields": [{"name": "p", "type": person}, {"name": "q", "type": "Pet"}]}
    shape = parse_avro(document).shape
    assert isinstance(shape, Object)
    pet_inside = Object({"owner": Field(Union((NULL, Ref("Person"))))}, "Pet")
    assert shape.fields["p"].shape == Object({"pet": Field(Union((NULL, pet_inside)))}, "Person")
    person_inside = Object({"pet": Field(Union((NULL, Ref("Pet"))))}, "Person")
    assert shape.fields["q"].shape == Object({"owner": Field(Union((NULL, person_inside)))}, "Pet")


@pytest.mark.timeout(10)
def test_types_that_are_used_again_and_again_do_not_multiply() -> None:
    kind: object = "int"
    for level in range(40):
        pair = [{"name": "a", "type": kind}, {"name": "b", "type": f"T{level - 1}" if level else "int"}]
        kind = {"type": "record", "name": f"T{level}", "fields": pair}
    shape = parse_avro(kind).shape
    assert isinstance(shape, Object)
    assert shape.fields["a"].shape is shape.fields["b"].shape
