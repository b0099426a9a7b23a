"""allow_absent: the new version lets a JSON field be absent."""

from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import LONG, STRING, optional

from instar.changes import allow_absent
from instar.core.formats.shape import Array
from instar.core.rejected import CONVERSION_FAILED, Rejected


def test_up_changes_nothing_and_down_fills_the_gap() -> None:
    hop = assert_lawful(json(a=STRING), json(a=optional(STRING)), allow_absent("a", absent="none"))
    assert up(hop, {"a": "x"}) == {"a": "x"}
    assert down(hop, {}) == {"a": "none"}
    assert (hop.lost_up, hop.lost_down) == ((), ("a",))


def test_without_a_value_a_gap_is_rejected_on_the_way_down() -> None:
    hop = assert_lawful(json(i=Array(json(a=STRING))), json(i=Array(json(a=optional(STRING)))), allow_absent("i[].a"))
    made = down(hop, {"i": [{}]})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (CONVERSION_FAILED, "i[0].a")
    assert hop.partial_down


def test_a_field_that_became_optional_is_told_of_this_operation() -> None:
    assert misfit(json(a=STRING), json(a=optional(STRING))).remedy == 'add: allow_absent("a", absent=...)'


def test_avro_is_told_of_null_instead() -> None:
    assert "allow_null" in misfit(avro(a=LONG), avro(a=LONG), allow_absent("a", absent=1)).remedy


def test_a_value_of_the_wrong_type_is_refused() -> None:
    assert misfit(json(a=STRING), json(a=optional(STRING)), allow_absent("a", absent=1)).code == "wrong-value"


def test_what_is_optional_already_is_refused() -> None:
    before = json(a=optional(STRING))
    assert misfit(before, before, allow_absent("a")).code == "already-optional"
    assert bound_changes(before, before).lost_down == ()
