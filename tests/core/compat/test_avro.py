"""Avro compatibility: the official verdict, in our words, at the place it is about."""

import io
import json
from random import Random
from typing import Any

import fastavro
import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType, SchemaIncompatibilityType
from avro.schema import parse
from tests.support.evolving import evolved

from instar.core.compat.avro import CODES, LOGICAL, UNREADABLE, Direction, Incompatibility, check_avro
from instar.core.formats.avro import parse_avro

PAIRS = 150


def rec(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "Event", "namespace": "shop", "fields": list(fields), **more}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def symbols(*names: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "State", "symbols": list(names), **more}


def fixed(size: int, name: str = "Hash") -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size}


def found(old: Any, new: Any, direction: Direction = "backward") -> list[Incompatibility]:
    return check_avro(json.dumps(old), json.dumps(new), direction, old_name="v1", new_name="v2")


def is_compatible(old: Any, new: Any, direction: Direction) -> bool:
    """The library's own verdict."""
    reader, writer = (new, old) if direction == "backward" else (old, new)
    result = ReaderWriterCompatibilityChecker().get_compatibility(parse(json.dumps(reader)), parse(json.dumps(writer)))
    return bool(result.compatibility is SchemaCompatibilityType.compatible)


# One pair for each type of incompatibility: what differs, where, and words that the message and the remedy must hold.
EACH_TYPE: dict[str, tuple[Any, Any, str, str, str]] = {
    "missing-default": (rec(), rec(field("owner", "string")), "owner", "v2 needs owner, which v1", "a default in v2"),
    "type-mismatch": (
        rec(field("n", "long")),
        rec(field("n", "int")),
        "n",
        "v2 cannot read as an int",
        "keep the type",
    ),
    "missing-enum-symbols": (
        rec(field("s", symbols("NEW", "LOST"))),
        rec(field("s", symbols("NEW"))),
        "s",
        "v1 may write LOST in s, which v2 does not know",
        "give the enum a default",
    ),
    "missing-union-branch": (
        rec(field("u", ["null", "string"])),
        rec(field("u", ["null", "long"])),
        "u",
        "u may be a string in v1, and v2 has no branch for that",
        "keep the branch in v2",
    ),
    "fixed-size-mismatch": (
        rec(field("h", fixed(16))),
        rec(field("h", fixed(32))),
        "h",
        "h has 16 bytes in v1 and 32 bytes in v2",
        "keep the size",
    ),
    "name-mismatch": (
        rec(field("h", fixed(16))),
        rec(field("h", fixed(16, "Digest"))),
        "h",
        "the type of h is called shop.Hash in v1 and shop.Digest in v2",
        '"aliases": ["shop.Hash"]',
    ),
}


def test_every_type_of_the_library_has_a_code_and_a_case() -> None:
    assert set(CODES) == set(SchemaIncompatibilityType)
    assert set(CODES.values()) == set(EACH_TYPE)


@pytest.mark.parametrize("code", EACH_TYPE)
def test_each_incompatibility_is_told_with_path_and_remedy(code: str) -> None:
    old, new, path, message, remedy = EACH_TYPE[code]
    assert not is_compatible(old, new, "backward")
    (only,) = found(old, new)
    assert (only.code, only.path, only.direction) == (code, path, "backward")
    assert message in only.message
    assert remedy in only.remedy
    (type_,) = [each for each, name in CODES.items() if name == code]
    official = ReaderWriterCompatibilityChecker().get_compatibility(parse(json.dumps(new)), parse(json.dumps(old)))
    assert official.incompatibilities == [type_]


@pytest.mark.parametrize("code", EACH_TYPE)
def test_forward_is_the_same_pair_from_the_other_side_and_never_asks_to_change_the_old_one(code: str) -> None:
    old, new, path, _, _ = EACH_TYPE[code]
    (only,) = found(new, old, "forward")  # what was new is old now
    assert (only.code, only.path, only.direction) == (code, path, "forward")
    assert "in v1" not in only.remedy


def test_the_verdict_is_the_librarys_and_what_it_lets_pass_can_be_read() -> None:
    compatible = 0
    for seed in range(PAIRS):
        pair = evolved(seed)
        if pair.kind != "avro":
            continue
        for direction in ("backward", "forward"):
            reasons = [each for each in found(pair.before, pair.after, direction) if each.code != LOGICAL]
            assert (not reasons) == is_compatible(pair.before, pair.after, direction), f"seed {seed}, {direction}"
            if not reasons:
                compatible += 1
                reader, writer = (pair.after, pair.before)[:: 1 if direction == "backward" else -1]
                _read(writer, reader, seed)
    assert compatible >= 20


def _read(writer: Any, reader: Any, seed: int) -> None:
    """Another implementation reads with the reader's schema what was written with the writer's."""
    schema, random = parse_avro(writer), Random(seed)
    for _ in range(3):
        data = schema.encode(schema.sample(random))
        assert isinstance(data, bytes)
        fastavro.schemaless_reader(io.BytesIO(data), fastavro.parse_schema(writer), fastavro.parse_schema(reader))


def test_all_reasons_are_told_at_once_and_inside_of_elements() -> None:
    item = {"type": "record", "name": "Item", "fields": [field("sku", "string"), field("n", "long")]}
    other = {"type": "record", "name": "Item", "fields": [field("sku", "bytes"), field("n", "int"), field("x", "int")]}
    old = rec(field("items", {"type": "array", "items": item}))
    new = rec(field("items", {"type": "array", "items": other}), field("y", "int"))
    assert [(each.code, each.path, each.pointer) for each in found(old, new)] == [
        ("type-mismatch", "items[].n", "/fields/0/type/items/fields/1/type"),
        ("missing-default", "items[].x", "/fields/0/type/items/fields/2/type"),
        ("missing-default", "y", "/fields/1/type"),
    ]


def test_inside_of_a_union_the_branch_that_is_meant_says_what_differs() -> None:
    card = {"type": "record", "name": "Card", "fields": [field("n", "long")]}
    new_card = {"type": "record", "name": "Card", "fields": [field("n", "int")]}
    (only,) = found(rec(field("pay", ["null", card])), rec(field("pay", ["null", new_card])))
    assert (only.code, only.path) == ("type-mismatch", "pay.n")


def test_recursion_ends() -> None:
    def tree(kind: str) -> dict[str, Any]:
        kids = {"type": "array", "items": "shop.Event"}
        return rec(field("n", kind), field("kids", kids))

    assert found(tree("int"), tree("long")) == []
    assert [each.path for each in found(tree("long"), tree("int"))] == ["n"]


def test_an_alias_makes_a_rename_readable() -> None:
    new = rec(field("quantity", "int", aliases=["qty"]))
    assert found(rec(field("qty", "int")), new) == []
    assert [each.code for each in found(rec(field("qty", "int")), new, "forward")] == ["missing-default"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "long", "logicalType": "timestamp-millis"}, {"type": "long", "logicalType": "timestamp-micros"}),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
            {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3},
        ),
        ("string", {"type": "string", "logicalType": "uuid"}),
        (["null", {"type": "int", "logicalType": "date"}], ["null", "int"]),
    ],
)
def test_a_value_that_is_read_as_something_else_is_found_though_the_library_lets_it_pass(old: Any, new: Any) -> None:
    before, after = rec(field("at", old)), rec(field("at", new))
    assert is_compatible(before, after, "backward")
    (only,) = found(before, after)
    assert (only.code, only.path) == (LOGICAL, "at")


def test_a_document_that_the_library_does_not_take_is_a_finding() -> None:
    (only,) = found({"type": "no-such"}, rec())
    assert only.code == UNREADABLE
