"""The canonical form: one text for all documents that mean the same, different ones for those that do not."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from tests.support.avro_schemas import avro_documents, unhurried

from instar.core.formats.avro import parse_avro

BASE: dict[str, Any] = {
    "type": "record",
    "name": "shop.Order",
    "aliases": ["Purchase"],
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "rate", "type": "double", "default": 1},
        {
            "name": "status",
            "type": {"type": "enum", "name": "Status", "symbols": ["A", "B"], "default": "A"},
            "aliases": ["state"],
        },
        {"name": "note", "type": ["null", "string"], "default": None},
    ],
}


def changed(*path: Any, to: Any) -> Any:
    document = deepcopy(BASE)
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return document


@pytest.mark.parametrize(
    "document",
    [
        changed("doc", to="An order."),
        changed("fields", 0, "type", to={"type": "long"}),
        changed("fields", 0, "type", to={"type": {"type": "long"}}),
        changed("fields", 0, "order", to="ascending"),
        changed("fields", 0, "doc", to="Its number."),
        changed("fields", 0, "type", to={"type": "long", "connect.name": "x"}),
        changed("fields", 2, "default", to=1.0),
        changed("aliases", to=["shop.Purchase", "Purchase"]),
        changed("fields", 3, "type", "name", to="shop.Status"),
        {**dict(reversed(BASE.items())), "name": "Order", "namespace": "shop"},
        changed("fields", 0, "aliases", to=[]),
    ],
)
def test_documents_that_mean_the_same_have_one_fingerprint(document: Any) -> None:
    assert parse_avro(document).canonical == parse_avro(BASE).canonical
    assert parse_avro(document).fingerprint == parse_avro(BASE).fingerprint


@pytest.mark.parametrize(
    "document",
    [
        changed("name", to="shop.Orders"),
        changed("name", to="Order"),
        changed("aliases", to=None),
        changed("fields", 0, "type", to="int"),
        changed("fields", 0, "type", to={"type": "long", "logicalType": "timestamp-micros"}),
        changed("fields", 0, "type", to={"type": "long", "logicalType": "made-up"}),
        changed("fields", 0, "default", to=0),
        changed("fields", 0, "order", to="ignore"),
        changed("fields", 1, "type", "precision", to=10),
        changed("fields", 1, "type", "scale", to=None),
        changed("fields", 1, "type", to="bytes"),
        changed("fields", 2, "default", to=1.5),
        changed("fields", 3, "aliases", to=None),
        changed("fields", 3, "type", "symbols", to=["B", "A"]),
        changed("fields", 3, "type", "default", to=None),
        changed("fields", 4, "type", to=["string", "null"]),
        changed("fields", 4, "default", to=""),
        changed("fields", to=list(reversed(BASE["fields"]))),
    ],
)
def test_documents_that_differ_in_meaning_differ_in_fingerprint(document: Any) -> None:
    assert parse_avro(document).fingerprint != parse_avro(BASE).fingerprint


def test_a_long_is_not_a_timestamp() -> None:
    kinds = ["long", *({"type": "long", "logicalType": f"timestamp-{unit}"} for unit in ("millis", "micros", "nanos"))]
    assert len({parse_avro(kind).fingerprint for kind in kinds}) == 4


def test_the_form_is_what_it_is() -> None:
    # Fingerprints are kept in lock files: whoever changes this text makes every locked schema unknown.
    assert parse_avro(BASE).canonical == (
        '{"type":"record","name":"shop.Order","aliases":["shop.Purchase"],"fields":['
        '{"name":"id","type":"long"},'
        '{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},'
        '{"name":"rate","type":"double","default":1.0},'
        '{"name":"status","type":{"type":"enum","name":"shop.Status","symbols":["A","B"],"default":"A"},'
        '"aliases":["state"]},'
        '{"name":"note","type":["null","string"],"default":null}]}'
    )


@unhurried
@given(avro_documents())
def test_the_canonical_form_is_its_own_canonical_form(document: Any) -> None:
    canonical = parse_avro(document).canonical
    assert parse_avro(json.loads(canonical)).canonical == canonical


@unhurried
@given(avro_documents())
def test_the_order_of_a_document_s_keys_means_nothing(document: Any) -> None:
    assert parse_avro(_reversed(document)).canonical == parse_avro(document).canonical


def _reversed(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _reversed(document[key]) for key in reversed(document)}
    return [_reversed(each) for each in document] if isinstance(document, list) else document


def test_the_defaults_of_a_record_are_filled_in_and_ordered() -> None:
    inner = {
        "type": "record",
        "name": "Inner",
        "fields": [{"name": "a", "type": "double", "default": 5}, {"name": "b", "type": ["null", "float"]}],
    }
    texts = {
        parse_avro({"type": "record", "name": "R", "fields": [{"name": "f", "type": inner, "default": each}]}).canonical
        for each in ({"b": 1}, {"b": 1.0, "a": 5}, {"a": 5.0, "b": 1})
    }
    assert len(texts) == 1


def test_a_type_without_namespace_keeps_none_inside_of_one() -> None:
    inner = {"type": "enum", "name": "Color", "namespace": "", "symbols": ["RED"]}
    document = {"type": "record", "name": "shop.R", "fields": [{"name": "f", "type": inner}]}
    canonical = parse_avro(document).canonical
    assert '"name":"Color","namespace":""' in canonical
    assert parse_avro(json.loads(canonical)).canonical == canonical
