"""A hop of changes is derived when it binds: what it forgets or mistypes is found before any record runs."""

from dataclasses import replace

import pytest
from tests.support.subjects import (
    LONG,
    STRING,
    Array,
    ShapeSchema,
    bound,
    draws,
    hop_of,
    nullable,
    record,
    subject_of,
)

from instar.core.finding import Finding
from instar.core.formats.shape import Field, Shape
from instar.core.record import Context
from instar.core.rejected import HOP_RAISED, Rejected
from instar.core.upcasting import exact_json
from instar.core.upcasting.carry import HEADER, Carrier, Lifted, Lowered
from instar.core.upcasting.chain import Chain
from instar.core.upcasting.hop import bind
from instar.core.upcasting.laws import check_laws
from instar.core.upcasting.program import Program
from instar.core.upcasting.value import copy_of

OLD = record(phone=STRING, items=Array(record(sku=STRING, qty=LONG)), coupon=nullable(STRING), city=STRING)
NEW = record(
    phone=LONG,
    items=Array(record(sku=STRING, quantity=LONG)),
    address=record(city=STRING),
    channel=Field(STRING, default="web"),
)
HOP = """
    \"\"\"Phones are numbers, quantities are written out, channels.\"\"\"
    from instar.changes import add, convert, drop, move, rename

    def digits(phone):
        return int(phone or "0")

    def written(number):
        return str(number)

    changes = [
        convert("phone", up=digits, down=written),
        rename("items[].qty", "items[].quantity"),
        move("city", "address.city"),
        drop("coupon", restore=None),
        add("channel"),
    ]
"""
VALUE = {"phone": "41", "items": [{"sku": "a", "qty": 2}], "coupon": "X", "city": "Bern"}
UPCAST = {"phone": 41, "items": [{"sku": "a", "quantity": 2}], "address": {"city": "Bern"}, "channel": "web"}


def refused(source: str, before: Shape = OLD, after: Shape = NEW) -> list[Finding]:
    found = bind(hop_of(source), ShapeSchema(before), ShapeSchema(after))
    assert isinstance(found, list), found
    assert all(entry.file == "upcasters/orders/v1_to_v2.py" and entry.subject == "orders" for entry in found)
    return found


def test_changes_run_up_and_down() -> None:
    hop = bound(HOP, OLD, NEW)
    assert not hop.one_way
    chain = subject_of([OLD, NEW], [HOP]).chain(1, 2)
    assert isinstance(chain, Chain)
    assert chain.fold(VALUE, Context()) == [UPCAST]
    assert hop.down(copy_of(UPCAST), Context()) == [{**VALUE, "coupon": None}]


def test_losses_are_computed() -> None:
    hop = bound(HOP, OLD, NEW)
    assert hop.lost_up == ("coupon",)
    assert hop.lost_down == ("channel",)
    assert len(hop.summary_lines) == 5


def test_a_drop_without_restore_is_one_way() -> None:
    assert bound(HOP.replace(", restore=None", ""), OLD, NEW).one_way


@pytest.mark.parametrize(
    ("edit", "path", "line_to_add"),
    [
        (('        add("channel"),\n', ""), "channel", 'add("channel")'),
        (('        drop("coupon", restore=None),\n', ""), "coupon", 'drop("coupon"'),
    ],
)
def test_a_forgotten_field_is_found_with_the_line_to_add(edit: tuple[str, str], path: str, line_to_add: str) -> None:
    found = refused(HOP.replace(*edit))
    naming = [entry for entry in found if entry.path == path]
    assert naming, found
    assert line_to_add in naming[0].remedy
    assert naming[0].line is not None


def test_a_wrong_type_is_found_with_its_path() -> None:
    found = refused(HOP, after=replace(NEW, fields={**NEW.fields, "address": Field(record(city=LONG))}))
    assert "address.city" in {entry.path for entry in found}


def test_a_schema_without_the_new_field_is_found() -> None:
    fields = {name: entry for name, entry in NEW.fields.items() if name != "channel"}
    assert "channel" in {entry.path for entry in refused(HOP, after=replace(NEW, fields=fields))}


def test_a_function_that_raises_rejects_the_record_and_names_its_line() -> None:
    hop = bound(HOP.replace('int(phone or "0")', "phone.pop()"), OLD, NEW)
    rejected = hop.up(copy_of(VALUE), Context())
    assert isinstance(rejected, Rejected)
    assert rejected.code == HOP_RAISED
    assert "AttributeError" in rejected.message
    assert "upcasters/orders/v1_to_v2.py line 5" in rejected.message


def test_the_laws_hold_but_for_what_a_function_cannot_undo() -> None:
    schemas = ShapeSchema(OLD), ShapeSchema(NEW)
    assert check_laws(bound(HOP, OLD, NEW), *schemas, [VALUE, {**VALUE, "phone": "7"}], [UPCAST]) == []
    (finding,) = check_laws(bound(HOP, OLD, NEW), *schemas, [{**VALUE, "phone": "007"}], [])
    assert (finding.code, finding.path) == ("wrong-down", "phone")
    assert "'007' came back as '7'" in finding.message
    assert 'lost = {"up": ["phone"]}' in finding.remedy
    assert finding.line == 10


def test_a_loss_beside_changes_may_be_declared() -> None:
    source = HOP + '\n    lost = {"up": ["phone"]}\n'
    schemas = ShapeSchema(OLD), ShapeSchema(NEW)
    assert check_laws(bound(source, OLD, NEW), *schemas, [{**VALUE, "phone": "007"}] * 30, draws(NEW)) == []


def test_records_do_not_share_what_changes_put_into_them() -> None:
    shape = record(tags=Field(Array(STRING), default=["new"]))
    mark = "def upcast(record, context):\n    record['tags'].append('seen')\n    return record"
    subject = subject_of([record(), shape, shape], ["from instar.changes import add\nchanges = [add('tags')]", mark])
    chain = subject.chain(1, 3)
    assert isinstance(chain, Chain)
    assert chain.fold({}, Context()) == chain.fold({}, Context()) == [{"tags": ["new", "seen"]}]


def test_what_changes_lose_on_the_way_down_is_carried() -> None:
    subject = subject_of([OLD, NEW], [HOP])
    down, up = subject.program(2, 1), subject.program(1, 2)
    assert isinstance(down, Program)
    assert isinstance(up, Program)
    for value in draws(NEW, 200):
        data = exact_json.dumps(value)
        lowered = Carrier.of(down, up).lower(data, Context())
        assert isinstance(lowered, Lowered)
        headers = () if lowered.header is None else ((HEADER, lowered.header),)
        lifted = Carrier.of(down, up).lift(lowered.outputs[0], Context(headers=headers))
        assert isinstance(lifted, Lifted)
        assert exact_json.loads(lifted.outputs[0]) == value
