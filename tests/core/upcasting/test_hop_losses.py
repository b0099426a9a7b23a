"""Losses are told by the fields of the old and the new version, whatever a hop called them in between."""

import pytest
from tests.support.subjects import LONG, STRING, Array, bound, draws, nullable, record
from tests.support.subjects import ShapeSchema as Schema

from instar.core.upcasting.laws import check_laws

CASES = {
    "renamed, then dropped": (
        "[rename('coupon', 'voucher'), drop('voucher', restore=None)]",
        record(id=LONG, coupon=nullable(STRING)),
        record(id=LONG),
        (("coupon",), ()),
    ),
    "moved into a record, then dropped there": (
        "[move('zip', 'address.zip'), move('city', 'address.city'), drop('address.zip', restore='')]",
        record(zip=STRING, city=STRING),
        record(address=record(city=STRING)),
        (("zip",), ()),
    ),
    "two fields of one type trade names": (
        "[rename('a', 'x'), rename('b', 'a'), drop('x', restore=0)]",
        record(a=LONG, b=LONG),
        record(a=LONG),
        (("a",), ()),
    ),
    "below a renamed array": (
        "[rename('lines', 'items'), drop('items[].note', restore='')]",
        record(lines=Array(record(sku=STRING, note=STRING))),
        record(items=Array(record(sku=STRING))),
        (("lines[].note",), ()),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_loss_is_named_as_the_version_that_is_left_names_it(case: str) -> None:
    changes, before, after, losses = CASES[case]
    hop = bound(f"from instar.changes import *\nchanges = {changes}", before, after)
    assert (hop.lost_up, hop.lost_down) == losses


@pytest.mark.parametrize("case", CASES)
def test_the_laws_agree_with_what_is_computed(case: str) -> None:
    changes, before, after, _ = CASES[case]
    hop = bound(f"from instar.changes import *\nchanges = {changes}", before, after)
    assert check_laws(hop, Schema(before), Schema(after), draws(before), draws(after)) == []
