"""when: changes of only some records."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import STRING, optional

from instar.changes import add, map_values, rename, when
from instar.core.formats.shape import NULL, Array, Enum, Field, Scalar, Union

INTEGER = Scalar("integer")
CARD, CASH = avro("shop.Card", no=STRING), avro("shop.Cash", till=STRING)
NEW_CARD = avro("shop.Card", number=STRING)


def test_the_branch_of_an_avro_union_by_its_name() -> None:
    before, after = avro(paid=Union((NULL, CARD, CASH))), avro(paid=Union((NULL, NEW_CARD, CASH)))
    for name in ("shop.Card", "Card"):
        hop = assert_lawful(before, after, when("paid", name, [rename("no", "number")]))
        assert up(hop, {"paid": ("shop.Card", {"no": "1"})}) == {"paid": ("shop.Card", {"number": "1"})}
        assert up(hop, {"paid": ("shop.Cash", {"till": "1"})}) == {"paid": ("shop.Cash", {"till": "1"})}
        assert up(hop, {"paid": None}) == {"paid": None}


def test_only_the_named_branch_of_two_with_the_same_field() -> None:
    def paid(card: str) -> Union:
        return Union((avro("Card", **{card: STRING}), avro("Cash", no=STRING)))

    hop = assert_lawful(
        avro(p=Array(paid("no"))), avro(p=Array(paid("number"))), when("p[]", "Card", [rename("no", "number")])
    )
    value = {"p": [("Cash", {"no": "1"}), ("Card", {"no": "2"})]}
    assert up(hop, value) == {"p": [("Cash", {"no": "1"}), ("Card", {"number": "2"})]}


def test_records_in_which_a_field_has_a_value_become_one_of_two_kinds() -> None:
    before = json(kind=Enum(("A", "B")), x=INTEGER)
    after = Union((json(kind=Enum(("A",)), y=INTEGER), json(kind=Enum(("B",)), x=INTEGER)))
    hop = assert_lawful(before, after, when("kind", "A", [rename("x", "y")]))
    assert up(hop, {"kind": "A", "x": 1}) == {"kind": "A", "y": 1}
    assert up(hop, {"kind": "B", "x": 1}) == {"kind": "B", "x": 1}
    assert down(hop, {"kind": "A", "y": 1}) == {"kind": "A", "x": 1}


def test_two_conditions_that_cover_all_lead_to_one_kind_again() -> None:
    before, after = json(kind=Enum(("A", "B")), x=INTEGER), json(kind=Enum(("A", "B")), y=INTEGER)
    assert_lawful(before, after, when("kind", "A", [rename("x", "y")]), when("kind", "B", [rename("x", "y")]))


def test_a_union_of_objects_is_asked_branch_by_branch() -> None:
    before = Union((json(kind=Enum(("A",)), x=INTEGER), json(kind=Enum(("B",)), x=INTEGER)))
    after = Union((json(kind=Enum(("A",)), x=INTEGER, z=STRING), json(kind=Enum(("B",)), x=INTEGER)))
    hop = assert_lawful(before, after, when("kind", "A", [add("z", value="new")]))
    assert up(hop, {"kind": "A", "x": 1}) == {"kind": "A", "x": 1, "z": "new"}
    assert up(hop, {"kind": "B", "x": 1}) == {"kind": "B", "x": 1}


def test_free_text_may_be_asked_and_what_comes_after_reaches_both_kinds() -> None:
    before = json(kind=STRING, x=INTEGER, n=INTEGER)
    after = Union((json(kind=Enum(("A",)), y=INTEGER, m=INTEGER), json(kind=STRING, x=INTEGER, m=INTEGER)))
    hop = bound_changes(before, after, when("kind", "A", [rename("x", "y")]), rename("n", "m"))
    assert up(hop, {"kind": "A", "x": 1, "n": 2}) == {"kind": "A", "y": 1, "m": 2}
    assert up(hop, {"kind": "?", "x": 1, "n": 2}) == {"kind": "?", "x": 1, "m": 2}
    assert down(hop, {"kind": "?", "x": 1, "m": 2}) == {"kind": "?", "x": 1, "n": 2}


def test_values_may_change_where_the_shape_does_not() -> None:
    colour = Enum(("red", "blue"))
    both = json(kind=Enum(("A", "B")), colour=colour)
    hop = assert_lawful(both, both, when("kind", "A", [map_values("colour", {"red": "blue", "blue": "red"})]))
    assert up(hop, {"kind": "A", "colour": "red"}) == {"kind": "A", "colour": "blue"}
    assert up(hop, {"kind": "B", "colour": "red"}) == {"kind": "B", "colour": "red"}


def test_an_absent_field_equals_nothing() -> None:
    before = json(kind=optional(Enum(("A",))), x=INTEGER)
    after = Union((json(kind=Enum(("A",)), y=INTEGER), json(kind=Field(Enum(("A",)), required=False), x=INTEGER)))
    hop = bound_changes(before, after, when("kind", "A", [rename("x", "y")]))
    assert up(hop, {"x": 1}) == {"x": 1}


def test_true_is_not_one() -> None:
    both = json(flag=Union((Scalar("boolean"), INTEGER)), c=Enum(("a", "b")))
    hop = bound_changes(both, both, when("flag", True, [map_values("c", {"a": "b", "b": "a"})]))
    assert up(hop, {"flag": 1, "c": "a"}) == {"flag": 1, "c": "a"}
    assert up(hop, {"flag": True, "c": "a"}) == {"flag": True, "c": "b"}


def test_a_condition_that_never_holds_is_named_with_the_nearest() -> None:
    record = json(kind=Enum(("created", "edited")), x=INTEGER)
    found = misfit(record, record, when("kind", "creatd", [rename("x", "y")]))
    assert (found.code, found.remedy) == ("never-true", "did you mean created?")


def test_the_changes_leave_the_condition_alone() -> None:
    record = json(kind=Enum(("A", "B")), x=INTEGER)
    assert misfit(record, record, when("kind", "A", [map_values("kind", {"A": "B"}, down={})])).code in (
        "condition-changed",
        "no-such-symbol",
    )
    assert misfit(record, json(kind2=STRING), when("kind", "A", [rename("kind", "kind2")])).code == "condition-changed"
