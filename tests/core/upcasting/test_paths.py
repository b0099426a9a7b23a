"""Field paths: reading, writing, following."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.shape_values import avro
from tests.support.subjects import LONG, STRING, nullable

from instar.core.formats.shape import MISSING, NULL, Array, Map, Ref, Shape, Union
from instar.core.upcasting.operation import Misfit
from instar.core.upcasting.paths import (
    common_record,
    field_at,
    field_of,
    get,
    join,
    located,
    parse,
    shape_at,
    walk,
    write,
)

NAMES = st.text(st.characters(exclude_characters=".[]{}", exclude_categories=("Cs",)), min_size=1, max_size=4)
SEGMENTS = st.tuples(NAMES, st.lists(st.sampled_from(["[]", "{}"]), max_size=2))
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map(
    lambda parts: tuple(t for name, each in parts for t in (name, *each))
)


@given(PATHS)
def test_a_path_that_is_written_reads_back(path: tuple[str, ...]) -> None:
    assert parse(write(path)) == path


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".a", "a..b", "[]", "[].a", "a[0]", "a[", "a]", "a{x}", "a[]b", "{}", 5, None]
)
def test_what_is_no_path_says_how_to_write_one(text: object) -> None:
    with pytest.raises(Misfit) as raised:
        parse(text)
    assert raised.value.code == "bad-path"
    assert "items[].x" in raised.value.remedy


def test_a_path_is_a_record_a_field_and_the_parts_of_that_field() -> None:
    assert located("a.items[].tags[]{}") == (("a", "items", "[]"), "tags", ("[]", "{}"))
    assert field_of("a.b") == (("a",), "b")
    with pytest.raises(Misfit) as raised:
        field_of("a.b[]")
    assert raised.value.remedy == "write a.b, or use inside"


def test_paths_join_as_they_are_written() -> None:
    assert join("items[]", "price") == "items[].price"
    assert join("items", "[2].price") == "items[2].price"
    assert join("", "a") == "a"
    assert join("a", None) == "a"


def test_several_paths_meet_in_the_deepest_record_they_share() -> None:
    assert common_record(["i[].a.x", "i[].a.y"]) == (("i", "[]", "a"), [("x",), ("y",)])
    assert common_record(["i[].a", "i[].b.c"]) == (("i", "[]"), [("a",), ("b", "c")])
    assert common_record(["a.b", "a"]) == ((), [("a", "b"), ("a",)])
    assert common_record(["t", "i[].p"]) == ((), [("t",), ("i", "[]", "p")])
    assert common_record(["i[]", "i"])[0] == ()


VALUE = {
    "a": {"b": 1},
    "items": [{"p": 1}, {"p": 2}, None, {}],
    "by": {"k": {"x": None}, "l": {"x": 3}},
    "pay": ("Card", {"no": 5}),
    "null": None,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", [1]),
        ("items[].p", [1, 2]),
        ("by{}.x", [None, 3]),
        ("pay.no", [5]),
        ("null.x", []),
        ("nothing.x", []),
        ("a[].x", []),
        ("items{}.p", []),
        ("pay", [("Card", {"no": 5})]),
    ],
)
def test_walking_passes_null_and_absent_by(path: str, expected: list[object]) -> None:
    assert list(walk(VALUE, parse(path))) == expected


def test_getting_tells_null_from_nothing() -> None:
    assert get(VALUE, ("null",)) is None
    assert get(VALUE, ("null", "x")) is MISSING
    assert get(VALUE, ("nothing",)) is MISSING
    assert get(VALUE, ("pay", "no")) == 5


CARD, CASH = avro("Card", no=LONG), avro("Cash", till=STRING)
SHAPE = avro(
    a=nullable(avro("A", b=LONG)),
    items=Array(avro("I", p=STRING)),
    by=Map(nullable(avro("B", x=LONG))),
    pay=Union((NULL, CARD, CASH)),
    tree=avro("Node", label=STRING, kids=Array(Ref("Node"))),
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.b", LONG),
        ("items[].p", STRING),
        ("by{}.x", LONG),
        ("pay.till", STRING),
        ("tree.kids[].kids[].label", STRING),
        ("a.c", None),
        ("items.p", None),
        ("items{}.p", None),
    ],
)
def test_the_shape_at_a_path(path: str, expected: Shape | None) -> None:
    assert shape_at(SHAPE, parse(path)) == expected


def test_no_shape_has_no_fields() -> None:
    assert field_at(None, ("a",)) is None
