"""drop: a field of the old version only."""

import pytest
from tests.support.shape_values import assert_lawful, avro, bound_changes, down, json, misfit, up
from tests.support.subjects import LONG, STRING, nullable, optional

from instar.changes import MISSING, drop
from instar.core.formats.shape import Array, Scalar
from instar.core.rejected import HOP_RAISED, HOP_RETURNED_WRONG_TYPE, NO_WAY, Rejected


def test_a_dropped_field_is_restored_with_the_given_value() -> None:
    hop = assert_lawful(avro(a=LONG, coupon=nullable(STRING)), avro(a=LONG), drop("coupon", restore=None))
    assert up(hop, {"a": 1, "coupon": "x"}) == {"a": 1}
    assert down(hop, {"a": 1}) == {"a": 1, "coupon": None}
    assert (hop.lost_up, hop.lost_down) == (("coupon",), ())


def test_without_restore_the_hop_is_one_way() -> None:
    hop = bound_changes(avro(a=LONG, b=LONG), avro(a=LONG), drop("b"))
    assert hop.one_way
    refused = down(hop, {"a": 1})
    assert isinstance(refused, Rejected)
    assert refused.code == NO_WAY


def test_a_function_restores_from_the_record() -> None:
    before, after = avro(items=Array(avro("I", a=LONG, twice=LONG))), avro(items=Array(avro("I", a=LONG)))
    hop = bound_changes(before, after, drop("items[].twice", restore=lambda item: item["a"] * 2))
    assert down(hop, {"items": [{"a": 2}, {"a": 3}]}) == {"items": [{"a": 2, "twice": 4}, {"a": 3, "twice": 6}]}
    assert hop.lost_up == ("items[].twice",)


def test_a_function_cannot_change_the_record_it_is_given() -> None:
    hop = bound_changes(avro(a=Array(LONG), n=LONG), avro(a=Array(LONG)), drop("n", restore=lambda r: len(r.pop("a"))))
    assert down(hop, {"a": [1, 2]}) == {"a": [1, 2], "n": 2}


def test_what_a_function_raises_is_the_records_rejection_with_the_field() -> None:
    def restore(record: dict[str, int]) -> int:
        return record["b"]

    hop = bound_changes(avro(r=avro("R", a=LONG, n=LONG)), avro(r=avro("R", a=LONG)), drop("r.n", restore=restore))
    made = down(hop, {"r": {"a": 1}})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (HOP_RAISED, "r.n")
    assert "KeyError: 'b'" in made.message


def test_a_function_that_returns_another_type_is_rejected() -> None:
    made = down(bound_changes(avro(n=LONG), avro(), drop("n", restore=lambda _: "1")), {})
    assert isinstance(made, Rejected)
    assert (made.code, made.path) == (HOP_RETURNED_WRONG_TYPE, "n")


def test_an_optional_json_field_may_stay_absent() -> None:
    hop = assert_lawful(json(a=optional(STRING)), json(), drop("a", restore=MISSING))
    assert down(hop, {}) == {}


@pytest.mark.parametrize("value", [None, "1", 1.5, True, 2**63])
def test_a_value_that_the_old_version_does_not_take_is_found_before_any_record_runs(value: object) -> None:
    found = misfit(avro(n=LONG), avro(), drop("n", restore=value))
    assert (found.code, found.path) == ("wrong-value", "n")


def test_null_for_what_is_absent_is_told_apart() -> None:
    found = misfit(json(a=optional(Scalar("integer"))), json(), drop("a", restore=None))
    assert "restore=MISSING" in found.remedy


def test_a_field_that_is_not_there_cannot_be_dropped() -> None:
    found = misfit(avro(coupon=STRING), avro(), drop("cupon", restore=""))
    assert found.remedy == "did you mean coupon?"
