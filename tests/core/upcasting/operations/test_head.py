"""head: an array becomes its first element."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import LONG, STRING, nullable, optional

from instar.changes import head
from instar.core.formats.shape import Array
from instar.core.rejected import CONVERSION_FAILED, Rejected


def test_the_first_element_is_kept_and_down_makes_an_array_of_one() -> None:
    hop = assert_lawful(avro(emails=Array(STRING)), avro(email=nullable(STRING)), head("emails", "email"))
    assert up(hop, {"emails": ["a", "b"]}) == {"email": "a"}
    assert down(hop, {"email": "a"}) == {"emails": ["a"]}
    assert (hop.lost_up, hop.lost_down) == (("emails",), ())


def test_an_empty_array_becomes_null_absent_or_a_rejection() -> None:
    to_null = bound_changes(avro(e=Array(LONG)), avro(e=nullable(LONG)), head("e"))
    assert up(to_null, {"e": []}) == {"e": None}
    assert down(to_null, {"e": None}) == {"e": []}
    to_absent = bound_changes(json(e=optional(Array(STRING))), json(e=optional(STRING)), head("e"))
    assert up(to_absent, {"e": []}) == {}
    to_nothing = bound_changes(avro(e=Array(LONG)), avro(e=LONG), head("e"))
    made = up(to_nothing, {"e": []})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (CONVERSION_FAILED, "e")
    assert to_nothing.partial_up


def test_what_is_no_array_has_no_head() -> None:
    found = misfit(avro(e=LONG), avro(e=LONG), head("e"))
    assert (found.code, found.path) == ("not-a-container", "e")


def test_the_new_version_must_have_the_field() -> None:
    assert misfit(avro(e=Array(LONG)), avro(f=LONG), head("e", "g")).code == "not-in-new-version"
