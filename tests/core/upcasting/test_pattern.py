"""Field patterns are held against places: what they cover, what they hide, what stands for all places of a kind."""

import pytest
from tests.support.subjects import LONG, STRING, Array, Map, nullable, record

from instar.core.formats.shape import Field, Object, Ref
from instar.core.upcasting.pattern import MASK, covers, general, holds, masked, parse_pattern, redacted


@pytest.mark.parametrize(
    ("pattern", "place", "expected"),
    [
        ("a", ("a",), True),
        ("a", ("a", "b", 3), True),
        ("a.b", ("a",), False),
        ("items[].price", ("items", 2, "price"), True),
        ("items[].price", ("items", 2, "qty"), False),
        ("items[]", ("items",), True),
        ("attrs{}.x", ("attrs", "any key", "x"), True),
        ("attrs{}.x", ("attrs", 1, "x"), False),
        ("a", ("ab",), False),
    ],
)
def test_a_pattern_covers_its_places_and_all_below(pattern: str, place: tuple[str | int, ...], expected: bool) -> None:
    assert covers(parse_pattern(pattern), place) is expected


def test_sensitive_fields_are_masked_wherever_they_are() -> None:
    value = {"card": ("Card", {"number": "4111", "kind": "x"}), "items": [{"n": 1, "p": 2}], "m": {"k": {"p": 3}}}
    hidden = tuple(map(parse_pattern, ["card.number", "items[].p", "m{}.p"]))
    assert masked(value, hidden) == {
        "card": ("Card", {"number": MASK, "kind": "x"}),
        "items": [{"n": 1, "p": MASK}],
        "m": {"k": {"p": MASK}},
    }
    assert masked(value, ()) == value


def test_a_value_holds_what_is_sensitive_at_any_depth() -> None:
    hidden = (parse_pattern("a.b.c"),)
    assert holds(hidden, ("Card", {"c": 1}), ("a", "b"))
    assert holds(hidden, {"b": {"c": None}}, ("a",))
    assert not holds(hidden, {"b": {"d": 1}}, ("a",))


def test_a_message_does_not_quote_what_is_sensitive() -> None:
    value = {"pin": "1234", "sum": 987654, "note": "kept"}
    hidden = (parse_pattern("pin"), parse_pattern("sum"))
    assert redacted("bad '1234' and 987654 in kept", value, hidden) == "bad '***' and *** in kept"


NAME = "O'Brien\nCork"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (f"{NAME!r} is no date", '"***" is no date'),  # as Python writes it
        ("for O'Brien Cork", "for ***"),  # on one line
        (f"bad: {'A long, long story of somebody. ' * 5}...", "bad: ***..."),  # cut
        ("A long, long story", "***"),
        ("A long and short story", "A long and short story"),
        ("card 4711 0815", "card ***"),  # inside a branch of a union
        ("None", "None"),
    ],
)
def test_a_message_does_not_quote_it_in_any_spelling(said: str, left: str) -> None:
    value = {
        "name": NAME,
        "story": "A long, long story of somebody. " * 20,
        "card": ("Card", {"number": "4711 0815"}),
        "nothing": None,
    }
    hidden = tuple(map(parse_pattern, ("name", "story", "card.number", "nothing")))
    assert redacted(said, value, hidden) == left


def test_places_of_a_kind_have_one_pattern() -> None:
    shape = record(items=Array(record(price=LONG)), attrs=nullable(Map(record(x=STRING))))
    assert general(("items", 2, "price"), shape) == "items[].price"
    assert general(("attrs", "some key", "x"), shape) == "attrs{}.x"
    assert general(("unknown", 1, "y"), shape) == "unknown[].y"
    assert general((), shape) == ""


def test_a_recursive_record_has_patterns_too() -> None:
    tree = Object({"kids": Field(Array(Ref("Tree"))), "tags": Field(Map(STRING))}, "Tree")
    assert general(("kids", 0, "kids", 1, "tags", "k"), tree) == "kids[].kids[].tags{}"
