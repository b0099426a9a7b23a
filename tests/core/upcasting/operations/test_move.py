"""move: the same value in another record."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, findings_of, json, misfit, up
from tests.support.subjects import LONG, STRING, nullable, optional

from instar.changes import move
from instar.core.formats.shape import Array
from instar.core.rejected import CONVERSION_FAILED, Rejected

ADDRESS = avro("Address", street=STRING, city=STRING)
TO_ADDRESS = (move("street", "address.street"), move("city", "address.city"))
FROM_ADDRESS = (move("address.street", "street"), move("address.city", "city"))


def test_a_move_makes_the_record_around_and_removes_it_on_the_way_down() -> None:
    hop = assert_lawful(avro(street=STRING, city=STRING), avro(address=ADDRESS), *TO_ADDRESS)
    made = up(hop, {"street": "s", "city": "c"})
    assert made == {"address": {"street": "s", "city": "c"}}
    assert down(hop, made) == {"street": "s", "city": "c"}
    assert (hop.lost_up, hop.lost_down, hop.partial_up, hop.partial_down) == ((), (), False, False)


def test_a_record_that_is_left_empty_goes_and_comes_back() -> None:
    hop = assert_lawful(avro(address=ADDRESS), avro(street=STRING, city=STRING), *FROM_ADDRESS)
    assert up(hop, {"address": {"street": "s", "city": "c"}}) == {"street": "s", "city": "c"}


def test_a_record_that_was_there_stays() -> None:
    before, after = avro(a=LONG, r=avro("R", b=LONG)), avro(r=avro("R", b=LONG, a=LONG))
    hop = assert_lawful(before, after, move("a", "r.a"))
    assert down(hop, {"r": {"a": 1, "b": 2}}) == {"a": 1, "r": {"b": 2}}


def test_a_move_between_records_of_one_element() -> None:
    before = avro(items=Array(avro("I", p=avro("P", x=LONG, y=LONG), q=avro("Q", z=LONG))))
    after = avro(items=Array(avro("I", p=avro("P", y=LONG), q=avro("Q", z=LONG, x=LONG))))
    hop = assert_lawful(before, after, move("items[].p.x", "items[].q.x"))
    assert up(hop, {"items": [{"p": {"x": 1, "y": 2}, "q": {"z": 3}}]}) == {
        "items": [{"p": {"y": 2}, "q": {"z": 3, "x": 1}}]
    }


def test_optional_json_fields_move_with_a_record_that_may_be_absent() -> None:
    flat = json(street=optional(STRING), city=optional(STRING))
    deep = json(address=optional(json(street=optional(STRING), city=optional(STRING))))
    hop = assert_lawful(flat, deep, *TO_ADDRESS)
    assert up(hop, {}) == {}
    assert up(hop, {"city": "c"}) == {"address": {"city": "c"}}
    assert hop.lost_down == ("address",), "whether it was empty or absent"
    assert_lawful(deep, flat, *FROM_ADDRESS)


def test_a_value_without_a_place_is_rejected_not_lost() -> None:
    before, after = avro(a=LONG, r=nullable(avro("R", b=LONG))), avro(r=nullable(avro("R", b=LONG, a=LONG)))
    hop = bound_changes(before, after, move("a", "r.a"))
    made = up(hop, {"a": 1, "r": None})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (CONVERSION_FAILED, "r.a")
    assert hop.partial_up


def test_a_field_from_a_nullable_record_may_be_missing_and_the_new_version_must_allow_it() -> None:
    before, after = avro(a=nullable(avro("A", x=LONG)), b=avro("B", y=LONG)), avro(b=avro("B", y=LONG, x=LONG))
    assert [each.code for each in findings_of(before, after, move("a.x", "b.x"))] == ["may-be-absent"]


def test_places_in_different_elements_do_not_meet() -> None:
    before, after = avro(a=LONG, items=Array(avro("I", b=LONG))), avro(items=Array(avro("I", b=LONG, a=LONG)))
    found = misfit(before, after, move("a", "items[].a"))
    assert found.code == "path-through-elements"
    assert "inside" in found.remedy


def test_a_record_does_not_move_into_itself() -> None:
    assert misfit(avro(a=LONG), avro(a=avro("A", a=LONG)), move("a", "a.b")).code == "move-into-itself"


def test_the_new_version_must_have_the_record_that_is_made() -> None:
    found = misfit(avro(a=LONG), avro(b=avro("B", a=LONG)), move("a", "c.a"))
    assert (found.code, found.path) == ("not-in-new-version", "c")
