"""The codec as a whole: what is written is read back, what is read is written back, others read the same."""

import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.avro_schemas import avro_documents, unhurried

from instar.core.formats.avro import AvroSchema, parse_avro
from instar.core.formats.avro_read import LIMIT_EMPTY_ITEMS
from instar.core.rejected import Rejected
from instar.core.upcasting.value import copy_of, same

SEEDS = st.integers(0, 2**32)
ONE_SPACE = ("shop",)  # what every implementation can refer to

ORDER = {
    "type": "record",
    "name": "shop.Order",
    "fields": [
        {"name": "id", "type": "string"},
        {
            "name": "customer",
            "type": {
                "type": "record",
                "name": "Customer",
                "fields": [{"name": "first", "type": "string"}, {"name": "last", "type": "string"}],
            },
        },
        {
            "name": "items",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "Item",
                    "fields": [
                        {"name": "quantity", "type": "int"},
                        {
                            "name": "price",
                            "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
                        },
                    ],
                },
            },
        },
        {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["NEW", "SHIPPED"]}},
        {"name": "coupon", "type": ["null", "string"], "default": None},
        {"name": "created", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    ],
}
ORDER_VALUE = {
    "id": "o-1",
    "customer": {"first": "Ada", "last": "Lovelace"},
    "items": [{"quantity": 2, "price": Decimal("12.50")}, {"quantity": -1, "price": Decimal("-1.28")}],
    "status": "SHIPPED",
    "coupon": None,
    "created": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
}


def encoded(schema: AvroSchema, value: Any) -> bytes:
    data = schema.encode(value)
    assert isinstance(data, bytes)
    return data


def test_an_order_is_written_byte_for_byte_as_the_specification_says() -> None:
    data = encoded(parse_avro(ORDER), ORDER_VALUE)
    assert data == (
        b"\x06o-1" + b"\x06Ada\x10Lovelace" + b"\x04" + b"\x04\x04\x04\xe2" + b"\x01\x02\x80" + b"\x00"
        b"\x02" + b"\x00" + b"\x80\x89\x7a"
    )
    assert parse_avro(ORDER).decode(data) == ORDER_VALUE


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (0, b"\x00"),
        (-1, b"\x01"),
        (1, b"\x02"),
        (-64, b"\x7f"),
        (64, b"\x80\x01"),
        (2**63 - 1, b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        (-(2**63), b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    ],
)
def test_longs_are_zig_zag(value: int, data: bytes) -> None:
    schema = parse_avro("long")
    assert schema.encode(value) == data
    assert schema.decode(data) == value


