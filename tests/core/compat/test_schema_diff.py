"""What changed between versions: found field by field, with its risk and what it means for others."""

import io
from pathlib import Path
from random import Random
from typing import Any

import fastavro
import pytest
from tests.support.evolving import evolved
from tests.support.subjects import record, subject_of

from instar.core.compat.paths_between import places
from instar.core.compat.risk import RISKS, risk_of
from instar.core.compat.schema_diff import FieldChange, SchemaDiff, diff
from instar.core.formats.avro import parse_avro
from instar.core.formats.json_schema import parse_json
from instar.core.formats.schema import Schema
from instar.core.formats.shape import Field, Scalar
from instar.project.catalogue import read_catalogue

ROOT = Path(__file__).resolve().parents[3]
TEXT = Scalar("string")


def avro(*fields: dict[str, Any]) -> Schema:
    return parse_avro({"type": "record", "name": "Event", "namespace": "shop", "fields": list(fields)})


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def between(old: Schema, new: Schema) -> SchemaDiff:
    return diff([old, new], [None], old="v1", new="v2")


def only(made: SchemaDiff) -> FieldChange:
    (change,) = made.changes
    return change


def shipped(subject: str, start: int, end: int) -> SchemaDiff:
    family = read_catalogue(ROOT).catalogue[subject]
    schemas = [family.versions[version] for version in range(start, end + 1)]
    hops = [family.hops[version] for version in range(start, end)]
    return diff(schemas, hops, old=f"v{start}", new=f"v{end}")


def test_a_hop_says_what_became_of_each_field() -> None:
    made = shipped("orders", 1, 2)
    assert made.is_known
    found = {(each.kind, each.was, each.path) for each in made.changes}
    assert ("moved", ("street",), "address.street") in found
    assert ("made of others", ("customer_name",), "customer.first") in found
    assert ("symbols removed", ("status",), "status") in found
    assert not any(each.guess for each in made.changes)
    mapped = next(each for each in made.changes if each.kind == "symbols removed")
    assert mapped.hop == "map values of status: SENT -> SHIPPED"
    assert mapped.risk == "transforming"


def test_a_diff_over_several_hops_follows_the_fields_through_all_of_them() -> None:
    made = shipped("orders", 1, 3)
    renamed = {(each.was, each.path) for each in made.changes if each.kind == "renamed"}
    assert renamed == {(("items[].qty",), "items[].quantity"), (("items[].price_cents",), "items[].unit_price")}
    assert [each.path for each in made.changes if each.kind == "removed"] == ["coupon"]


def test_without_a_hop_renames_are_guesses() -> None:
    made = between(avro(field("qty", "int")), avro(field("quantity", "int")))
    assert not made.is_known
    change = only(made)
    assert (change.kind, change.was, change.path) == ("renamed", ("qty",), "quantity")
    assert change.guess


def test_what_is_lost_on_the_way_up_is_destructive() -> None:
    family = subject_of(
        [record(a=TEXT, b=TEXT), record(a=TEXT)], ["from instar.changes import *\nchanges = [drop('b', restore='')]"]
    )
    made = diff(list(family.versions.values()), [family.hops[1]], old="v1", new="v2")
    assert (only(made).kind, made.risk) == ("removed", "destructive")
    assert risk_of(family.hops[1]) == "destructive"


