"""Values go into JSON text and come back exactly, and text from anybody cannot do harm."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.values import plain_values

from instar.core.upcasting.difference import differing
from instar.core.upcasting.exact_json import dumps, loads


@given(plain_values())
def test_every_plain_value_comes_back_exactly(value: object) -> None:
    back = loads(dumps(value))
    assert not list(differing(value, back))
    assert type(back) is type(value)


@given(st.binary(max_size=40))
def test_foreign_bytes_are_a_value_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        loads(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"$n":"1E+999999999"}',
        b'{"$n":"x"}',
        b'{"$n":[]}',
        b'{"$t":"yesterday"}',
        b'{"$i":3}',
        b'{"$o":3}',
        b'{"$u":3}',
        b'{"$b":"?"}',
        b"\xff",
        b"[" * 4000,
    ],
)
def test_foreign_text_that_would_cost_much_or_means_nothing_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        loads(data)