@pytest.mark.parametrize(
    ("document", "value", "data"),
    [
        ({"type": "int", "logicalType": "date"}, date(1969, 12, 31), b"\x01"),
        ({"type": "int", "logicalType": "time-millis"}, time(0, 0, 0, 2000), b"\x04"),
        ({"type": "long", "logicalType": "time-micros"}, time(0, 0, 0, 2), b"\x04"),
        ({"type": "long", "logicalType": "timestamp-millis"}, datetime(1969, 12, 31, 23, 59, 59, 999000, UTC), b"\x01"),
        ({"type": "long", "logicalType": "timestamp-micros"}, datetime(1970, 1, 1, 0, 0, 0, 1, UTC), b"\x02"),
        ({"type": "long", "logicalType": "local-timestamp-micros"}, datetime(1970, 1, 1, 0, 0, 0, 1), b"\x02"),  # noqa: DTZ001
        ({"type": "long", "logicalType": "timestamp-nanos"}, 1, b"\x02"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 1}, Decimal("12.8"), b"\x04\x00\x80"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 1}, Decimal("-12.8"), b"\x02\x80"),
        (
            {"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 5, "scale": 2},
            Decimal("-0.01"),
            b"\xff\xff\xff\xff",
        ),
        ({"type": "string", "logicalType": "uuid"}, UUID(int=1), b"\x4800000000-0000-0000-0000-000000000001"),
        ({"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, UUID(int=1), b"\x00" * 15 + b"\x01"),
        ({"type": "fixed", "name": "U", "size": 2, "logicalType": "uuid"}, b"ab", b"ab"),
        ("float", 1.5, b"\x00\x00\xc0\x3f"),
        ("double", 1.5, b"\x00\x00\x00\x00\x00\x00\xf8\x3f"),
        ({"type": "map", "values": "int"}, {"a": 1}, b"\x02\x02a\x02\x00"),
    ],
)
def test_values_have_the_bytes_that_the_specification_gives_them(document: Any, value: Any, data: bytes) -> None:
    schema = parse_avro(document)
    assert schema.problem(value) is None
    assert schema.encode(value) == data
    decoded = schema.decode(data)
    assert same(decoded, value)


@unhurried
@given(avro_documents(), SEEDS)
def test_samples_are_valid_and_come_back_equal(document: Any, seed: int) -> None:
    schema, random = parse_avro(document), Random(seed)
    for _ in range(3):
        value = schema.sample(random)
        assert schema.problem(value) is None
        data = encoded(schema, value)
        assert same(schema.decode(data), value)
        assert encoded(schema, schema.decode(data)) == data


@unhurried
@given(avro_documents(), SEEDS)
def test_the_same_seed_draws_the_same_sample(document: Any, seed: int) -> None:
    schema = parse_avro(document)
    assert same(schema.sample(Random(seed)), schema.sample(Random(seed)))


@unhurried
@given(avro_documents(), SEEDS)
def test_neither_checking_nor_writing_changes_a_value(document: Any, seed: int) -> None:
    schema = parse_avro(document)
    value = schema.sample(Random(seed))
    before = copy_of(value)
    schema.problem(value)
    schema.encode(value)
    assert same(value, before)


@unhurried
@given(avro_documents(spaces=ONE_SPACE), SEEDS)
def test_fastavro_reads_what_is_written(document: Any, seed: int) -> None:
    schema = parse_avro(document)
    value = schema.sample(Random(seed))
    theirs = fastavro.schemaless_reader(
        io.BytesIO(encoded(schema, value)),
        fastavro.parse_schema(document),
        None,
        return_named_type=True,
        return_named_type_override=True,
    )
    assert same(theirs, value)


# Of larger unions it takes the wrong branch for some values: an empty fixed is an array to it.
@unhurried
@given(avro_documents(spaces=ONE_SPACE, only_nullable=True), SEEDS)
def test_what_fastavro_writes_is_read(document: Any, seed: int) -> None:
    schema = parse_avro(document)
    value = schema.sample(Random(seed))
    theirs = io.BytesIO()
    fastavro.schemaless_writer(theirs, fastavro.parse_schema(document), value)
    assert schema.decode(theirs.getvalue()) == value


@unhurried
@given(avro_documents(), SEEDS, st.data())
def test_no_bytes_raise_and_what_is_read_is_valid(document: Any, seed: int, data: st.DataObject) -> None:
    schema = parse_avro(document)
    good = encoded(schema, schema.sample(Random(seed)))
    at = data.draw(st.integers(0, len(good)))
    junk = data.draw(st.binary(max_size=12))
    skipped = data.draw(st.integers(0, 8))
    for mutated in (good[:at], good[:at] + junk, good[:at] + junk + good[at + skipped :], good + junk, junk):
        value = schema.decode(mutated)
        if not isinstance(value, Rejected):
            assert schema.problem(value) is None
            assert same(schema.decode(encoded(schema, value)), value)


@unhurried
@given(avro_documents(), SEEDS)
def test_every_shorter_encoding_is_rejected(document: Any, seed: int) -> None:
    schema = parse_avro(document)
    good = encoded(schema, schema.sample(Random(seed)))
    for end in range(len(good))[-40:]:
        assert isinstance(schema.decode(good[:end]), Rejected)


def test_arrays_and_maps_may_come_in_blocks() -> None:
    array, mapping = parse_avro({"type": "array", "items": "int"}), parse_avro({"type": "map", "values": "int"})
    assert array.decode(b"\x02\x02\x03\x04\x04\x06\x00") == [1, 2, 3]  # one item, then two with their size
    assert mapping.decode(b"\x01\x06\x02a\x02\x02\x02b\x04\x00") == {"a": 1, "b": 2}


def test_several_named_types_in_a_union_are_told_apart_by_name() -> None:
    fields = [{"name": "number", "type": "string"}]
    card, cash = ({"type": "record", "name": f"pay.{name}", "fields": fields} for name in ("Card", "Cash"))
    schema = parse_avro(["null", card, cash, {"type": "enum", "name": "pay.Other", "symbols": ["IOU"]}, "string"])
    for index, value in enumerate([None, ("pay.Card", {"number": "1"}), ("pay.Cash", {"number": "1"})]):
        data = encoded(schema, value)
        assert data[0] == index * 2
        assert schema.decode(data) == value
    assert schema.decode(b"\x06\x00") == ("pay.Other", "IOU")
    assert schema.decode(b"\x08\x06IOU") == "IOU"
    assert schema.ambiguous == ()


@pytest.mark.parametrize(
    ("union", "value", "index"),
    [
        (["double", "long"], 5, 1),
        (["double", "long"], 5.0, 0),
        (["string", "double"], 5, 1),
        (["int", "long"], 2**31, 1),
        (["int", "long"], 2**31 - 1, 0),
        (["float", "double"], 0.1, 1),
        (["float", "double"], 0.5, 0),
        (["boolean", "int"], True, 0),
        (["int", "boolean"], True, 1),
        (["string", "bytes"], b"a", 1),
        (["long", {"type": "int", "logicalType": "date"}], date(2024, 1, 1), 1),
        (
            [{"type": "int", "logicalType": "date"}, {"type": "long", "logicalType": "timestamp-micros"}],
            datetime(2024, 1, 1, tzinfo=UTC),
            1,
        ),
        ([{"type": "map", "values": "long"}, {"type": "record", "name": "R", "fields": []}], {}, 1),
        (
            [{"type": "map", "values": "long"}, {"type": "record", "name": "R", "fields": []}],
            {"a": 1},
            0,
        ),
        (["string", {"type": "enum", "name": "E", "symbols": ["A"]}], "A", 1),
        (["string", {"type": "enum", "name": "E", "symbols": ["A"]}], "B", 0),
        (["bytes", {"type": "fixed", "name": "F", "size": 2}], b"ab", 1),
        (["bytes", {"type": "fixed", "name": "F", "size": 2}], b"abc", 0),
    ],
)
def test_a_value_is_written_as_the_branch_it_belongs_to(union: list[Any], value: Any, index: int) -> None:
    schema = parse_avro(union)
    assert schema.problem(value) is None
    data = encoded(schema, value)
    assert data[0] == index * 2
    assert schema.decode(data) == value


def test_unions_that_a_value_cannot_tell_apart_are_listed() -> None:
    schema = parse_avro(
        {
            "type": "record",
            "name": "R",
            "fields": [
                {"name": "n", "type": ["int", "long"]},
                {"name": "clear", "type": ["null", "int", "double", "string", "bytes"]},
                {"name": "items", "type": {"type": "array", "items": ["float", "double"]}},
                {"name": "attrs", "type": {"type": "map", "values": ["null", {"type": "map", "values": "int"}]}},
                {"name": "child", "type": ["null", "R", {"type": "map", "values": "long"}]},
            ],
        }
    )
    assert schema.ambiguous == ("n", "items[]", "child")


def test_encoding_a_value_that_is_not_valid_names_the_problem() -> None:
    rejected = parse_avro(ORDER).encode({**ORDER_VALUE, "status": "LOST"})
    assert isinstance(rejected, Rejected)
    assert rejected.path == "status"


def test_items_without_bytes_are_limited_both_ways() -> None:
    schema = parse_avro({"type": "array", "items": "null"})
    most = [None] * LIMIT_EMPTY_ITEMS
    assert schema.decode(encoded(schema, most)) == most
    assert schema.problem([*most, None]) is not None
    assert isinstance(schema.decode(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Rejected)


def test_items_of_which_one_part_has_bytes_are_not_limited() -> None:
    fields = [{"name": "none", "type": "null"}, {"name": "n", "type": "int"}]
    schema = parse_avro({"type": "array", "items": {"type": "record", "name": "R", "fields": fields}})
    many = [{"none": None, "n": n} for n in range(LIMIT_EMPTY_ITEMS * 3)]
    assert schema.problem(many) is None
    assert schema.decode(encoded(schema, many)) == many


@unhurried
@given(avro_documents(spaces=ONE_SPACE))
def test_the_canonical_form_is_a_schema_that_fastavro_reads(document: Any) -> None:
    fastavro.parse_schema(json.loads(parse_avro(document).canonical))
