"""Bytes that are no value: each is rejected with its code, its place and its reason, and never costs memory."""

import tracemalloc
from typing import Any

import pytest

from instar.core.formats.avro import parse_avro
from instar.core.formats.avro_types import LIMIT_DEPTH
from instar.core.formats.avro_write import encoded_long
from instar.core.rejected import INVALID_INPUT, INVALID_UTF8, TRAILING_BYTES, TRUNCATED, UNREADABLE, Rejected

ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
FIXED = {"type": "fixed", "name": "F", "size": 4}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 1}
FIXED_DECIMAL = {"type": "fixed", "name": "D", "size": 4, "logicalType": "decimal", "precision": 3}
LONGS = {"type": "array", "items": "long"}
MAP = {"type": "map", "values": "long"}


def logical(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "logicalType": name}


@pytest.mark.parametrize(
    ("document", "data", "code", "words"),
    [
        ("long", b"", TRUNCATED, "bytes are missing"),
        ("long", b"\x80", TRUNCATED, "bytes are missing"),
        ("long", b"\x00\x00", TRAILING_BYTES, "ends after 1 bytes, but 1 more"),
        ("null", b"\x00", TRAILING_BYTES, "ends after 0 bytes"),
        ("long", b"\x80\x00", UNREADABLE, "longer than it needs to be"),
        ("long", b"\xff" * 9 + b"\x02", UNREADABLE, "more than 64 bits"),
        ("long", b"\xff" * 10 + b"\x01", UNREADABLE, "more than ten bytes"),
        ("long", b"\xff" * 100_000, UNREADABLE, "more than ten bytes"),
        ("int", encoded_long(2**31), UNREADABLE, "more than 32 bits"),
        ("int", encoded_long(-(2**31) - 1), UNREADABLE, "more than 32 bits"),
        ("boolean", b"\x02", UNREADABLE, "neither 0 nor 1"),
        ("float", b"\x00\x00\x00", TRUNCATED, "bytes are missing"),
        ("double", b"\x00" * 7, TRUNCATED, "bytes are missing"),
        ("string", b"\x06ab", TRUNCATED, "should have 3 bytes, but only 2 are left"),
        ("string", encoded_long(2**60) + b"ab", TRUNCATED, "but only 2 are left"),
        ("bytes", encoded_long(2**60) + b"ab", TRUNCATED, "but only 2 are left"),
        ("bytes", b"\x09abcde", UNREADABLE, "length -5, which is negative"),
        ("string", b"\x09abcde", UNREADABLE, "length -5, which is negative"),
        ("string", b"\x04a\xff", INVALID_UTF8, "its byte 1 cannot be read"),
        ("string", b"\x06\xed\xa0\x80", INVALID_UTF8, "is not UTF-8"),
        (FIXED, b"abc", TRUNCATED, "should have 4 bytes, but only 3 are left"),
        (ENUM, b"\x01", UNREADABLE, "symbol number -1, but the enum E has 0 to 1"),
        (ENUM, b"\x04", UNREADABLE, "symbol number 2"),
        (["null", "long"], b"\x01\x0a", UNREADABLE, "branch number -1, but the union (null or long) has 0 to 1"),
        (["null", "long"], b"\x04\x0a", UNREADABLE, "branch number 2"),
        (LONGS, encoded_long(2**62) + b"\x00", TRUNCATED, "items, but only 1 bytes are left"),
        (LONGS, encoded_long(-(2**63)) + b"\x02\x00", TRUNCATED, "items, but only 1 bytes are left"),
        (LONGS, b"\x01\x06\x02\x00\x00", UNREADABLE, "not the length of its items"),
        (LONGS, b"\x01\x01\x02\x00", UNREADABLE, "length -1, which is negative"),
        (LONGS, b"\x02\x02", TRUNCATED, "bytes are missing"),
        ({"type": "array", "items": "null"}, encoded_long(10**12) + b"\x00", UNREADABLE, "of a type without bytes"),
        (MAP, encoded_long(2**62) + b"\x00", TRUNCATED, "entries, but only 1 bytes are left"),
        (MAP, b"\x04\x02a\x02\x02a\x04\x00", UNREADABLE, "stands in its map twice"),
        (MAP, b"\x01\x04\x02a\x02\x00", UNREADABLE, "not the length of its entries"),
        (MAP, b"\x02\x02\xff\x02\x00", INVALID_UTF8, "is not UTF-8"),
        (DECIMAL, b"\x04\x03\xe8", INVALID_INPUT, "more than 3 digits"),
        (DECIMAL, b"\x00", UNREADABLE, "decimal without bytes"),
        (FIXED_DECIMAL, b"\x7f\xff\xff\xff", INVALID_INPUT, "more than 3 digits"),
        (logical("int", "date"), encoded_long(2**31 - 1), UNREADABLE, "(int, date) lies outside of the years"),
        (logical("int", "date"), encoded_long(-(2**31)), UNREADABLE, "(int, date) lies outside of the years"),
        (logical("int", "time-millis"), b"\x01", INVALID_INPUT, "(int, time-millis) is not a time within a day"),
        (logical("int", "time-millis"), encoded_long(86_400_000), INVALID_INPUT, "not a time within a day"),
        (logical("long", "time-micros"), encoded_long(86_400_000_000), INVALID_INPUT, "not a time within a day"),
        (logical("long", "timestamp-micros"), encoded_long(2**62), UNREADABLE, "(long, timestamp-micros) lies outside"),
        (logical("long", "timestamp-millis"), encoded_long(-(2**63)), UNREADABLE, "(long, timestamp-millis) lies"),
        (logical("long", "local-timestamp-micros"), encoded_long(2**62), UNREADABLE, "lies outside of the years"),
        (logical("string", "uuid"), b"\x06abc", UNREADABLE, "(string, uuid) is not a UUID"),
        (logical("string", "uuid"), b"\x4c{00000000-0000-0000-0000-000000000001}", UNREADABLE, "is not a UUID"),
    ],
)
def test_bytes_that_are_no_value_are_rejected_and_say_why(document: Any, data: bytes, code: str, words: str) -> None:
    rejected = parse_avro(document).decode(data)
    assert isinstance(rejected, Rejected)
    assert rejected.code == code
    assert words in rejected.message


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b"\x02a\x04\x00\x02", "items[1].attrs"),
        (b"\x02a\x02\x02\x02k\x80", "items[0].attrs{k}"),
        (b"\x02a\x02\x03", "items[0].attrs"),
        (b"\x06a", "id"),
        (b"\x02a\x00\x02", "kind"),
    ],
)
def test_the_place_is_named(data: bytes, path: str) -> None:
    item = {"type": "record", "name": "Item", "fields": [{"name": "attrs", "type": MAP}]}
    schema = parse_avro(
        {
            "type": "record",
            "name": "R",
            "fields": [
                {"name": "id", "type": "string"},
                {"name": "items", "type": {"type": "array", "items": item}},
                {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["X"]}},
            ],
        }
    )
    rejected = schema.decode(data)
    assert isinstance(rejected, Rejected)
    assert rejected.path == path
    assert rejected.message.startswith(path)


