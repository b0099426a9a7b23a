"""What a hop may hand over: exact types, complete and closed records, numbers that are written without rounding."""

from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Context, Decimal
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.avro_schemas import avro_documents, unhurried
from tests.support.values import plain_values

from instar.core.formats.avro import parse_avro
from instar.core.formats.shape import MISSING, Object
from instar.core.formats.values_json import from_readable
from instar.core.rejected import HOP_OUTPUT_INVALID, Rejected
from instar.core.upcasting.defaults import default_value
from instar.core.upcasting.value import same


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    ONE = "one"


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
LOCAL = {"type": "long", "logicalType": "local-timestamp-micros"}
TIME = {"type": "int", "logicalType": "time-millis"}
DATE = {"type": "int", "logicalType": "date"}
PAIRED = [
    {"type": "record", "name": "p.A", "fields": [{"name": "x", "type": "int"}]},
    {"type": "enum", "name": "p.B", "symbols": ["S"]},
]
EAST = timezone(timedelta(hours=5))


@pytest.mark.parametrize(
    ("document", "value", "words"),
    [
        ("null", 0, "should be null, not an int"),
        ("boolean", 1, "should be boolean, not an int"),
        ("int", True, "should be int, not a boolean"),
        ("int", Number.ONE, "a value of the type Number"),
        ("int", 1.0, "should be int, not a float"),
        ("int", 2**31, "32 bits"),
        ("int", -(2**31) - 1, "32 bits"),
        ("long", True, "should be long, not a boolean"),
        ("long", 2**63, "64 bits"),
        ("long", -(2**63) - 1, "64 bits"),
        ("float", True, "should be float, not a boolean"),
        ("float", 0.1, "no float of 32 bits holds exactly"),
        ("float", 1e300, "too large"),
        ("float", 2**24 + 1, "no float of 32 bits holds exactly"),
        ("double", "1", "should be double, not a string"),
        ("double", 2**53 + 1, "no double holds exactly"),
        ("double", 10**400, "too large"),
        ("string", b"a", "should be string, not bytes"),
        ("string", Word.ONE, "a value of the type Word"),
        ("string", "\ud800", "half of a surrogate pair"),
        ("bytes", "a", "should be bytes, not a string"),
        ("bytes", bytearray(b"a"), "a value of the type bytearray"),
        ({"type": "fixed", "name": "F", "size": 2}, b"a", "has 1 bytes, but fixed F has 2"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "C", "symbols of the enum E: A, B"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, 0, "should be a symbol of the enum E, not an int"),
        (DECIMAL, 1, "should be bytes (decimal 5,2), not an int"),
        (DECIMAL, Decimal("0.001"), "more than 2 digits after the point"),
        (DECIMAL, Decimal(1000), "more than 3 digits before the point"),
        (DECIMAL, Decimal("1E+9999"), "more than 3 digits before the point"),
        (DECIMAL, Decimal("1E-9999"), "more than 2 digits after the point"),
        (DECIMAL, Decimal("NaN"), "not a finite number"),
        (DECIMAL, Decimal("sNaN"), "not a finite number"),
        (DECIMAL, Decimal("Infinity"), "not a finite number"),
        (MICROS, 5, "should be long (timestamp-micros), not an int"),
        (MICROS, datetime(2024, 1, 1), "has no time zone"),  # noqa: DTZ001
        (MICROS, datetime(1, 1, 1, tzinfo=EAST), "outside of the years 1 to 9999 in UTC"),
        (MICROS, date(2024, 1, 1), "a value of the type date"),
        (MILLIS, datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC), "finer than a millisecond"),
        (LOCAL, datetime(2024, 1, 1, tzinfo=UTC), "has a time zone"),
        (DATE, datetime(2024, 1, 1, tzinfo=UTC), "a value of the type datetime"),
        (TIME, time(0, 0, 0, 1), "finer than a millisecond"),
        (TIME, time(0, 0, tzinfo=UTC), "has a time zone"),
        ({"type": "string", "logicalType": "uuid"}, str(UUID(int=1)), "should be string (uuid), not a string"),
        ({"type": "array", "items": "int"}, (1,), "should be array, not a tuple"),
        ({"type": "map", "values": "int"}, OrderedDict(a=1), "a value of the type OrderedDict"),
        ({"type": "map", "values": "int"}, {1: 1}, "has a key that is an int, not a string"),
        ({"type": "map", "values": "int"}, {"\udc00": 1}, "half of a surrogate pair"),
        (["null", "string"], 5, "should be string, not an int"),
        (["null", "string", "int"], 5.0, "should be null or string or int, not a float"),
        (["int", "long"], 2**63, "64 bits"),
        (PAIRED, {"x": 1}, "written as the pair (full name, value), with one of p.A, p.B"),
        (PAIRED, ("A", {"x": 1}), "one of the names p.A, p.B"),
        (PAIRED, ("p.A",), "should be a pair"),
        (PAIRED, ("p.B", "T"), "symbols of the enum p.B"),
        (["null", PAIRED[0]], ("p.A", {"x": 1}), "should be record p.A, not a tuple"),
    ],
)
def test_what_is_wrong_is_said(document: Any, value: Any, words: str) -> None:
    problem = parse_avro(document).problem(value)
    assert problem is not None
    assert problem.code == HOP_OUTPUT_INVALID
    assert words in problem.message


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ("double", 2**53),
        ("double", float("nan")),
        ("float", float("-inf")),
        ("float", 16),
        (DECIMAL, Decimal("1.5")),
        (DECIMAL, Decimal("1.5000")),
        (DECIMAL, Decimal("1E+2")),
        (DECIMAL, Decimal("-999.99")),
        (DECIMAL, Decimal("0E+99999")),
        (DECIMAL, Decimal("-0")),
        (MICROS, datetime(2024, 1, 1, 12, tzinfo=EAST)),
        (MICROS, datetime(1950, 1, 1, 12, tzinfo=EAST)),
        (MICROS, datetime.max.replace(tzinfo=UTC)),
        (MICROS, datetime(1, 1, 1, tzinfo=UTC)),
        (MILLIS, datetime(1, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)),
        (LOCAL, datetime.max),  # noqa: DTZ901
        (PAIRED, ("p.A", {"x": 1})),
    ],
)
def test_what_is_valid_comes_back_as_the_same_value(document: Any, value: Any) -> None:
    schema = parse_avro(document)
    assert schema.problem(value) is None
    data = schema.encode(value)
    assert isinstance(data, bytes)
    assert schema.decode(data) == value or same(schema.decode(data), value)


