"""A hop's file is read with all its mistakes, and a bound hop turns whatever its functions do into values."""

from dataclasses import replace
from typing import Any

import pytest
from tests.support.subjects import LONG, STRING, Array, Map, ShapeSchema, bound, codes, hop_of, read_hop, record

from instar.core.finding import Finding
from instar.core.record import Context
from instar.core.rejected import HOP_RAISED, HOP_RETURNED_WRONG_TYPE, INVALID_INPUT, NO_WAY, Rejected
from instar.core.upcasting.hop import FAN_OUT_LIMIT_RECORDS, BoundHop, bind

ONE = record(a=LONG)
CONTEXT = Context(key=b"k", timestamp_ms=5)

GOOD = """
    \"\"\"Amounts are counted in cents.

    More.
    \"\"\"
    def upcast(record, context):
        return {"a": record["a"] * 100, "at": context.timestamp_ms}

    def downcast(record, context):
        return {"a": record["a"] // 100}

    lost = {"down": ["at"]}
"""


def mistakes(source: str) -> list[Finding]:
    found = read_hop(source)
    assert isinstance(found, list), found
    return found


def test_a_hop_of_functions_says_what_its_file_says() -> None:
    hop = hop_of(GOOD)
    assert (hop.name, hop.file, hop.summary) == (
        "v1_to_v2",
        "upcasters/orders/v1_to_v2.py",
        "Amounts are counted in cents.",
    )
    assert (hop.lost_up, hop.lost_down) == ((), ("at",))


def test_functions_see_the_record_and_its_context() -> None:
    hop = bound(GOOD, ONE, record(a=LONG, at=LONG))
    assert hop.up({"a": 2}, CONTEXT) == [{"a": 200, "at": 5}]
    assert hop.down({"a": 200, "at": 5}, CONTEXT) == [{"a": 2}]
    assert not hop.one_way


@pytest.mark.parametrize(
    ("source", "code", "words", "line"),
    [
        ("changes = []\ndef upcast(record, context): return record", "hop-both-forms", "changes and upcast", 2),
        ("x = 1", "hop-without-form", "no changes and no upcast", None),
        ("\n\ndef upcats(record, context): return record", "hop-without-form", "upcats", 1),
        ("def downcast(record, context): return record", "hop-without-upcast", "no upcast", 1),
        ("changes = 3", "hop-wrong-type", "changes is a int", 1),
        ("changes = [\n    'rename a b',\n]", "hop-wrong-type", "changes[0] is a str", 2),
        ("upcast = 3", "hop-wrong-type", "is a int, not a function", 1),
        ("def upcast(record): return record", "hop-wrong-type", "takes (record)", 1),
        ("async def upcast(record, context): return record", "hop-wrong-type", "async", 1),
        ("def upcast(record, context): yield record", "hop-wrong-type", "generator", 1),
        ("lost = ['a']\ndef upcast(record, context): return record", "hop-wrong-type", "lost is a list", 1),
        ("lost = {'u': []}\ndef upcast(record, context): return record", "hop-wrong-type", "'u'", 1),
        ("lost = {'up': 'a'}\ndef upcast(record, context): return record", "hop-wrong-type", "field paths", 1),
        ("lost = {'up': ['a..b']}\ndef upcast(record, context): return record", "bad-path", "a..b", 1),
        ("partial = 'up'\ndef upcast(record, context): return record", "hop-wrong-type", "directions", 1),
    ],
)
def test_a_mistake_in_a_hop_file_is_named_with_its_line(source: str, code: str, words: str, line: int | None) -> None:
    (finding,) = mistakes(source)
    assert finding.code == code
    assert words in finding.message
    assert finding.line == line
    assert finding.remedy
    assert (finding.file, finding.subject) == ("upcasters/orders/v1_to_v2.py", "orders")


def test_a_misspelt_name_is_recognised() -> None:
    (finding,) = mistakes("chnages = []")
    assert finding.remedy == "did you mean changes?"


def test_all_mistakes_of_a_file_are_found_at_once() -> None:
    found = mistakes("lost = 1\npartial = 2\nupcast = 3\n")
    assert [finding.message.partition(" ")[0] for finding in found] == ["upcast", "lost", "partial"]


def test_without_a_downcast_a_hop_is_one_way() -> None:
    hop = bound("def upcast(record, context): return record", ONE, ONE)
    assert hop.one_way
    refused = hop.down({"a": 1}, CONTEXT)
    assert isinstance(refused, Rejected)
    assert refused.code == NO_WAY