def test_nesting_is_limited_the_same_in_reading_and_in_checking() -> None:
    schema = parse_avro({"type": "record", "name": "R", "fields": [{"name": "next", "type": ["null", "R"]}]})
    value: Any = None
    for _ in range(LIMIT_DEPTH):
        value = {"next": value}
    assert schema.problem(value) is None
    data = schema.encode(value)
    assert isinstance(data, bytes)
    assert schema.decode(data) == value
    assert schema.problem({"next": value}) is not None
    deeper = schema.decode(b"\x02" + data)
    assert isinstance(deeper, Rejected)
    assert deeper.code == UNREADABLE
    assert f"deeper than {LIMIT_DEPTH} levels" in deeper.message
    assert isinstance(schema.decode(b"\x02" * 1_000_000), Rejected)


@pytest.mark.parametrize("document", ["string", "bytes", LONGS, MAP, {"type": "array", "items": "null"}])
@pytest.mark.parametrize("claimed", [2**31, 2**60, -(2**60)])
def test_a_length_that_the_bytes_do_not_fill_allocates_nothing(document: Any, claimed: int) -> None:
    schema = parse_avro(document)
    data = encoded_long(claimed) + encoded_long(abs(claimed)) + b"\x00" * 20
    tracemalloc.start()
    try:
        rejected = schema.decode(data)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(rejected, Rejected)
    assert peak_bytes < 100_000
