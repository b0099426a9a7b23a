"""What a downcast loses travels in a header and comes back: exactly, only on its own record, and never if sensitive."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.subjects import (
    BYTES,
    DECIMAL,
    DOUBLE,
    LONG,
    STRING,
    Array,
    Map,
    nullable,
    optional,
    record,
    subject_of,
)

from instar.core.record import Context
from instar.core.rejected import HOP_RAISED, Rejected
from instar.core.subject import Subject
from instar.core.upcasting import exact_json
from instar.core.upcasting.carry import HEADER, HEADER_LIMIT_BYTES, Carrier, Lifted, Lowered, without_header
from instar.core.upcasting.difference import differing
from instar.core.upcasting.program import Program

OLD = record(id=LONG, items=Array(record(sku=STRING)))
NEW = record(
    id=LONG,
    items=Array(record(sku=STRING, price=DECIMAL, weight=nullable(DOUBLE))),
    total=DECIMAL,
    photo=BYTES,
    tags=Map(STRING),
    note=optional(STRING),
)
LOSSY = """
    from decimal import Decimal

    def upcast(record, context):
        items = [{"sku": item["sku"], "price": Decimal("0.00"), "weight": None} for item in record["items"]]
        return {"id": record["id"], "items": items, "total": Decimal("0.00"), "photo": b"", "tags": {}}

    def downcast(record, context):
        if record["id"] == 13:
            raise ValueError("unlucky")
        return {"id": record["id"], "items": [{"sku": item["sku"]} for item in record["items"]]}

    lost = {"down": ["items[].price", "items[].weight", "total", "photo", "tags", "note"]}
