"""allow_null: the new version lets values be null."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, misfit, up
from tests.support.subjects import LONG, STRING, nullable

from instar.changes import allow_null
from instar.core.formats.shape import NULL, Array, Map, Union
from instar.core.rejected import CONVERSION_FAILED, Rejected


def test_up_changes_nothing_and_down_puts_the_given_value() -> None:
    hop = assert_lawful(avro(a=STRING), avro(a=nullable(STRING)), allow_null("a", null=""))
    assert up(hop, {"a": "x"}) == {"a": "x"}
    assert down(hop, {"a": None}) == {"a": ""}
    assert (hop.lost_up, hop.lost_down, hop.partial_down) == ((), ("a",), False)


def test_without_a_value_null_is_rejected_on_the_way_down() -> None:
    hop = assert_lawful(avro(a=STRING), avro(a=Union((STRING, NULL))), allow_null("a"))
    made = down(hop, {"a": None})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (CONVERSION_FAILED, "a")
    assert (hop.lost_down, hop.partial_down) == ((), True)


def test_in_elements_and_map_values() -> None:
    before = avro(a=Array(LONG), m=Map(avro("R", x=Array(LONG))))
    after = avro(a=Array(nullable(LONG)), m=Map(avro("R", x=Array(nullable(LONG)))))
    hop = assert_lawful(before, after, allow_null("a[]", null=0), allow_null("m{}.x[]", null=0))
    assert down(hop, {"a": [1, None], "m": {"k": {"x": [None]}}}) == {"a": [1, 0], "m": {"k": {"x": [0]}}}


def test_a_replacement_with_parts_is_not_shared() -> None:
    hop = bound_changes(avro(a=Array(LONG)), avro(a=nullable(Array(LONG))), allow_null("a", null=[]))
    down(hop, {"a": None})["a"].append(1)
    assert down(hop, {"a": None}) == {"a": []}


def test_a_replacement_of_the_wrong_type_is_refused() -> None:
    assert misfit(avro(a=LONG), avro(a=nullable(LONG)), allow_null("a", null="")).code == "wrong-value"


def test_what_is_nullable_already_is_refused() -> None:
    assert misfit(avro(a=nullable(LONG)), avro(a=nullable(LONG)), allow_null("a")).code == "already-nullable"


def test_a_field_that_became_nullable_is_told_of_this_operation() -> None:
    assert misfit(avro(a=LONG), avro(a=nullable(LONG))).remedy == 'add: allow_null("a", null=...)'
