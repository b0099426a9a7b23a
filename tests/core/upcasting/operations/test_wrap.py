"""wrap: one value becomes an array of one."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import LONG, STRING, nullable, optional

from instar.changes import wrap
from instar.core.formats.shape import Array
from instar.core.rejected import CONVERSION_FAILED, Rejected


def test_a_value_becomes_an_array_of_one_and_down_takes_the_first() -> None:
    hop = assert_lawful(avro(email=STRING), avro(emails=Array(STRING)), wrap("email", "emails"))
    assert up(hop, {"email": "a"}) == {"emails": ["a"]}
    assert down(hop, {"emails": ["a", "b"]}) == {"email": "a"}
    assert (hop.lost_up, hop.lost_down) == ((), ("emails",))


def test_an_empty_array_without_a_place_is_rejected() -> None:
    hop = bound_changes(avro(email=STRING), avro(emails=Array(STRING)), wrap("email", "emails"))
    made = down(hop, {"emails": []})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (CONVERSION_FAILED, "emails")
    assert hop.partial_down


def test_null_is_an_empty_array() -> None:
    hop = assert_lawful(avro(email=nullable(STRING)), avro(emails=Array(STRING)), wrap("email", "emails"))
    assert up(hop, {"email": None}) == {"emails": []}
    assert down(hop, {"emails": []}) == {"email": None}
    assert not hop.partial_down


def test_absent_stays_absent_and_an_empty_array_comes_back_as_absent() -> None:
    hop = assert_lawful(json(email=optional(STRING)), json(emails=optional(Array(STRING))), wrap("email", "emails"))
    assert up(hop, {}) == {}
    assert down(hop, {"emails": []}) == {}


def test_in_place_and_in_each_element() -> None:
    before, after = avro(i=Array(avro("I", tag=LONG))), avro(i=Array(avro("I", tag=Array(LONG))))
    hop = assert_lawful(before, after, wrap("i[].tag"))
    assert up(hop, {"i": [{"tag": 1}]}) == {"i": [{"tag": [1]}]}


def test_it_stays_in_its_record() -> None:
    found = misfit(avro(a=LONG), avro(b=avro("B", a=Array(LONG))), wrap("a", "b.a"))
    assert 'move("a", "b.a")' in found.remedy


def test_a_field_that_is_not_there() -> None:
    assert (
        misfit(avro(email=STRING), avro(emails=Array(STRING)), wrap("mail", "emails")).remedy == "did you mean email?"
    )
