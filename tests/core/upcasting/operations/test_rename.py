"""rename: another name, the same value, the same place."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import LONG, STRING, nullable, optional

from instar.changes import rename
from instar.core.formats.shape import Array, Map, Object, Ref, Scalar


def test_a_rename_keeps_the_value_and_the_place() -> None:
    hop = bound_changes(
        avro(a=STRING, qty=LONG, z=STRING), avro(a=STRING, quantity=LONG, z=STRING), rename("qty", "quantity")
    )
    made = up(hop, {"a": "x", "qty": 3, "z": "y"})
    assert list(made.items()) == [("a", "x"), ("quantity", 3), ("z", "y")]
    assert list(down(hop, made)) == ["a", "qty", "z"]


def test_null_stays_null_and_absent_stays_absent() -> None:
    before, after = json(a=optional(nullable(STRING))), json(b=optional(nullable(STRING)))
    hop = bound_changes(before, after, rename("a", "b"))
    assert up(hop, {"a": None}) == {"b": None}
    assert up(hop, {}) == {}
    assert down(hop, {}) == {}


def test_a_rename_reaches_elements_map_values_and_nullable_records() -> None:
    before = avro(
        items=Array(avro("Item", qty=LONG)), by=Map(nullable(avro("By", qty=LONG))), one=nullable(avro("One", qty=LONG))
    )
    after = avro(
        items=Array(avro("Item", n=LONG)), by=Map(nullable(avro("By", n=LONG))), one=nullable(avro("One", n=LONG))
    )
    changes = [rename("items[].qty", "n"), rename("by{}.qty", "by{}.n"), rename("one.qty", "n")]
    hop = assert_lawful(before, after, *changes)
    value = {"items": [{"qty": 1}, {"qty": 2}], "by": {"k": {"qty": 3}, "l": None}, "one": None}
    assert up(hop, value) == {"items": [{"n": 1}, {"n": 2}], "by": {"k": {"n": 3}, "l": None}, "one": None}


def test_nothing_is_lost() -> None:
    hop = assert_lawful(avro(a=STRING, b=LONG), avro(c=STRING, b=LONG), rename("a", "c"))
    assert (hop.lost_up, hop.lost_down, hop.one_way) == ((), (), False)


def test_a_recursive_record_is_renamed_at_every_depth() -> None:
    def tree(label: str) -> Object:
        return avro("Node", **{label: STRING, "kids": Array(Ref("Node"))})

    hop = assert_lawful(tree("label"), tree("title"), rename("label", "title"))
    value = {"label": "a", "kids": [{"label": "b", "kids": [{"label": "c", "kids": []}]}]}
    assert up(hop, value) == {"title": "a", "kids": [{"title": "b", "kids": [{"title": "c", "kids": []}]}]}


def test_a_recursive_record_inside_a_record_is_renamed_once_at_each_depth() -> None:
    def forest(label: str) -> Object:
        return avro(top=nullable(avro("Node", **{label: STRING, "next": nullable(Ref("Node"))})))

    hop = assert_lawful(forest("label"), forest("title"), rename("top.label", "title"))
    value = {"top": {"label": "a", "next": {"label": "b", "next": None}}}
    assert up(hop, value) == {"top": {"title": "a", "next": {"title": "b", "next": None}}}


def test_a_misspelt_field_is_named_with_its_nearest() -> None:
    found = misfit(avro(quantity=LONG), avro(n=LONG), rename("quantiy", "n"))
    assert found.code == "no-such-field"
    assert found.path == "quantiy"
    assert found.remedy == "did you mean quantity?"


def test_a_name_that_is_taken_is_refused() -> None:
    assert misfit(avro(a=LONG, b=LONG), avro(b=LONG), rename("a", "b")).code == "field-exists"


def test_another_record_is_a_matter_for_move() -> None:
    found = misfit(avro(a=LONG), avro(b=avro("B", a=LONG)), rename("a", "b.a"))
    assert found.remedy == 'move("a", "b.a")'


def test_an_array_without_brackets_is_told_how_to_write_it() -> None:
    found = misfit(avro(items=Array(avro("I", a=LONG))), avro(items=Array(avro("I", b=LONG))), rename("items.a", "b"))
    assert found.path == "items"
    assert "items[].x" in found.remedy


def test_what_is_no_path_is_refused() -> None:
    for path in ("", "a..b", "[].x", "a[", "a.[]"):
        assert misfit(avro(a=Scalar("int")), avro(a=Scalar("int")), rename(path, "b")).code == "bad-path"
