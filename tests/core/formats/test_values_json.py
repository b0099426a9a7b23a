import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core.formats.shape import NULL, Array, Enum, Field, Map, Object, Ref, Scalar, Shape, Union
from instar.core.formats.values_json import from_readable, to_readable, value_of_text
from instar.core.rejected import INVALID_UTF8, UNREADABLE, Rejected


class AvroLike:
    """A schema that has a shape and nothing else: the notation depends on the shape alone."""

    kind = "avro"

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def write(shape: Shape, value: Any) -> Any:
    return to_readable(AvroLike(shape), value)  # type: ignore[arg-type]


def read(shape: Shape, document: Any) -> Any:
    return from_readable(AvroLike(shape), document)  # type: ignore[arg-type]


def read_text(shape: Shape, text: bytes) -> Any:
    return value_of_text(AvroLike(shape), text)  # type: ignore[arg-type]


def scalar(kind: str, logical: str | None = None, **constraints: Any) -> Scalar:
    return Scalar(kind, logical, tuple(sorted(constraints.items())))


MICROS = scalar("long", "timestamp-micros")
LOCAL = scalar("long", "local-timestamp-micros")
PRICE = scalar("bytes", "decimal", precision=9, scale=2)
CARD = Object({"number": Field(Scalar("string"))}, name="shop.Card")
CASH = Object({}, name="shop.Cash")


@pytest.mark.parametrize(
    ("shape", "value", "readable"),
    [
        (Scalar("string"), "x", "x"),
        (Scalar("long"), 2**53 + 1, 2**53 + 1),
        (Scalar("double"), 0.1, 0.1),
        (Scalar("double"), math.inf, "Infinity"),
        (Scalar("float"), -math.inf, "-Infinity"),
        (Scalar("boolean"), True, True),
        (Scalar("bytes"), b"\x00\xff", "0x00ff"),
        (scalar("fixed", size=2), b"ab", "0x6162"),
        (PRICE, Decimal("12.50"), "12.50"),
        (PRICE, Decimal("-0.01"), "-0.01"),
        (scalar("bytes", "decimal", precision=20, scale=0), Decimal("10000000000000000000"), "10000000000000000000"),
        (MICROS, datetime(2024, 1, 31, 12, 0, 0, 1, UTC), "2024-01-31T12:00:00.000001Z"),
        (MICROS, datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z"),
        (LOCAL, datetime(2024, 1, 31, 12), "2024-01-31T12:00:00"),  # noqa: DTZ001 - a local timestamp has no zone
        (scalar("int", "date"), date(2024, 1, 31), "2024-01-31"),
        (scalar("long", "time-micros"), time(12, 0, 0, 1), "12:00:00.000001"),
        (
            scalar("string", "uuid"),
            UUID("12345678-1234-5678-1234-567812345678"),
            "12345678-1234-5678-1234-567812345678",
        ),
        (Enum(("A", "B"), name="E"), "A", "A"),
        (Array(PRICE), [Decimal("1.00")], ["1.00"]),
        (Map(Scalar("bytes")), {"k": b"\x01"}, {"k": "0x01"}),
        (Union((NULL, PRICE)), None, None),
        (Union((NULL, PRICE)), Decimal("1.00"), "1.00"),
        (Union((NULL, CARD)), {"number": "1"}, {"number": "1"}),
        (Union((NULL, Scalar("long"), Scalar("string"))), 5, {"long": 5}),
        (Union((Scalar("string"), MICROS, LOCAL)), datetime(2024, 1, 1, tzinfo=UTC), {"long": "2024-01-01T00:00:00Z"}),
        (Union((CARD, CASH)), ("shop.Card", {"number": "1"}), {"shop.Card": {"number": "1"}}),
        (Union((CARD, Scalar("string"))), {"number": "1"}, {"shop.Card": {"number": "1"}}),
        (Union((CARD, Enum(("A",), name="shop.E"))), ("shop.E", "A"), {"shop.E": "A"}),
    ],
)
def test_the_notation(shape: Shape, value: Any, readable: Any) -> None:
    assert write(shape, value) == readable
    json.dumps(readable, allow_nan=False)
    if shape != Union((Scalar("string"), MICROS, LOCAL)):  # Avro has no union of two longs
        came = read(shape, readable)
        assert came == value
        assert type(came) is type(value)


def test_not_a_number_is_written_too() -> None:
    assert write(Scalar("double"), math.nan) == "NaN"
    assert math.isnan(read(Scalar("double"), "NaN"))


def test_a_recursive_record_is_read_and_written() -> None:
    node = Object({"price": Field(PRICE), "next": Field(Union((NULL, Ref("Node"))))}, name="Node")
    value = {"price": Decimal("1.00"), "next": {"price": Decimal("2.00"), "next": None}}
    readable = {"price": "1.00", "next": {"price": "2.00", "next": None}}
    assert write(node, value) == readable
    assert read(node, readable) == value


def test_a_decimal_with_fewer_digits_gets_its_scale_and_one_with_more_keeps_them() -> None:
    assert str(read(PRICE, "12.5")) == "12.50"
    assert str(read(PRICE, "1E+2")) == "100.00"
    assert str(read(PRICE, "1.005")) == "1.005"  # validation says that this is no value of the schema


def test_a_timestamp_of_another_zone_is_the_same_instant() -> None:
    assert read(MICROS, "2024-01-31T13:00:00+01:00") == datetime(2024, 1, 31, 12, tzinfo=UTC)
    berlin = datetime(2024, 1, 31, 13, tzinfo=timezone(timedelta(hours=1)))
    assert write(MICROS, berlin) == "2024-01-31T12:00:00Z"


ORDER = Object({"items": Field(Array(Object({"price": Field(PRICE)}, name="Item"))), "tags": Field(Map(MICROS))})


@pytest.mark.parametrize(
    ("shape", "document", "path", "says"),
    [
        (ORDER, {"items": [{"price": "1"}, {"price": 5}]}, "items[1].price", 'a decimal as a string, as in "12.50"'),
        (ORDER, {"tags": {"k": "yesterday"}}, "tags{k}", "a timestamp with its zone"),
        (ORDER, [], None, "Expected an object, found an array"),
        (MICROS, "2024-01-31T12:00:00", None, "with its zone"),
        (MICROS, "2024-01-31T12:00:00.1234567Z", None, "with its zone"),
        (MICROS, "0001-01-01T00:00:00+05:00", None, "with its zone"),
        (LOCAL, "2024-01-31T12:00:00Z", None, "without zone"),
        (PRICE, "NaN", None, "a decimal"),
        (Scalar("long"), True, None, "Expected a whole number, found true or false"),
        (Scalar("long"), 1.0, None, "Expected a whole number, found a number"),
        (Scalar("double"), "1", None, "Expected a number, found a string"),
        (Scalar("double"), 10**400, None, "too large"),
        (Scalar("bytes"), "ff", None, "hexadecimal"),
        (Scalar("string"), None, None, "Expected a string, found null"),
        (Union((Scalar("long"), Scalar("string"))), 5, None, '{"long": ...}'),
        (Union((Scalar("long"), Scalar("string"))), {"int": 5}, None, "several types (long, string)"),
        (Union((Scalar("long"), Scalar("string"))), None, None, "Null is not allowed"),
    ],
)
def test_a_wrong_document_says_where_and_what(shape: Shape, document: Any, path: str | None, says: str) -> None:
    rejected = read(shape, document)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.path) == (UNREADABLE, path)
    assert says in rejected.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"{", UNREADABLE),
        (b"\xff", INVALID_UTF8),
        (b'{"items": [], "items": []}', UNREADABLE),
        (b"[" * 100_000, UNREADABLE),
        (b"1" * 10_000, UNREADABLE),
        (b"", UNREADABLE),
    ],
)
def test_a_text_that_is_no_document_is_rejected(text: bytes, code: str) -> None:
    rejected = read_text(ORDER, text)
    assert isinstance(rejected, Rejected)
    assert rejected.code == code