"""


def shop(sensitive: tuple[str, ...] = ()) -> Subject:
    return subject_of([OLD, NEW], [LOSSY], name="shop", sensitive=sensitive)


def carrier(subject: Subject | None = None) -> Carrier:
    of = subject or shop()
    down, up = of.program(2, 1), of.program(1, 2)
    assert isinstance(down, Program)
    assert isinstance(up, Program)
    return Carrier.of(down, up, of.sensitive)


def lower(value: Any, through: Carrier) -> Lowered:
    lowered = through.lower(exact_json.dumps(value), Context())
    assert isinstance(lowered, Lowered), lowered
    return lowered


def lift(lowered: Lowered, through: Carrier, header: bytes | None = None) -> tuple[Any, str]:
    """The record after its next upcast, and what became of the header."""
    content = lowered.header if header is None else header
    headers = (("traceparent", b"t"),) + (() if content is None else ((HEADER, content),))
    lifted = through.lift(lowered.outputs[0], Context(headers=headers))
    assert isinstance(lifted, Lifted), lifted
    return exact_json.loads(lifted.outputs[0]), lifted.note


def sample(seed: int) -> dict[str, Any]:
    value: dict[str, Any] = shop().versions[2].sample(Random(seed))
    return value


FULL = {
    "id": 1,
    "items": [{"sku": "a", "price": exact_json.loads(b'{"$n":"1.20"}'), "weight": 0.1}],
    "total": exact_json.loads(b'{"$n":"1.20"}'),
    "photo": b"\x00\xff",
    "tags": {"k": "v"},
    "note": "n",
}


@given(st.integers(0, 10**6))
def test_down_and_up_again_is_the_record_itself(seed: int) -> None:
    value = sample(seed)
    lowered = lower(value, carrier())
    assert lowered.note != "over-limit"
    back, note = lift(lowered, carrier())
    assert note == ("restored" if lowered.header else "no-header")
    assert not list(differing(value, back))


def test_without_the_header_the_plain_upcast_stands() -> None:
    lowered = lower(FULL, carrier())
    plain = carrier().lift(lowered.outputs[0], Context())
    assert isinstance(plain, Lifted)
    assert plain.note == "no-header"
    assert exact_json.loads(plain.outputs[0])["photo"] == b""


def test_a_record_that_loses_nothing_carries_no_header() -> None:
    lowered = lower({"id": 1, "items": [], "total": FULL["total"] * 0, "photo": b"", "tags": {}}, carrier())
    assert (lowered.header, lowered.note) == (None, "nothing-lost")


def test_a_header_of_another_record_is_ignored() -> None:
    one, other = lower(FULL, carrier()), lower({**FULL, "id": 2}, carrier())
    back, note = lift(other, carrier(), one.header)
    assert note == "other-record"
    assert back["photo"] == b""


@given(st.integers(9, 200), st.integers(1, 255))
def test_a_header_with_any_byte_changed_restores_nothing_else(position: int, flip: int) -> None:
    lowered = lower(FULL, carrier())
    assert lowered.header is not None
    damaged = bytearray(lowered.header)
    damaged[position % len(damaged)] ^= flip
    back, note = lift(lowered, carrier(), bytes(damaged))
    assert back == FULL or (note != "restored" and back["photo"] == b"")


@given(st.binary(max_size=60))
def test_a_forged_header_never_raises(tail: bytes) -> None:
    lowered = lower(FULL, carrier())
    assert lowered.header is not None
    back, note = lift(lowered, carrier(), lowered.header[:9] + tail)
    assert back["photo"] == b""
    assert note != "restored"


def test_a_header_from_before_the_hop_was_edited_is_ignored() -> None:
    edited = subject_of([OLD, NEW], [LOSSY.replace('"tags": {}}', '"tags": {"by": "us"}}')], name="shop")
    lowered = lower({**FULL, "tags": {}}, carrier())
    _, note = lift(lowered, carrier(edited))
    assert note == "changed-chain"


def test_more_than_the_limit_is_not_carried_and_reported() -> None:
    lowered = lower({**FULL, "photo": b"x" * HEADER_LIMIT_BYTES}, carrier())
    assert (lowered.header, lowered.note) == (None, "over-limit")
    assert len(lowered.outputs) == 1


@pytest.mark.parametrize("sensitive", ["note", "items[].weight", "tags", "tags{}", "photo"])
def test_sensitive_fields_are_never_carried(sensitive: str) -> None:
    secret = {
        **FULL,
        "note": "s3cret",
        "tags": {"k": "s3cret"},
        "photo": b"s3cret",
        "items": [{**FULL["items"][0], "weight": 1234.5}],
    }
    name = sensitive.partition("[")[0].partition("{")[0]
    through = carrier(shop((sensitive,)))
    lowered = lower(secret, through)
    assert lowered.note == "carried-in-part"
    assert lowered.header is not None
    rest = exact_json.loads(lowered.header[9:])
    assert not any(place[0] == name and (name != "items" or place[-1] == "weight") for place, _ in rest[1])
    back, note = lift(lowered, through)
    assert note == "restored"
    assert back["total"] == secret["total"]
    assert back.get(name) != secret[name]


def test_what_holds_a_sensitive_field_is_withheld_whole() -> None:
    shape = record(id=LONG, card=optional(record(number=STRING, kind=STRING)))
    drop = """
        def upcast(record, context): return {"id": record["id"]}
        def downcast(record, context): return {"id": record["id"]}
    """
    through = carrier(subject_of([record(id=LONG), shape], [drop], sensitive=("card.number",)))
    lowered = lower({"id": 1, "card": {"number": "4111", "kind": "x"}}, through)
    assert (lowered.header, lowered.note) == (None, "withheld")


def test_a_record_that_cannot_come_back_up_is_carried_whole() -> None:
    narrow = """
        def upcast(record, context):
            if record["n"] < 0:
                raise ValueError("no")
            return {"n": record["n"], "m": 0}

        def downcast(record, context): return {"n": record["n"]}
    """
    through = carrier(subject_of([record(n=LONG), record(n=LONG, m=LONG)], [narrow]))
    lowered = lower({"n": -1, "m": 7}, through)
    assert lift(lowered, through) == ({"n": -1, "m": 7}, "restored")
    without = through.lift(lowered.outputs[0], Context())
    assert isinstance(without, Rejected)
    assert without.code == HOP_RAISED


def test_a_rejected_downcast_is_a_rejection() -> None:
    rejected = carrier().lower(exact_json.dumps({**FULL, "id": 13}), Context())
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.hop) == (HOP_RAISED, "v1_to_v2")


def test_a_header_made_for_another_version_is_ignored() -> None:
    third = "def upcast(record, context): return record\ndef downcast(record, context): return record"
    longer = subject_of([OLD, NEW, NEW], [LOSSY, third], name="shop")
    down, up = longer.program(3, 1), longer.program(1, 3)
    assert isinstance(down, Program)
    assert isinstance(up, Program)
    lowered = lower(FULL, Carrier.of(down, up))
    _, note = lift(lowered, carrier())
    assert note == "other-version"


def test_a_framing_inside_the_payload_does_not_cut_the_header_off() -> None:
    same = "def upcast(record, context): return {**record, 'm': 0}\n"
    same += "def downcast(record, context): return {key: part for key, part in record.items() if key != 'm'}"
    low, high = replace(record(n=LONG), open=True), replace(record(n=LONG, m=LONG), open=True)
    through = carrier(subject_of([low, high], [same]))

    def stamped(data: bytes) -> bytes:
        return exact_json.dumps(exact_json.loads(data) | {"version": 1})

    lowered = through.lower(exact_json.dumps({"n": 1, "m": 7}), Context(), stamped)
    assert isinstance(lowered, Lowered)
    lifted = through.lift(stamped(lowered.outputs[0]), Context(headers=((HEADER, lowered.header),)))
    assert isinstance(lifted, Lifted)
    assert (exact_json.loads(lifted.outputs[0]), lifted.note) == ({"n": 1, "m": 7}, "restored")


def test_programs_that_do_not_belong_together_are_refused() -> None:
    subject = shop()
    down, up = subject.program(2, 1), subject.program(1, 1)
    assert isinstance(down, Program)
    assert isinstance(up, Program)
    with pytest.raises(ValueError, match="way back"):
        Carrier.of(down, up)


def test_the_header_is_not_forwarded() -> None:
    assert without_header((("a", b"1"), (HEADER, b"x"), ("b", None))) == (("a", b"1"), ("b", None))
