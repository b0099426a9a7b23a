"""Schema documents: names across documents, and every mistake with its place and what to do."""

from typing import Any

import pytest

from instar.core.formats.avro import parse_avro
from instar.core.formats.schema import Invalid

ADDRESS = {"type": "record", "name": "Address", "namespace": "geo", "fields": [{"name": "city", "type": "string"}]}
PERSON = {
    "type": "record",
    "name": "geo.Person",
    "fields": [{"name": "home", "type": "Address"}, {"name": "friends", "type": {"type": "array", "items": "Person"}}],
}
NAMED = {"geo.Address": ADDRESS, "geo.Person": PERSON, "geo.Unused": {"type": "broken"}}


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields), **more}


def field(kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": "f", "type": kind, **more}


def invalid(document: Any, named: dict[str, Any] | None = None) -> Invalid:
    with pytest.raises(Invalid) as caught:
        parse_avro(document, named=named or {})
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("document", "where", "words"),
    [
        (5, "", "not 5"),
        (None, "", "not None"),
        ("strin", "", "Did you mean string?"),
        ({}, "", "has no type"),
        ({"type": 5}, "/type", "not 5"),
        ({"type": "recrod", "name": "R"}, "/type", "Did you mean record?"),
        (record(name="1R"), "/name", "'1R' is not a name for this record"),
        (record(name="string"), "/name", "'string' is not a name"),
        (record(namespace="a..b"), "/namespace", "not a namespace"),
        ({"type": "record", "fields": []}, "", "This record has no name"),
        ({"type": "record", "name": "R"}, "", "no list of fields"),
        (record("f"), "/fields/0", "A field is an object"),
        (record({"type": "int"}), "/fields/0", "no name"),
        (record({"name": "a-b", "type": "int"}), "/fields/0/name", "'a-b' is not a field's name"),
        (record({"name": "f"}), "/fields/0", "The field f has no type"),
        (record(field("int"), field("int")), "/fields/1", "two fields named f"),
        (record(field("int", order="up")), "/fields/0/order", "not a sort order"),
        (record(field("int", aliases="g")), "/fields/0/aliases", "list of names"),
        (record(field("int", aliases=["g", "a b"])), "/fields/0/aliases/1", "'a b' is not a name"),
        (record(field({"type": "array"})), "/fields/0/type", "This array has no items"),
        (record(field({"type": "map", "values": "x"})), "/fields/0/type/values", "no type x"),
        ({"type": "enum", "name": "E"}, "", "no symbols"),
        ({"type": "enum", "name": "E", "symbols": ["A", "A"]}, "/symbols/1", "lists A twice"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B C"]}, "/symbols/1", "'B C' is not a name"),
        ({"type": "enum", "name": "E", "symbols": ["OPEN"], "default": "OPNE"}, "/default", "Did you mean OPEN?"),
        ({"type": "fixed", "name": "F"}, "", "needs a size"),
        ({"type": "fixed", "name": "F", "size": -1}, "/size", "needs a size"),
        ({"type": "fixed", "name": "F", "size": True}, "/size", "needs a size"),
        ([], "", "at least one type"),
        (["int", "int"], "/1", "int twice"),
        (["int", {"type": "int", "logicalType": "date"}], "/1", "int twice"),
        ([{"type": "map", "values": "int"}, {"type": "map", "values": "string"}], "/1", "map twice"),
        (["null", ["int"]], "/1", "may not hold a union"),
        (record(field(["null", "R", "R"])), "/fields/0/type/2", "R twice"),
        ({"type": "bytes", "logicalType": "decimal"}, "", "needs a precision"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 0}, "/precision", "needs a precision"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 10**9}, "/precision", "needs a precision"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}, "/scale", "here 2"),
        (
            {"type": "fixed", "name": "F", "size": 1, "logicalType": "decimal", "precision": 3},
            "/precision",
            "does not fit into the 1 bytes",
        ),
        ({"type": {"type": "long"}, "logicalType": "date"}, "/logicalType", "outside of the type"),
        (record(field("R")), "", "always holds another of its own kind"),
        (record(field(record(field("R"), name="S"))), "", "no value of it can end"),
        (record(field("S"), {"name": "g", "type": record(name="S")}), "/fields/0/type", "no type S"),
        (record(field(record())), "/fields/0/type", "R is defined twice (first at the top)"),
    ],
)
def test_a_mistake_is_named_with_its_place(document: Any, where: str, words: str) -> None:
    found = invalid(document)
    assert words in str(found)
    assert found.where == where