CASES: list[tuple[str, Any, Any, str, str, str, str]] = [
    (
        "added with a default",
        [],
        [field("x", "int", default=3)],
        "additive",
        "does not look at it",
        "gets the default 3",
        "added",
    ),
    ("added without a default", [], [field("x", "int")], "transforming", "does not look", "cannot be read", "added"),
    (
        "removed with a default",
        [field("x", "int", default=3)],
        [],
        "destructive",
        "default 3 of v1",
        "dropped",
        "removed",
    ),
    ("removed without", [field("x", "int")], [], "destructive", "cannot read the record", "dropped", "removed"),
    (
        "widened",
        [field("x", "int")],
        [field("x", "long")],
        "transforming",
        "cannot read",
        "reads its int as long",
        "type",
    ),
    (
        "another meaning",
        [field("x", "long")],
        [field("x", {"type": "long", "logicalType": "timestamp-micros"})],
        "transforming",
        "takes its timestamp-micros for long",
        "takes its long for timestamp-micros",
        "type",
    ),
    (
        "null",
        [field("x", "int")],
        [field("x", ["null", "int"])],
        "additive",
        "cannot read a record in which it is null",
        "as it is",
        "may be null",
    ),
    (
        "no null",
        [field("x", ["null", "int"])],
        [field("x", "int")],
        "transforming",
        "reads it",
        "null cannot be read",
        "not null any more",
    ),
    (
        "another default",
        [field("x", "int", default=1)],
        [field("x", "int", default=2)],
        "additive",
        "its own default 1",
        "now gets 2",
        "default",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_each_change_has_its_risk_and_its_words(case: Any) -> None:
    _, old, new, risk, reader, writer, kind = case
    keep = field("id", "long")
    change = only(between(avro(keep, *old), avro(keep, *new)))
    assert (change.kind, change.path, change.risk) == (kind, "x", risk)
    assert reader in change.old_reader
    assert writer in change.old_writer


def test_new_symbols_say_whether_the_old_enum_has_a_default() -> None:
    def state(*symbols: str, **more: Any) -> Schema:
        return avro(field("s", {"type": "enum", "name": "S", "symbols": list(symbols), **more}))

    assert "refuses the record" in only(between(state("A"), state("A", "B"))).old_reader
    assert "gets A instead" in only(between(state("A", default="A"), state("A", "B"))).old_reader
    gone = only(between(state("A", "B"), state("A")))
    assert (gone.kind, gone.before, gone.risk) == ("symbols removed", "B", "destructive")


def test_json_presence_bounds_and_openness() -> None:
    def schema(closed: bool, required: list[str], **properties: Any) -> Schema:
        document = {"type": "object", "properties": properties, "required": required}
        return parse_json({**document, "additionalProperties": False} if closed else document)

    whole = {"type": "integer"}
    made = between(schema(False, [], n=whole), schema(False, ["n"], n={**whole, "minimum": 1}))
    assert {(each.kind, each.risk) for each in made.changes} == {
        ("required", "transforming"),
        ("bounds", "transforming"),
    }
    looser = only(between(schema(False, [], n={**whole, "minimum": 1}), schema(False, [], n=whole)))
    assert (looser.kind, looser.before, looser.after, looser.risk) == ("bounds", "minimum 1", "none", "additive")
    closed = only(between(schema(True, []), schema(True, [], n=whole)))
    assert "refuses the record" in closed.old_reader
    assert "does not look" in only(between(schema(False, []), schema(False, [], n=whole))).old_reader
    gone = only(between(schema(False, [], n=whole), schema(False, [])))
    assert "passes as an unknown field" in gone.old_writer


def test_a_record_that_is_added_or_gone_is_told_once_and_not_field_by_field() -> None:
    inner = {
        "type": "record",
        "name": "Inner",
        "fields": [field("a", "int"), field("b", {"type": "array", "items": "int"})],
    }
    keep = field("id", "long")
    assert only(between(avro(keep), avro(keep, field("x", inner)))).path == "x"
    assert only(between(avro(keep, field("x", inner)), avro(keep))).path == "x"


def test_fields_of_a_renamed_record_go_along() -> None:
    def address(name: str) -> dict[str, Any]:
        return field(name, {"type": "record", "name": "Address", "fields": [field("street", "string")]})

    change = only(between(avro(address("addr")), avro(address("address"))))
    assert (change.kind, change.path) == ("renamed", "address")


def test_equal_schemas_have_no_difference_and_others_do() -> None:
    for seed in range(40):
        before, after = evolved(seed).schemas()
        assert between(before, before).changes == ()
        made = between(before, after)
        assert bool(made.changes) == (places(before.shape) != places(after.shape)), f"seed {seed}"
        assert made.risk == max((each.risk for each in made.changes), key=RISKS.index, default="additive")


def test_what_the_words_say_of_reading_is_what_another_implementation_does() -> None:
    """Where nothing says that a record cannot be read, fastavro reads each; where it says that none can, none."""
    told = {"can": 0, "cannot": 0}
    for seed in range(120):
        pair = evolved(seed)
        if pair.kind != "avro":
            continue
        before, after = pair.schemas()
        made = between(before, after)
        never = any("the record" in each.old_writer and "cannot be read" in each.old_writer for each in made.changes)
        maybe = any("cannot" in each.old_writer for each in made.changes)
        if not never and maybe:
            continue
        schema, random = parse_avro(pair.before), Random(seed)
        data = [schema.encode(schema.sample(random)) for _ in range(3)]
        for each in data:
            assert isinstance(each, bytes)
            parsed = fastavro.parse_schema(pair.before), fastavro.parse_schema(pair.after)
            if never and "items" not in places(before.shape):
                with pytest.raises(fastavro.read.SchemaResolutionError):
                    fastavro.schemaless_reader(io.BytesIO(each), *parsed)
                told["cannot"] += 1
            elif not never:
                fastavro.schemaless_reader(io.BytesIO(each), *parsed)
                told["can"] += 1
    assert min(told.values()) >= 20


def test_an_alias_is_read() -> None:
    old = record(x=TEXT)
    new = record(y=Field(TEXT, aliases=("x",)))
    family = subject_of([old, new], ["from instar.changes import *\nchanges = [rename('x', 'y')]"])
    made = diff(list(family.versions.values()), [family.hops[1]], old="v1", new="v2")
    assert "as an alias" in only(made).old_writer
