"""Two types are the same only where every value has the same bytes in both and is valid in both."""

from typing import Any

import pytest

from instar.core.formats.avro import parse_avro
from instar.core.upcasting.spans.nodes import same

ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
LEAF = {"type": "record", "name": "L", "fields": [{"name": "a", "type": "int"}]}
TREE = {"type": "record", "name": "T", "fields": [{"name": "inner", "type": {"type": "array", "items": "T"}}]}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}


def alike(left: Any, right: Any) -> bool:
    one, other = parse_avro(left).types, parse_avro(right).types
    assert same(one, one.root, one, one.root)
    assert same(one, one.root, other, other.root) == same(other, other.root, one, one.root)
    return same(one, one.root, other, other.root)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("long", {"type": "long", "doc": "a number"}),
        ("long", {"type": "long", "logicalType": "timestamp-nanos"}),  # stays a long
        (ENUM, {**ENUM, "name": "Other", "default": "A"}),
        (LEAF, {**LEAF, "name": "Other"}),
        (TREE, {**TREE, "doc": "a tree"}),
        (["null", LEAF], ["null", {**LEAF, "doc": "a leaf"}]),
        ({"type": "fixed", "name": "F", "size": 2}, {"type": "fixed", "name": "G", "size": 2}),
    ],
)
def test_the_same(left: Any, right: Any) -> None:
    assert alike(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("int", "long"),
        ("long", {"type": "long", "logicalType": "timestamp-micros"}),
        (DECIMAL, {**DECIMAL, "precision": 10}),
        (DECIMAL, {**DECIMAL, "scale": 3}),
        (ENUM, {**ENUM, "symbols": ["B", "A"]}),
        (ENUM, {**ENUM, "symbols": ["A", "B", "C"]}),
        (LEAF, {**LEAF, "fields": [{"name": "b", "type": "int"}]}),
        (LEAF, {**LEAF, "fields": [{"name": "a", "type": "long"}]}),
        (LEAF, {**LEAF, "fields": [*LEAF["fields"], {"name": "b", "type": "int"}]}),
        (["null", "int"], ["int", "null"]),
        (["null", "int"], ["null", "int", "string"]),
        ([LEAF, ENUM], [{**LEAF, "name": "Other"}, ENUM]),  # a value shows the name
        ({"type": "fixed", "name": "F", "size": 2}, {"type": "fixed", "name": "F", "size": 3}),
        ({"type": "array", "items": "int"}, {"type": "map", "values": "int"}),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "long"}),
        (ENUM, "string"),
    ],
)
def test_not_the_same(left: Any, right: Any) -> None:
    assert not alike(left, right)
