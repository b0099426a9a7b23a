"""compute: a new field that follows from others."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import LONG, STRING, optional

from instar.changes import MISSING, compute, drop
from instar.core.formats.shape import Array, Map, Scalar
from instar.core.rejected import HOP_RAISED, HOP_RETURNED_WRONG_TYPE, Rejected

ITEM = avro("Item", n=LONG, p=LONG)


def test_a_total_is_computed_and_dropped_on_the_way_down() -> None:
    def total_of(items: list[dict[str, int]]) -> str:
        return str(sum(item["n"] * item["p"] for item in items))

    hop = assert_lawful(
        avro(items=Array(ITEM)), avro(items=Array(ITEM), total=STRING), compute("total", reads=["items"], up=total_of)
    )
    value = {"items": [{"n": 2, "p": 3}, {"n": 1, "p": 4}]}
    assert up(hop, value) == {**value, "total": "10"}
    assert down(hop, {**value, "total": "99"}) == value
    assert (hop.lost_up, hop.lost_down) == ((), ("total",))


def test_in_each_element() -> None:
    after = avro(items=Array(avro("Item", n=LONG, p=LONG, cost=STRING)))
    change = compute("items[].cost", reads=["items[].n", "items[].p"], up=lambda n, p: str(n * p))
    hop = assert_lawful(avro(items=Array(ITEM)), after, change)
    assert up(hop, {"items": [{"n": 2, "p": 3}]}) == {"items": [{"n": 2, "p": 3, "cost": "6"}]}
    assert hop.lost_down == ("items[].cost",)


def test_a_path_with_wildcards_reads_all_values() -> None:
    before, after = avro(items=Array(ITEM), by=Map(LONG)), avro(items=Array(ITEM), by=Map(LONG), s=STRING)
    hop = bound_changes(before, after, compute("s", reads=["items[].n", "by{}"], up=lambda a, b: f"{a} {b}"))
    assert up(hop, {"items": [{"n": 1, "p": 0}, {"n": 2, "p": 0}], "by": {"k": 5}})["s"] == "[1, 2] [5]"


def test_a_function_cannot_change_what_it_reads_nor_share_it() -> None:
    def keep(items: list[int]) -> list[int]:
        items.append(9)
        return items

    hop = bound_changes(avro(a=Array(LONG)), avro(a=Array(LONG), b=Array(LONG)), compute("b", reads=["a"], up=keep))
    assert up(hop, {"a": [1]}) == {"a": [1], "b": [1, 9]}


def test_an_absent_field_is_read_as_none_and_missing_leaves_the_field_out() -> None:
    change = compute("b", reads=["a"], up=lambda a: MISSING if a is None else a)
    hop = bound_changes(json(a=optional(STRING)), json(a=optional(STRING), b=optional(STRING)), change)
    assert up(hop, {}) == {}
    assert up(hop, {"a": "x"}) == {"a": "x", "b": "x"}
    required = bound_changes(json(a=optional(STRING)), json(a=optional(STRING), b=STRING), change)
    made = up(required, {})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (HOP_RETURNED_WRONG_TYPE, "b")


def test_with_down_the_fields_read_are_set_from_the_value() -> None:
    changes = (compute("price", reads=["cents"], up=str, down=int), drop("cents", restore=0))
    hop = bound_changes(avro(cents=LONG), avro(price=STRING), *changes)
    assert up(hop, {"cents": 5}) == {"price": "5"}
    assert down(hop, {"price": "7"}) == {"cents": 7}


def test_what_a_function_raises_names_the_field_it_was_for() -> None:
    hop = bound_changes(avro(a=LONG), avro(a=LONG, b=LONG), compute("b", reads=["a"], up=lambda a: 1 // a))
    made = up(hop, {"a": 0})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (HOP_RAISED, "b")
    assert "ZeroDivisionError" in made.message


def test_a_field_that_is_not_there_cannot_be_read() -> None:
    found = misfit(avro(items=Array(ITEM)), avro(items=Array(ITEM), t=STRING), compute("t", reads=["item"], up=str))
    assert (found.code, found.remedy) == ("no-such-field", "did you mean items?")


def test_a_field_that_is_there_is_a_matter_for_convert() -> None:
    assert misfit(avro(a=LONG), avro(a=Scalar("long")), compute("a", reads=[], up=int)).code == "field-exists"
