"""JSON text is read and written without changing a value."""

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.json_schemas import JSON_VALUES

from instar.core.formats.json_text import read_json, write_json
from instar.core.rejected import Rejected


def code_of(data: bytes) -> str:
    rejected = read_json(data)
    assert isinstance(rejected, Rejected), rejected
    return rejected.code


@given(JSON_VALUES)
def test_what_is_written_reads_back_equal(value: Any) -> None:
    data = write_json(value)
    assert isinstance(data, bytes)
    back = read_json(data)
    assert back == value
    assert repr(back) == repr(value)  # 1 and 1.0 and True are equal in Python, and not the same value here


@given(JSON_VALUES, st.sampled_from([None, 1, 3]), st.booleans())
def test_the_layout_of_the_text_makes_no_difference(value: Any, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert repr(read_json(text.encode())) == repr(value)


@given(st.binary())
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"1E+999999999")
@example(b"9" * 100_000)
@example(b'{"a":1e99999}')
def test_no_bytes_make_it_raise(data: bytes) -> None:
    value = read_json(data)
    if not isinstance(value, Rejected):
        written = write_json(value)
        assert isinstance(written, bytes)
        assert read_json(written) == value


@given(st.from_regex(r"\A-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?\Z"))
@example("18446744073709551616")
@example("-9223372036854775809")
@example("0.1000000000000000055")
@example("9007199254740993.0")
@example("1e400")
@example("1e-400")
def test_no_number_changes_its_value(text: str) -> None:
    value = read_json(f"[{text}]".encode())
    assert isinstance(value, list)
    written = write_json(value)
    assert isinstance(written, bytes)
    assert Fraction(written[1:-1].decode()) == Fraction(text)
    if isinstance(value[0], float):  # what a hop sees has the same digits, too
        assert Fraction(repr(value[0])) == Fraction(text)


def test_numbers_become_the_plainest_type_that_holds_them() -> None:
    value = read_json(b'{"a": 18446744073709551616, "b": 1.10, "c": 1e5, "d": 0.1000000000000000055, "e": 5}')
    assert value == {"a": 2**64, "b": 1.1, "c": 100000.0, "d": Decimal("0.1000000000000000055"), "e": 5}
    assert isinstance(value["a"], int)
    assert isinstance(value["b"], float)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "unreadable"),
        (b" \n", "unreadable"),
        (b'{"a":1', "unreadable"),
        (b'{"a":1,}', "unreadable"),
        (b"{'a':1}", "unreadable"),
        (b"01x", "trailing-bytes"),
        (b"{} {}", "trailing-bytes"),
        (b'{"a":1}\x00', "trailing-bytes"),
        (b"\xef\xbb\xbf{}", "unreadable"),
        (b'{"a":"\xff"}', "invalid-utf8"),
        (b'{"a":"\xed\xa0\x80"}', "invalid-utf8"),
        (b'"\\ud800"', "unreadable"),
        (b'"line\nbreak"', "unreadable"),
        (b"NaN", "invalid-input"),
        (b"[-Infinity]", "invalid-input"),
        (b'{"a":1,"a":1}', "invalid-input"),
        (b'{"a":{"b":1,"c":2,"b":3}}', "invalid-input"),
        (b'{"a" : 1, "\\u0061" : 2}', "invalid-input"),
        (b"1e1001", "invalid-input"),
        (b"9" * 1001, "invalid-input"),
        (b"[" * 300 + b"]" * 300, "unreadable"),
    ],
)
def test_bad_text_is_named_for_what_is_bad(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_a_name_that_occurs_twice_is_named() -> None:
    rejected = read_json(b'{"total":1,"total":2}')
    assert isinstance(rejected, Rejected)
    assert rejected.message == "The name total occurs twice in one object; which of the two is meant is unknown."


@pytest.mark.parametrize(
    ("value", "path", "what"),
    [
        ({"a": [1, b"raw"]}, "a[1]", "bytes"),
        ({"a": {"b": math.nan}}, "a.b", "nan"),
        ({"a": math.inf}, "a", "inf"),
        ({"a": Decimal("NaN")}, "a", "not a number"),
        ({"a": (1, 2)}, "a", "tuple"),
        ({"a": {1, 2}}, "a", "set"),
        ({"a": UUID(int=1)}, "a", "UUID"),
        ({"a b": {1: 2}}, '["a b"]', "name of type int"),
        ({"a": "\ud800"}, "a", "surrogate"),
        (object(), None, "object"),
    ],
)
def test_a_value_that_json_cannot_hold_is_refused_with_its_path(value: Any, path: str | None, what: str) -> None:
    rejected = write_json(value)
    assert isinstance(rejected, Rejected)
    assert rejected.code == "hop-output-invalid"
    assert rejected.path == path
    assert what in rejected.message


def test_a_value_nested_without_end_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    rejected = write_json(value)
    assert isinstance(rejected, Rejected)
    assert "nested deeper" in rejected.message


def test_decimals_and_big_integers_are_written_with_all_their_digits() -> None:
    value = {"é": Decimal("12.30"), "big": 2**70, "list": [Decimal("1E+30"), None, True, 'q"']}
    assert write_json(value) == '{"é":12.30,"big":1180591620717411303424,"list":[1E+30,null,true,"q\\""]}'.encode()