def test_one_event_may_become_several_or_end() -> None:
    hop = bound(
        """
        def upcast(record, context):
            return None if record["a"] == 0 else [record] * record["a"]
        """,
        ONE,
        ONE,
    )
    assert hop.up({"a": 0}, CONTEXT) == []
    made = hop.up({"a": 3}, CONTEXT)
    assert made == [{"a": 3}] * 3
    assert isinstance(made, list)
    assert made[0] is not made[1], "the next hop changes one of them"


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("3", "a int, not a dict"),
        ("'x'", "a str, not a dict"),
        ("(record,)", "a tuple, not a dict"),
        ("[record, None]", "a NoneType in it"),
    ],
)
def test_what_is_no_record_is_rejected(returned: str, words: str) -> None:
    hop = bound(f"def upcast(record, context): return {returned}", ONE, ONE)
    rejected = hop.up({"a": 1}, CONTEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.code == HOP_RETURNED_WRONG_TYPE
    assert words in rejected.message


@pytest.mark.parametrize("returned", ["None", "[record]"])
def test_a_hop_with_a_way_back_makes_one_record_of_one(returned: str) -> None:
    hop = bound(
        f"def upcast(record, context): return {returned}\ndef downcast(record, context): return record", ONE, ONE
    )
    rejected = hop.up({"a": 1}, CONTEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.code == HOP_RETURNED_WRONG_TYPE
    assert "one-way" in rejected.message


def test_a_fan_out_without_end_is_rejected() -> None:
    hop = bound(f"def upcast(record, context): return [record] * {FAN_OUT_LIMIT_RECORDS + 1}", ONE, ONE)
    rejected = hop.up({"a": 1}, CONTEXT)
    assert isinstance(rejected, Rejected)
    assert str(FAN_OUT_LIMIT_RECORDS) in rejected.message


def test_an_exception_is_a_rejection_that_names_the_line() -> None:
    hop = bound(
        """
        def price(record):
            return int(record["price"])

        def upcast(record, context):
            return {"a": price(record)}
        """,
        ONE,
        ONE,
    )
    rejected = hop.up({"a": 1}, CONTEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.code == HOP_RAISED
    assert rejected.message == "KeyError: 'price' (upcasters/orders/v1_to_v2.py line 2)"


def test_an_exception_in_a_helper_file_names_the_helper() -> None:
    helper: dict[str, Any] = {}
    exec(compile("def cents(text):\n    return int(text)", "upcasters/orders/money.py", "exec"), helper)  # noqa: S102
    hop = bound("def upcast(record, context): return {'a': cents('x')}", ONE, ONE)
    assert hop.hop.upcast is not None
    hop.hop.upcast.__globals__["cents"] = helper["cents"]
    rejected = hop.up({"a": 1}, CONTEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.message.endswith("(upcasters/orders/money.py line 2)")


def test_a_record_that_holds_itself_is_a_rejection() -> None:
    hop = bound("def upcast(record, context):\n    record['a'] = record\n    return record", ONE, ONE)
    rejected = hop.up({"a": 1}, CONTEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.code == HOP_RAISED
    assert "RecursionError" in rejected.message


def test_an_exception_without_a_text_is_still_reported() -> None:
    hop = bound(
        """
        class Odd(Exception):
            def __str__(self):
                raise ValueError

        def upcast(record, context):
            raise Odd
        """,
        ONE,
        ONE,
    )
    rejected = hop.up({"a": 1}, CONTEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.message.startswith("Odd (")


def test_what_a_hop_keeps_is_not_shared_with_its_records() -> None:
    hop = bound(
        """
        kept = {"a": [1]}

        def upcast(record, context):
            return kept
        """,
        ONE,
        ONE,
    )
    first = hop.up({"a": 1}, CONTEXT)
    assert isinstance(first, list)
    first[0]["a"].append(2)
    assert hop.up({"a": 1}, CONTEXT) == [{"a": [1]}]


def test_a_value_that_is_no_record_is_rejected() -> None:
    hop = bound("def upcast(record, context): return record", ONE, ONE)
    rejected = hop.up([1], CONTEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.code == INVALID_INPUT


def test_a_schema_that_is_no_record_cannot_have_hops() -> None:
    hop = hop_of("def upcast(record, context): return record")
    found = bind(hop, ShapeSchema(STRING), ShapeSchema(ONE))
    assert isinstance(found, list)
    assert codes(found) == {"not-a-record"}
    assert "v1 of orders" in found[0].message


@pytest.mark.parametrize(
    ("lost", "words", "remedy"),
    [
        ('{"up": ["item[].price"]}', "v1 has no item there", "did you mean items?"),
        ('{"up": ["items[].prise"]}', "v1 has no prise there", "did you mean price?"),
        ('{"down": ["items"]}', "v2 has no items there", "name a field path"),
        ('{"up": ["items.price"]}', "v1 has no price there", "name a field path"),
    ],
)
def test_a_declared_loss_of_a_field_that_is_not_there_is_found(lost: str, words: str, remedy: str) -> None:
    hop = hop_of(f"lost = {lost}\ndef upcast(record, context): return record")
    found = bind(hop, ShapeSchema(record(items=Array(record(price=LONG)))), ShapeSchema(ONE))
    assert isinstance(found, list)
    assert codes(found) == {"unknown-field"}
    assert words in found[0].message
    assert remedy in found[0].remedy
    assert found[0].line == 1


def test_a_loss_below_an_open_object_may_be_of_any_field() -> None:
    hop = hop_of('lost = {"up": ["extra.deep", "m{}.x"]}\ndef upcast(record, context): return record')
    before = replace(record(m=Map(record(x=LONG))), open=True)
    assert isinstance(bind(hop, ShapeSchema(before, "json"), ShapeSchema(ONE, "json")), BoundHop)
