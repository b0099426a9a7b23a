"""rename_type: an Avro type gets another name."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import LONG, STRING, nullable

from instar.changes import rename_type
from instar.core.formats.shape import NULL, Array, Enum, Map, Object, Ref, Scalar, Union


def test_a_name_is_exchanged_where_values_show_it() -> None:
    def order(name: str) -> Object:
        pay = Union((NULL, avro(name, no=STRING), avro("shop.Cash")))
        return avro("shop.Order", paid=pay, all=Array(pay), by=Map(pay), n=nullable(avro("shop.N", pay=pay)))

    hop = assert_lawful(order("shop.Crad"), order("shop.Card"), rename_type("shop.Crad", "shop.Card"))
    old, new = ("shop.Crad", {"no": "1"}), ("shop.Card", {"no": "1"})
    cash = ("shop.Cash", {})
    value = {"paid": old, "all": [cash, old, None], "by": {"k": old}, "n": {"pay": old}}
    made = up(hop, value)
    assert made == {"paid": new, "all": [cash, new, None], "by": {"k": new}, "n": {"pay": new}}
    assert down(hop, made) == value
    assert hop.lost_up == hop.lost_down == ()


def test_a_short_name_stands_for_the_one_type_of_that_name_and_keeps_its_namespace() -> None:
    before, after = avro("a.Order", s=Enum(("X",), "a.Stat")), avro("a.Order", s=Enum(("X",), "a.Status"))
    bound_changes(before, after, rename_type("Stat", "Status"))


def test_the_record_itself_an_enum_and_a_fixed() -> None:
    fixed = Scalar("fixed", None, (("size", 4),), "Raw")
    before = avro("Old", s=Enum(("X",), "S"), f=fixed)
    after = avro("New", s=Enum(("X",), "T"), f=Scalar("fixed", None, (("size", 4),), "Bytes"))
    hop = assert_lawful(before, after, rename_type("Old", "New"), rename_type("S", "T"), rename_type("Raw", "Bytes"))
    assert up(hop, {"s": "X", "f": b"1234"}) == {"s": "X", "f": b"1234"}


def test_a_recursive_type() -> None:
    def tree(name: str) -> Object:
        return avro(name, next=Union((NULL, Ref(name), avro("Leaf", n=LONG))))

    hop = assert_lawful(tree("Nod"), tree("Node"), rename_type("Nod", "Node"))
    assert up(hop, {"next": ("Nod", {"next": ("Nod", {"next": None})})}) == {
        "next": ("Node", {"next": ("Node", {"next": None})})
    }


def test_another_name_in_the_new_version_is_told_of_this_operation() -> None:
    found = misfit(avro("Order", a=avro("A", x=LONG)), avro("Order", a=avro("B", x=LONG)))
    assert (found.code, found.path, found.remedy) == ("wrong-name", "a", 'add: rename_type("A", "B")')


def test_a_type_that_is_not_there() -> None:
    found = misfit(avro("Order", a=LONG), avro("Order", a=LONG), rename_type("Item", "Line"))
    assert found.code == "no-such-type"
    assert "Order" in found.remedy


def test_json_has_no_type_names() -> None:
    assert misfit(json(a=STRING), json(a=STRING), rename_type("A", "B")).code == "no-named-types"