@pytest.mark.parametrize(
    ("kind", "default", "words"),
    [
        ("null", 0, "not null"),
        ("boolean", 0, "not true or false"),
        ("int", "1", "whole number of 32 bits"),
        ("int", 2**31, "whole number of 32 bits"),
        ("int", True, "whole number of 32 bits"),
        ("int", 1.0, "whole number of 32 bits"),
        ("long", 2**63, "whole number of 64 bits"),
        ("float", 1e300, "too large for a float"),
        ("double", 10**400, "too large for a double"),
        ("double", "1.0", "not a number"),
        ("string", 5, "not a string"),
        ("string", "\ud800", "surrogate"),
        ("bytes", "\u0100", "beyond U+00FF"),
        (["null", "int"], "x", "fits none of the union's types"),
        ({"type": "array", "items": "int"}, ["x"], "whole number"),
        ({"type": "array", "items": "int"}, {}, "not an array"),
        ({"type": "map", "values": "int"}, [], "not an object"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "B", "not one of the symbols A"),
        ({"type": "fixed", "name": "F", "size": 2}, "a", "has 1 bytes, not 2"),
        (ADDRESS, {}, "the field city of geo.Address is missing"),
        (ADDRESS, {"city": "x", "zip": 1}, "geo.Address has no field zip"),
        ({"type": "int", "logicalType": "time-millis"}, -1, "not a time within a day"),
        ({"type": "string", "logicalType": "uuid"}, "x", "not a UUID"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 1}, "\u007f", "more than 1 digits"),
    ],
)
def test_a_default_has_its_field_s_type(kind: Any, default: Any, words: str) -> None:
    found = invalid(record(field(kind, default=default)))
    assert found.where == "/fields/0/default"
    assert words in str(found)


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        ("float", 0.1),
        ("double", 1),
        ("double", "NaN"),
        ("bytes", "\u00ff\u0000"),
        (["null", "int"], None),
        (["null", "int"], 5),  # any branch since 1.12
        (["int", "null"], None),
        ({"type": "array", "items": "int"}, []),
        (ADDRESS, {"city": "x"}),
        ({"type": "long", "logicalType": "timestamp-micros"}, 0),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "\u0000"),
    ],
)
def test_defaults_of_every_type_are_read(kind: Any, default: Any) -> None:
    parse_avro(record(field(kind, default=default)))


def test_what_the_specification_ignores_is_ignored() -> None:
    kind = {"type": "string", "logicalType": "timestamp-micros", "avro.java.string": "String"}
    schema = parse_avro(record(field(kind, doc="why", color="red"), doc="what", version=3))
    assert schema.problem({"f": "text"}) is None


def test_named_types_come_from_other_documents_and_only_those_that_are_needed() -> None:
    schema = parse_avro(record(field("geo.Person")), named=NAMED)
    value = {"f": {"home": {"city": "Berlin"}, "friends": [{"home": {"city": "Bonn"}, "friends": []}]}}
    assert schema.problem(value) is None
    assert "Unused" not in schema.canonical
    inline = {**PERSON, "fields": [{"name": "home", "type": ADDRESS}, PERSON["fields"][1]]}
    assert parse_avro(record(field(inline))).canonical == schema.canonical


def test_two_documents_may_refer_to_each_other() -> None:
    person = {"type": "record", "name": "Person", "fields": [{"name": "pet", "type": ["null", "Pet"]}]}
    pet = {"type": "record", "name": "Pet", "fields": [{"name": "owner", "type": "Person"}]}
    schema = parse_avro("Person", named={"Person": person, "Pet": pet})
    assert schema.problem({"pet": {"owner": {"pet": None}}}) is None


def test_a_mistake_in_another_document_says_which() -> None:
    broken = {"type": "record", "name": "geo.Broken", "fields": [{"name": "x", "type": "itn"}]}
    found = invalid(record(field("geo.Broken")), {"geo.Broken": broken})
    assert found.where == "geo.Broken#/fields/0/type"
    assert "Did you mean int?" in str(found)
    assert invalid("geo.A", {"geo.A": ["int"]}).where == ""
    assert invalid("geo.A", {"geo.A": ADDRESS}).where == "geo.A#/name"


def test_an_unknown_name_offers_the_nearest_of_the_other_documents() -> None:
    assert "Did you mean geo.Address?" in str(invalid(record(field("geo.Adress")), NAMED))


def test_a_short_name_lies_in_the_namespace_around_it_or_in_none() -> None:
    inner = {"type": "enum", "name": "Color", "symbols": ["RED"]}
    schema = parse_avro(
        record(field(inner), {"name": "g", "type": "Color"}, {"name": "h", "type": "shop.Color"}, namespace="shop")
    )
    assert schema.problem({"f": "RED", "g": "RED", "h": "RED"}) is None
    outside = parse_avro(record(field("Color"), namespace="shop"), named={"Color": inner})
    assert outside.problem({"f": "RED"}) is None


def test_a_schema_that_is_nested_too_deeply_is_refused_and_does_not_crash() -> None:
    document: Any = "int"
    for _ in range(5000):
        document = {"type": "array", "items": document}
    assert "nested deeper" in str(invalid(document))


def test_a_default_that_never_ends_is_refused() -> None:
    loop = record(field(["R", "null"], default={}))
    assert "nested too deeply" in str(invalid(loop))
