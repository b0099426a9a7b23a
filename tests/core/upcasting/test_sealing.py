from typing import Any

from hypothesis import given
from tests.support.subjects import LONG, STRING, Array, ShapeSchema, nullable, record
from tests.support.values import plain_values

from instar.core.formats.sealed import MASK, Sealed
from instar.core.formats.shape import MISSING
from instar.core.formats.values_json import to_readable
from instar.core.upcasting.difference import differences
from instar.core.upcasting.pattern import parse_pattern
from instar.core.upcasting.sealing import sealed

SECRET = "s3cret"  # noqa: S105 - what must not be seen


def seal(value: Any, *paths: str) -> Any:
    return sealed(value, tuple(parse_pattern(path) for path in paths))


def test_what_is_named_is_sealed_and_nothing_else() -> None:
    value = {"name": SECRET, "items": [{"code": SECRET, "n": 1}], "open": "x", "card": ("Card", {"number": SECRET})}
    found = seal(value, "name", "items[].code", "card.number")
    assert SECRET not in str(found)
    assert (found["open"], found["items"][0]["n"], found["card"][0]) == ("x", 1, "Card")


def test_null_shows_nothing_and_stays() -> None:
    assert seal({"name": None}, "name") == {"name": None}


def test_a_trace_still_tells_whether_a_sealed_value_changed() -> None:
    before, same, other = ({"name": name} for name in ("a", "a", "b"))
    assert differences(seal(before, "name"), seal(same, "name")) == []
    (change,) = differences(seal(before, "name"), seal(other, "name"))
    assert (change.kind, str(change.before), str(change.after)) == ("changed", MASK, MASK)


def test_a_sealed_value_that_moves_is_seen_to_move() -> None:
    before, after = seal({"name": SECRET}, "name"), seal({"inner": {"name": SECRET}}, "inner.name")
    (change,) = differences(before, after)
    assert (change.kind, change.was, change.path) == ("moved", "name", "inner.name")
    assert change.after is not MISSING
    assert str(change.after) == MASK


def test_readable_records_have_the_mask_in_place_of_any_kind_of_part() -> None:
    shape = record(name=nullable(STRING), items=Array(record(n=LONG)), inner=record(a=STRING))
    value = {"name": SECRET, "items": [{"n": 1}], "inner": {"a": SECRET}}
    schema = ShapeSchema(shape)
    assert to_readable(schema, seal(value, "name", "items", "inner")) == {"name": MASK, "items": MASK, "inner": MASK}


@given(value=plain_values())
def test_sealing_leaves_its_argument_as_it_is_and_equal_values_equal(value: Any) -> None:
    whole = {"part": value}
    assert seal(whole, "part") == seal({"part": value}, "part")
    assert seal(whole) == whole
    assert str(Sealed(value)) == MASK
    assert repr(Sealed(value)) == "Sealed()"