def test_records_are_closed_and_complete() -> None:
    fields = [{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 0}]
    schema = parse_avro({"type": "record", "name": "R", "fields": fields})
    forgotten = schema.problem({"a": 1})
    extra = schema.problem({"a": 1, "b": 2, "c": 3})
    renamed = schema.problem({"a": 1, "c": 3})
    assert forgotten is not None
    assert (forgotten.path, forgotten.message) == ("b", "b is missing.")
    assert extra is not None
    assert (extra.path, extra.message) == ("c", "c is not a field of the record R.")
    assert renamed is not None
    assert renamed.path == "b"


def test_the_first_problem_is_named_with_its_place() -> None:
    item = {"type": "record", "name": "Item", "fields": [{"name": "price", "type": DECIMAL}]}
    fields = [
        {"name": "items", "type": {"type": "array", "items": ["null", item]}},
        {"name": "attrs", "type": {"type": "map", "values": "int"}},
    ]
    schema = parse_avro({"type": "record", "name": "R", "fields": fields})
    good, bad = {"price": Decimal(1)}, {"price": 1}
    first = schema.problem({"items": [good, None, bad], "attrs": {"k": "x"}})
    second = schema.problem({"items": [good], "attrs": {"k": "x"}})
    assert first is not None
    assert first.path == "items[2].price"
    assert second is not None
    assert second.path == "attrs{k}"


def test_a_value_that_holds_itself_is_a_problem_and_no_crash() -> None:
    schema = parse_avro({"type": "record", "name": "R", "fields": [{"name": "next", "type": ["null", "R"]}]})
    value: dict[str, Any] = {}
    value["next"] = value
    problem = schema.problem(value)
    assert problem is not None
    assert "nested deeper" in problem.message


def test_a_float_written_by_a_person_is_the_nearest_float_of_its_size() -> None:
    schema = parse_avro({"type": "record", "name": "R", "fields": [{"name": "f", "type": "float", "default": 0.1}]})
    read = from_readable(schema, {"f": 0.1})
    assert schema.problem(read) is None
    shape = schema.shape
    assert isinstance(shape, Object)
    assert {"f": default_value(shape.fields["f"].shape, 0.1, avro=True)} == read
    assert isinstance(from_readable(schema, {"f": 1e300}), Rejected)


def test_a_default_of_many_digits_keeps_them_all() -> None:
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 40, "scale": 2}
    schema = parse_avro(kind)
    value = Decimal(10**39 + 1).scaleb(-2, Context(prec=40))
    data = (10**39 + 1).to_bytes(17, "big")
    assert default_value(schema.shape, data.decode("latin-1"), avro=True) == value


@unhurried
@given(avro_documents(), plain_values())
def test_any_value_is_either_a_problem_or_comes_back(document: Any, value: Any) -> None:
    schema = parse_avro(document)
    problem = schema.problem(value)
    if problem is None:
        data = schema.encode(value)
        assert isinstance(data, bytes)
        decoded = schema.decode(data)
        assert same(decoded, value) or decoded == value  # 1.5 and 1.50 are equal decimals


@unhurried
@given(st.sampled_from(["int", "long", "float", "double"]), st.one_of(st.integers(), st.floats()))
def test_a_number_is_either_a_problem_or_comes_back(document: str, value: float) -> None:
    schema = parse_avro(document)
    if schema.problem(value) is None:
        data = schema.encode(value)
        assert isinstance(data, bytes)
        assert same(schema.decode(data), value)


@pytest.mark.parametrize("kind", ["float", "double"])
def test_a_default_that_is_no_finite_number_is_read_as_that_number(kind: str) -> None:
    shape = parse_avro(kind).shape
    assert str(default_value(shape, "NaN", avro=True)) == "nan"
    assert default_value(shape, "-Infinity", avro=True) == float("-inf")
    assert default_value(shape, "much", avro=True) is MISSING