@given(st.binary(max_size=60))
def test_no_text_raises(text: bytes) -> None:
    read_text(ORDER, text)


leaves: list[tuple[Shape, st.SearchStrategy[Any]]] = [
    (Scalar("string"), st.text(max_size=5)),
    (Scalar("long"), st.integers(-(2**63), 2**63 - 1)),
    (Scalar("double"), st.floats(allow_nan=False)),
    (Scalar("boolean"), st.booleans()),
    (Scalar("bytes"), st.binary(max_size=5)),
    (PRICE, st.decimals(-1000, 1000, places=2)),
    (MICROS, st.datetimes(timezones=st.just(UTC))),
    (LOCAL, st.datetimes()),
    (scalar("int", "date"), st.dates()),
    (scalar("long", "time-micros"), st.times()),
    (scalar("string", "uuid"), st.uuids()),
    (Enum(("A", "B"), name="E"), st.sampled_from("AB")),
]


@st.composite
def shaped(draw: st.DrawFn, depth: int = 3) -> tuple[Shape, Any]:
    """A shape and a value of it."""
    kind = draw(st.sampled_from(["leaf", "array", "map", "record", "nullable", "pair"] if depth else ["leaf"]))
    if kind == "leaf":
        shape, values = draw(st.sampled_from(leaves))
        return shape, draw(values)
    if kind == "record":
        parts = draw(st.dictionaries(st.sampled_from("abc"), shaped(depth=depth - 1)))
        return (
            Object({name: Field(each) for name, (each, _) in parts.items()}, name="R"),
            {name: value for name, (_, value) in parts.items()},
        )
    shape, value = draw(shaped(depth=depth - 1))
    if kind == "array":
        return Array(shape), [value]
    if kind == "map":
        return Map(shape), {draw(st.text(max_size=3)): value}
    if kind == "pair":
        record = Object({"x": Field(shape)}, name="One")
        return Union((record, CASH, NULL)), draw(st.sampled_from([("One", {"x": value}), ("shop.Cash", {}), None]))
    return (shape, value) if isinstance(shape, Union) else (Union((NULL, shape)), draw(st.sampled_from([None, value])))


@given(shaped())
def test_what_is_written_is_read_as_the_same_value(drawn: tuple[Shape, Any]) -> None:
    shape, value = drawn
    text = json.dumps(write(shape, value), allow_nan=False)
    assert read_text(shape, text.encode()) == value
