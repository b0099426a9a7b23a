"""split: one field becomes several."""

from hypothesis import strategies as st
from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import STRING, nullable, optional

from instar.changes import MISSING, split
from instar.core.formats.shape import Array
from instar.core.rejected import HOP_RAISED, HOP_RETURNED_WRONG_TYPE, Rejected

NAMES = avro("Name", first=STRING, last=STRING)


def first_and_last(name: str) -> tuple[str, str]:
    first, _, last = name.partition(" ")
    return first, last


def joined(first: str, last: str) -> str:
    return f"{first} {last}" if last else first


SPLIT = split("name", ["customer.first", "customer.last"], up=first_and_last, down=joined)


def test_a_name_becomes_two_in_a_record_that_is_made_and_comes_back() -> None:
    words = st.text("abc", max_size=4)
    hop = assert_lawful(
        avro(name=STRING),
        avro(customer=NAMES),
        SPLIT,
        olds=st.tuples(words, words).map(lambda pair: {"name": joined(*pair)}),
        news=st.tuples(words, words).map(lambda pair: {"customer": dict(zip(("first", "last"), pair, strict=True))}),
    )
    made = up(hop, {"name": "Ada King Lovelace"})
    assert made == {"customer": {"first": "Ada", "last": "King Lovelace"}}
    assert down(hop, made) == {"name": "Ada King Lovelace"}


def test_without_down_it_is_one_way() -> None:
    hop = bound_changes(avro(n=STRING), avro(a=STRING, b=STRING), split("n", ["a", "b"], up=first_and_last))
    assert hop.one_way


def test_each_element_is_split_by_itself() -> None:
    before, after = avro(i=Array(avro("I", n=STRING))), avro(i=Array(avro("I", a=STRING, b=STRING)))
    hop = bound_changes(before, after, split("i[].n", ["i[].a", "i[].b"], up=first_and_last, down=joined))
    assert up(hop, {"i": [{"n": "x y"}, {"n": "z"}]}) == {"i": [{"a": "x", "b": "y"}, {"a": "z", "b": ""}]}


def test_null_becomes_nulls_where_they_may_be() -> None:
    after = avro(a=nullable(STRING), b=nullable(STRING))
    hop = bound_changes(avro(n=nullable(STRING)), after, split("n", ["a", "b"], up=first_and_last, down=joined))
    assert up(hop, {"n": None}) == {"a": None, "b": None}
    assert down(hop, {"a": None, "b": None}) == {"n": None}


def test_an_absent_field_makes_absent_ones() -> None:
    before, after = json(n=optional(STRING)), json(a=optional(STRING), b=optional(STRING))
    hop = bound_changes(before, after, split("n", ["a", "b"], up=first_and_last, down=lambda a, b: f"{a} {b}"))
    assert up(hop, {}) == {}
    assert down(hop, {}) == {}
    assert down(hop, {"a": "x"}) == {"n": "x None"}, "one that is absent is given as None"


def test_a_part_may_be_left_out() -> None:
    def parts(name: str) -> tuple[object, object]:
        return name, MISSING

    hop = bound_changes(
        json(n=STRING), json(a=STRING, b=optional(STRING)), split("n", ["a", "b"], up=parts, down=joined)
    )
    assert up(hop, {"n": "x"}) == {"a": "x"}


def test_the_wrong_number_of_parts_is_rejected() -> None:
    hop = bound_changes(avro(n=STRING), avro(a=STRING, b=STRING), split("n", ["a", "b"], up=str.split))
    made = up(hop, {"n": "x y z"})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (HOP_RETURNED_WRONG_TYPE, "n")
    assert "3 values, not a tuple of 2" in made.message


def test_what_a_function_raises_is_the_records_rejection() -> None:
    hop = bound_changes(avro(n=STRING), avro(a=STRING, b=STRING), split("n", ["a", "b"], up=lambda n: n[99]))
    made = up(hop, {"n": "x"})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (HOP_RAISED, "n")


def test_a_target_that_the_new_version_lacks_is_named() -> None:
    found = misfit(avro(n=STRING), avro(a=STRING), split("n", ["a", "b"], up=first_and_last, down=joined))
    assert (found.code, found.path) == ("not-in-new-version", "b")
