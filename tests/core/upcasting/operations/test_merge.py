"""merge: several fields become one."""

from hypothesis import strategies as st
from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import LONG, STRING, nullable, optional

from instar.changes import merge
from instar.core.formats.shape import Array
from instar.core.rejected import HOP_RETURNED_WRONG_TYPE, Rejected


def listed(*values: object) -> list[object]:
    return list(values)


def test_two_fields_become_one_and_come_back() -> None:
    hop = assert_lawful(
        avro(a=LONG, b=LONG),
        avro(both=Array(LONG)),
        merge(["a", "b"], "both", up=listed, down=tuple),
        news=st.lists(st.integers(0, 9), min_size=2, max_size=2).map(lambda pair: {"both": pair}),
    )
    assert up(hop, {"a": 1, "b": 2}) == {"both": [1, 2]}
    assert down(hop, {"both": [1, 2]}) == {"a": 1, "b": 2}


def test_a_record_whose_fields_are_all_merged_goes_and_comes_back() -> None:
    before, after = avro(name=avro("Name", first=STRING, last=STRING)), avro(full=Array(STRING))
    hop = bound_changes(before, after, merge(["name.first", "name.last"], "full", up=listed, down=tuple))
    assert up(hop, {"name": {"first": "a", "last": "b"}}) == {"full": ["a", "b"]}
    assert down(hop, {"full": ["a", "b"]}) == {"name": {"first": "a", "last": "b"}}


def test_a_field_may_be_merged_into_its_own_name() -> None:
    hop = bound_changes(avro(a=LONG, b=LONG), avro(a=Array(LONG)), merge(["a", "b"], "a", up=listed, down=tuple))
    assert up(hop, {"a": 1, "b": 2}) == {"a": [1, 2]}
    assert down(hop, {"a": [1, 2]}) == {"a": 1, "b": 2}


def test_null_for_nulls_and_absent_for_absent() -> None:
    hop = bound_changes(
        json(a=optional(nullable(STRING)), b=optional(nullable(STRING))),
        json(c=optional(nullable(STRING))),
        merge(["a", "b"], "c", up=lambda a, b: f"{a}/{b}", down=lambda c: tuple(c.split("/"))),
    )
    assert up(hop, {}) == {}
    assert up(hop, {"a": None, "b": None}) == {"c": None}
    assert up(hop, {"a": "x"}) == {"c": "x/None"}
    assert down(hop, {"c": None}) == {"a": None, "b": None}
    assert down(hop, {}) == {}


def test_without_down_it_is_one_way() -> None:
    assert bound_changes(avro(a=LONG, b=LONG), avro(s=LONG), merge(["a", "b"], "s", up=lambda a, b: a + b)).one_way


def test_a_way_down_that_returns_no_tuple_is_rejected() -> None:
    hop = bound_changes(avro(a=LONG, b=LONG), avro(s=LONG), merge(["a", "b"], "s", up=lambda a, b: a, down=lambda s: s))
    made = down(hop, {"s": 1})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (HOP_RETURNED_WRONG_TYPE, "s")


def test_a_source_that_is_not_there_is_named() -> None:
    found = misfit(avro(first=STRING), avro(n=STRING), merge(["first", "lats"], "n", up=str))
    assert (found.code, found.path) == ("no-such-field", "lats")


def test_up_must_be_a_function() -> None:
    assert misfit(avro(a=LONG), avro(n=LONG), merge(["a"], "n", up="sum")).code == "not-a-function"  # type: ignore[arg-type]
