"""What a hop did to a record is told field by field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.values import plain_values

from instar.core.formats.shape import MISSING
from instar.core.upcasting.difference import Difference, differences, differing, write_place
from instar.core.upcasting.value import copy_of, same


def test_a_renamed_field_moved() -> None:
    assert differences({"qty": 7, "x": 1}, {"quantity": 7, "x": 1}) == [
        Difference("moved", "quantity", 7, 7, was="qty")
    ]


def test_fields_that_moved_into_a_new_record_are_told_one_by_one() -> None:
    before = {"street": "Elm 1", "city": "Bern"}
    after = {"address": {"street": "Elm 1", "city": "Bern", "country": None}}
    assert differences(before, after) == [
        Difference("moved", "address.street", "Elm 1", "Elm 1", was="street"),
        Difference("moved", "address.city", "Bern", "Bern", was="city"),
        Difference("added", "address.country", after=None),
    ]


def test_changed_added_and_removed_are_told_apart() -> None:
    found = {(d.kind, d.path) for d in differences({"a": 1, "b": "x"}, {"a": 2, "c": [True]})}
    assert found == {("changed", "a"), ("removed", "b"), ("added", "c")}


def test_null_is_not_absent() -> None:
    assert differences({"a": None}, {}) == [Difference("removed", "a", before=None)]


def test_elements_of_arrays_are_told_by_index() -> None:
    before = {"items": [{"qty": 1}, {"qty": 1}]}
    after = {"items": [{"n": 1}, {"n": 1}]}
    assert [(d.path, d.was) for d in differences(before, after)] == [
        ("items[0].n", "items[0].qty"),
        ("items[1].n", "items[1].qty"),
    ]


def test_places_are_written_as_people_write_paths() -> None:
    assert write_place(("items", 2, "unit price", "x")) == "items[2]{unit price}.x"


@pytest.mark.parametrize(("left", "right"), [(True, 1), (0.0, -0.0), ("1", 1), (b"a", "a"), (None, MISSING), ([], {})])
def test_what_python_or_a_reader_might_take_for_equal_differs(left: object, right: object) -> None:
    assert not same(left, right)


def test_nan_is_nan_and_numbers_are_numbers() -> None:
    assert same({"a": [float("nan")]}, {"a": [float("nan")]})
    assert same(1, 1.0)


@given(plain_values(), plain_values())
def test_values_are_the_same_exactly_when_nothing_differs(left: object, right: object) -> None:
    assert same(left, right) == (not list(differing(left, right)))
    assert not list(differing(left, copy_of(left)))


@given(st.dictionaries(st.text(max_size=3), plain_values()), st.dictionaries(st.text(max_size=3), plain_values()))
def test_differences_are_told_exactly_when_there_are_some(left: dict[str, object], right: dict[str, object]) -> None:
    assert bool(differences(left, right)) == (not same(left, right))
