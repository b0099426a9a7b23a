"""Whether every value of one shape is a value of another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.shape_values import avro, json, values_of
from tests.support.subjects import BYTES, DOUBLE, LONG, STRING, nullable, optional

from instar.core.formats.shape import NULL, Array, Enum, Field, Map, Object, Opaque, Ref, Scalar, Shape, Union
from instar.core.upcasting.containment import assignable
from instar.core.upcasting.membership import fits, is_avro

INT, FLOAT, INTEGER, NUMBER = Scalar("int"), Scalar("float"), Scalar("integer"), Scalar("number")


def decimal(precision: int, scale: int) -> Scalar:
    return Scalar("bytes", "decimal", (("precision", precision), ("scale", scale)))


def at_least(minimum: int) -> Scalar:
    return Scalar("integer", None, (("minimum", minimum),))


def kinds(value: Shape, into: Shape) -> list[tuple[str, str]]:
    return [(each.kind, each.path) for each in assignable(value, into)]


@pytest.mark.parametrize(
    ("value", "into"),
    [
        (INT, LONG),
        (INT, DOUBLE),
        (LONG, FLOAT),
        (FLOAT, DOUBLE),
        (LONG, nullable(LONG)),
        (NULL, nullable(LONG)),
        (Union((NULL, LONG)), Union((LONG, NULL))),
        (INT, Union((NULL, LONG, STRING))),
        (decimal(9, 2), decimal(12, 4)),
        (Enum(("A",), "E"), Enum(("B", "A"), "E")),
        (Array(INT), Array(LONG)),
        (Map(INT), Map(nullable(LONG))),
        (avro("R", x=INT), avro("R", x=LONG)),
        (Union((avro("A"), avro("B"))), Union((avro("B"), avro("C"), avro("A")))),
    ],
)
def test_avro_values_that_fit_without_a_change(value: Shape, into: Shape) -> None:
    assert kinds(avro(x=value), avro(x=into)) == []


@pytest.mark.parametrize(
    ("value", "into", "kind", "path"),
    [
        (LONG, INT, "type", "x"),
        (DOUBLE, FLOAT, "type", "x"),
        (STRING, BYTES, "type", "x"),
        (LONG, Scalar("long", "timestamp-micros"), "type", "x"),
        (Scalar("long", "timestamp-micros"), LONG, "type", "x"),
        (decimal(9, 2), decimal(9, 4), "type", "x"),
        (decimal(9, 2), decimal(8, 2), "type", "x"),
        (nullable(LONG), LONG, "null", "x"),
        (Enum(("A", "B"), "E"), Enum(("A",), "E"), "symbols", "x"),
        (Enum(("A",), "E"), Enum(("A",), "F"), "name", "x"),
        (Enum(("A",), "E"), STRING, "type", "x"),
        (STRING, Enum(("A",), "E"), "type", "x"),
        (avro("A", y=LONG), avro("B", y=LONG), "name", "x"),
        (avro("A", y=LONG), avro("A"), "extra", "x.y"),
        (avro("A"), avro("A", y=LONG), "missing", "x.y"),
        (Array(LONG), Array(INT), "type", "x[]"),
        (Map(LONG), Map(INT), "type", "x{}"),
        (Map(LONG), Array(LONG), "type", "x"),
        (Union((NULL, avro("A"), avro("B"))), Union((NULL, avro("A"), avro("C"))), "branch", "x"),
        (nullable(avro("A")), Union((NULL, avro("A"), avro("B"))), "type", "x"),  # bare values against pairs
        (Scalar("fixed", None, (("size", 4),), "F"), Scalar("fixed", None, (("size", 5),), "F"), "type", "x"),
    ],
)
def test_avro_values_that_do_not_fit(value: Shape, into: Shape, kind: str, path: str) -> None:
    assert kinds(avro(x=value), avro(x=into)) == [(kind, path)]


@pytest.mark.parametrize(
    ("value", "into"),
    [
        (json(a=STRING), json(a=optional(STRING))),
        (json(a=STRING), json(is_open=True, a=STRING)),
        (json(), json(a=optional(STRING))),
        (json(a=INTEGER), json(a=NUMBER)),
        (json(a=Enum(("x", "y"))), json(a=STRING)),
        (json(a=Enum((1, 2))), json(a=INTEGER)),
        (json(a=Scalar("boolean")), json(a=Enum((True, False)))),
        (json(a=STRING), json(a=Scalar("string", "date-time"))),  # a format only annotates
        (json(a=STRING), json(a=Opaque("true"))),
        (json(a=nullable(STRING)), json(a=Opaque("true"))),
        (json(a=Opaque('{"not":{}}')), json(a=Opaque('{"not":{}}'))),
        (json(a=json(b=STRING, c=STRING)), json(a=Map(STRING))),
        (json(a=Map(STRING)), json(a=json(is_open=True))),
        (
            json(a=Scalar("string", None, (("maxLength", 5), ("minLength", 2)))),
            json(a=Scalar("string", None, (("maxLength", 6), ("minLength", 1)))),
        ),
    ],
)
def test_json_values_that_fit_without_a_change(value: Shape, into: Shape) -> None:
    assert kinds(value, into) == []


@pytest.mark.parametrize(
    ("value", "into", "kind", "path"),
    [
        (json(a=optional(STRING)), json(a=STRING), "absent", "a"),
        (json(), json(a=STRING), "missing", "a"),
        (json(a=STRING), json(), "extra", "a"),
        (json(a=STRING), json(is_open=True), "doubt", "a"),
        (json(is_open=True), json(), "doubt", ""),
        (json(a=NUMBER), json(a=INTEGER), "type", "a"),
        (json(a=Enum(("x", 1))), json(a=STRING), "type", "a"),
        (json(a=STRING), json(a=Scalar("string", None, (("pattern", "^a"),))), "doubt", "a"),
        (json(a=at_least(0)), json(a=at_least(1)), "doubt", "a"),
        (json(a=STRING), json(a=Opaque('{"not":{}}')), "doubt", "a"),
        (json(a=STRING), json(a=Opaque("false")), "type", "a"),
        (json(a=Map(STRING)), json(a=json(is_open=True, b=STRING)), "missing", "a.b"),
    ],
)  # fmt: skip
def test_json_values_that_do_not_fit_or_may_not(value: Shape, into: Shape, kind: str, path: str) -> None:
    assert kinds(value, into) == [(kind, path)]


def test_a_record_is_held_against_the_branch_that_its_values_belong_to() -> None:
    branches = Union((json(kind=Enum(("A",)), a=STRING), json(kind=Enum(("B", "C")), b=STRING)))
    assert kinds(branches, branches) == []
    assert kinds(json(kind=Enum(("A",)), a=STRING), branches) == []
    both = json(kind=Enum(("A", "B")), a=STRING, b=STRING)
    assert {path for _, path in kinds(both, branches)} == {"a", "b"}
    open_branches = Union((json(kind=Enum(("A",)), n=INTEGER), json(kind=STRING, n=NUMBER)))
    assert kinds(json(kind=STRING, n=INTEGER), open_branches) == []


def test_recursive_shapes_are_compared_once() -> None:
    def tree(value: Shape) -> Object:
        return avro("Node", value=value, kids=Array(Ref("Node")))

    assert kinds(tree(INT), tree(LONG)) == []
    assert kinds(tree(LONG), tree(INT)) == [("type", "value")]
    unrolled = avro("Node", value=LONG, kids=Array(avro("Node", value=LONG, kids=Array(Ref("Node")))))
    assert kinds(tree(INT), unrolled) == []
    assert kinds(unrolled, tree(LONG)) == []


AVRO_LEAVES = st.sampled_from(
    [
        *(INT, LONG, FLOAT, DOUBLE, STRING, BYTES, Scalar("boolean"), decimal(5, 2), decimal(7, 3)),
        *(Scalar("long", "timestamp-micros"), Enum(("A", "B"), "E"), Enum(("A",), "E"), Enum(("A", "B", "C"), "E")),
    ]
)
JSON_LEAVES = st.sampled_from(
    [INTEGER, NUMBER, STRING, Scalar("boolean"), Enum(("a", "b")), Enum(("a",)), Enum((1, True)), Opaque("true")]
)


def _shapes(leaves: st.SearchStrategy[Shape], *, is_avro: bool) -> st.SearchStrategy[Shape]:
    def deeper(parts: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
        fields = st.dictionaries(
            st.sampled_from("abc"), st.builds(Field, parts, st.just(True) if is_avro else st.booleans()), max_size=3
        )
        plain = parts.filter(lambda shape: not isinstance(shape, Union) and shape != NULL)
        return st.one_of(
            st.builds(Array, parts),
            st.builds(Map, parts),
            st.builds(Object, fields, st.just("R") if is_avro else st.none()),
            plain.map(lambda shape: Union((NULL, shape))),
        )

    return st.recursive(leaves, deeper, max_leaves=6)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.booleans())
def test_whatever_is_assignable_fits(data: st.DataObject, of_avro: bool) -> None:
    shapes = _shapes(AVRO_LEAVES if of_avro else JSON_LEAVES, is_avro=of_avro)
    make = avro if of_avro else json
    value, into = make(x=data.draw(shapes)), make(x=data.draw(shapes))
    assert is_avro(value) is of_avro
    if not assignable(value, into):
        drawn = data.draw(values_of(value))
        assert fits(into, avro=of_avro)(drawn)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.booleans())
def test_every_shape_is_assignable_to_itself(data: st.DataObject, of_avro: bool) -> None:
    shape = data.draw(_shapes(AVRO_LEAVES if of_avro else JSON_LEAVES, is_avro=of_avro))
    record = avro(x=shape) if of_avro else json(x=shape)
    assert assignable(record, record) == []
    assert fits(record, avro=of_avro)(data.draw(values_of(record)))
