"""map_values: symbols get other names, or become others."""

import pytest
from tests.support.shape_values import assert_lawful, avro, bound_changes, down, findings_of, json, misfit, up
from tests.support.subjects import LONG, STRING, nullable

from instar.changes import map_values
from instar.core.formats.shape import NULL, Array, Enum, Map, Shape, Union


def status(*symbols: str) -> Enum:
    return Enum(symbols, "Status")


def test_a_symbol_gets_another_name_and_the_others_stay() -> None:
    hop = assert_lawful(
        avro(s=status("NEW", "SENT")), avro(s=status("NEW", "SHIPPED")), map_values("s", {"SENT": "SHIPPED"})
    )
    assert [up(hop, {"s": each})["s"] for each in ("NEW", "SENT")] == ["NEW", "SHIPPED"]
    assert down(hop, {"s": "SHIPPED"}) == {"s": "SENT"}
    assert (hop.lost_up, hop.lost_down) == ((), ())


def test_two_symbols_that_become_one_are_a_loss_and_the_one_of_that_name_comes_back() -> None:
    hop = assert_lawful(
        avro(s=status("SENT", "SHIPPED")), avro(s=status("SHIPPED")), map_values("s", {"SENT": "SHIPPED"})
    )
    assert down(hop, {"s": "SHIPPED"}) == {"s": "SHIPPED"}
    assert (hop.lost_up, hop.lost_down) == (("s",), ())


def test_where_two_become_a_third_the_author_says_which_comes_back() -> None:
    before, after = avro(s=status("A", "B")), avro(s=status("C"))
    found = misfit(before, after, map_values("s", {"A": "C", "B": "C"}))
    assert found.code == "ambiguous-way-back"
    assert "down={'C': 'A'}" in found.remedy
    hop = assert_lawful(before, after, map_values("s", {"A": "C", "B": "C"}, down={"C": "B"}))
    assert down(hop, {"s": "C"}) == {"s": "B"}
    assert hop.lost_up == ("s",)


def test_a_new_symbol_needs_a_place_on_the_way_down() -> None:
    before, after = avro(s=status("NEW")), avro(s=status("NEW", "RETURNED"))
    found = misfit(before, after)
    assert found.code == "no-place-for-symbol"
    assert found.remedy == 'add: map_values("s", {}, down={"RETURNED": ...})'
    hop = assert_lawful(before, after, map_values("s", {}, down={"RETURNED": "NEW"}))
    assert down(hop, {"s": "RETURNED"}) == {"s": "NEW"}
    assert (hop.lost_up, hop.lost_down) == ((), ("s",))


def test_symbols_may_change_places() -> None:
    both = avro(s=status("A", "B"))
    hop = assert_lawful(both, both, map_values("s", {"A": "B", "B": "A"}))
    assert up(hop, {"s": "A"}) == {"s": "B"}
    assert hop.lost_up == hop.lost_down == ()


def test_in_elements_map_values_and_nullable_fields() -> None:
    def record(symbol: str) -> Shape:
        return avro(a=Array(status("X", symbol)), m=Map(nullable(status("X", symbol))), n=nullable(status("X", symbol)))

    changes = [map_values(path, {"A": "B"}) for path in ("a[]", "m{}", "n")]
    hop = assert_lawful(record("A"), record("B"), *changes)
    assert up(hop, {"a": ["A"], "m": {"k": "A", "l": None}, "n": None}) == {
        "a": ["B"],
        "m": {"k": "B", "l": None},
        "n": None,
    }


def test_plain_text_is_mapped_too_and_a_value_that_is_taken_is_a_loss() -> None:
    hop = assert_lawful(avro(s=STRING), avro(s=STRING), map_values("s", {"a": "b"}))
    assert up(hop, {"s": "a"}) == {"s": "b"}
    assert up(hop, {"s": "z"}) == {"s": "z"}
    assert hop.lost_up == ("s",), "an old b comes back as a"


def test_json_values_are_told_apart_by_type() -> None:
    hop = bound_changes(json(s=Enum((1, True, "x"))), json(s=Enum(("one", True, "x"))), map_values("s", {1: "one"}))
    assert up(hop, {"s": 1}) == {"s": "one"}
    assert up(hop, {"s": True}) == {"s": True}


def test_a_json_enum_with_null_keeps_its_null() -> None:
    before, after = json(s=Union((Enum(("a",)), NULL))), json(s=Union((Enum(("b",)), NULL)))
    hop = assert_lawful(before, after, map_values("s", {"a": "b"}))
    assert up(hop, {"s": None}) == {"s": None}


@pytest.mark.parametrize(
    ("mapping", "down_mapping", "remedy"),
    [
        ({"SEND": "SHIPPED"}, {}, "did you mean SENT?"),
        ({"SENT": "SHIPED"}, {}, "did you mean SHIPPED?"),
        ({}, {"SHIPPED": "SEND"}, "did you mean SENT?"),
        ({}, {"shipped": "SENT"}, "the symbols are: SHIPPED"),
    ],
)
def test_a_misspelt_symbol_is_named_with_its_nearest(
    mapping: dict[str, str], down_mapping: dict[str, str], remedy: str
) -> None:
    found = misfit(avro(s=status("SENT")), avro(s=status("SHIPPED")), map_values("s", mapping, down=down_mapping))
    assert (found.code, found.path, found.remedy) == ("no-such-symbol", "s", remedy)


def test_an_old_symbol_that_has_no_place_is_found() -> None:
    found = findings_of(avro(s=status("A", "B")), avro(s=status("A")))
    assert [(each.code, each.path) for each in found] == [("no-such-symbol", "s")]
    assert 'map_values("s", {"B": ...})' in found[0].remedy


def test_a_record_has_no_values_to_map() -> None:
    found = misfit(avro(s=avro("S", a=LONG)), avro(s=avro("S", a=LONG)), map_values("s", {"A": "B"}))
    assert found.code == "wrong-type"
