"""inside: changes of a record inside the record, with its own paths."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, misfit, up
from tests.support.subjects import LONG, STRING, nullable

from instar.changes import convert, drop, inside, rename
from instar.core.formats.shape import Array, Map, Ref, Scalar
from instar.core.rejected import CONVERSION_FAILED, Rejected

DECIMAL = Scalar("bytes", "decimal", (("precision", 9), ("scale", 2)))
OLD, NEW = avro("Item", qty=LONG, cents=LONG), avro("Item", quantity=LONG, price=DECIMAL)
CHANGES = [rename("qty", "quantity"), rename("cents", "price"), convert("price", "cents -> decimal")]


def test_each_element_each_map_value_and_the_record_itself() -> None:
    before = avro(items=Array(OLD), by=Map(OLD), one=nullable(OLD), deep=avro("D", in_=Array(nullable(OLD))))
    after = avro(items=Array(NEW), by=Map(NEW), one=nullable(NEW), deep=avro("D", in_=Array(nullable(NEW))))
    paths = ("items[]", "by{}", "one", "deep.in_[]")
    hop = assert_lawful(before, after, *(inside(path, CHANGES) for path in paths))
    value = {"items": [{"qty": 1, "cents": 250}], "by": {}, "one": None, "deep": {"in_": [None]}}
    made = up(hop, value)
    assert str(made["items"][0]["price"]) == "2.50"
    assert down(hop, made) == value


def test_losses_and_places_carry_the_path_and_the_old_name() -> None:
    before = avro(items=Array(avro("Item", code=STRING, n=LONG)))
    after = avro(items=Array(avro("Item", n=Scalar("int"))))
    changes = [rename("code", "old_code"), drop("old_code", restore=""), convert("n", "long -> int")]
    hop = assert_lawful(before, after, inside("items[]", changes))
    assert hop.lost_up == ("items[].code",)
    made = up(hop, {"items": [{"code": "", "n": 1}, {"code": "", "n": 2**40}]})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (CONVERSION_FAILED, "items[1].n")


def test_one_change_without_a_way_back_makes_the_hop_one_way() -> None:
    assert bound_changes(avro(r=avro("R", a=LONG)), avro(r=avro("R")), inside("r", [drop("a")])).one_way


def test_a_recursive_record_inside_is_changed_once_at_each_depth() -> None:
    def tree(label: str) -> object:
        return avro("Node", **{label: STRING, "kids": Array(Ref("Node"))})

    hop = assert_lawful(avro(t=tree("a")), avro(t=tree("b")), inside("t", [rename("a", "b")]))  # type: ignore[arg-type]
    assert up(hop, {"t": {"a": "x", "kids": [{"a": "y", "kids": []}]}}) == {
        "t": {"b": "x", "kids": [{"b": "y", "kids": []}]}
    }


def test_the_path_of_a_misfit_leads_to_the_field() -> None:
    found = misfit(avro(items=Array(OLD)), avro(items=Array(NEW)), inside("items[]", [rename("qtty", "quantity")]))
    assert found.path == "items[].qtty"
    assert found.remedy == "did you mean qty?"


def test_what_is_no_record_has_no_inside() -> None:
    found = misfit(avro(items=Array(OLD)), avro(items=Array(OLD)), inside("items", []))
    assert (found.code, found.path) == ("not-a-record", "items")
    assert "items[].x" in found.remedy


def test_what_is_no_operation_is_refused() -> None:
    found = misfit(avro(r=OLD), avro(r=OLD), inside("r", ["rename"]))  # type: ignore[list-item]
    assert found.code == "hop-wrong-type"
