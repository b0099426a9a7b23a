from random import Random
from typing import Any

import pytest

from instar.core.formats.avro import parse_avro
from instar.core.formats.json_schema import parse_json
from instar.core.scaffolding.masking import masked_record, sensitive_paths

CARD = {"type": "record", "name": "Card", "fields": [{"name": "iban", "type": "string"}]}
CASH = {"type": "record", "name": "Cash", "fields": [{"name": "till", "type": "int"}]}
AVRO = parse_avro(
    {
        "type": "record",
        "name": "Customer",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "contact", "type": {"type": "array", "items": "string"}},
            {"name": "firstName", "type": "string"},
            {"name": "pay", "type": [CARD, CASH]},
            {"name": "birthday", "type": ["null", {"type": "int", "logicalType": "date"}]},
        ],
    }
)
VALUE = {
    "id": 7,
    "contact": ["ada@example.com", "by phone"],
    "firstName": "Ada",
    "pay": ("Card", {"iban": "DE02120300000000202051"}),
    "birthday": None,
}


def test_fields_are_found_by_name_and_by_what_is_in_them_also_inside_of_unions() -> None:
    assert sensitive_paths(AVRO.shape, [VALUE]) == ["contact[]", "firstName", "pay.iban"]


def test_a_masked_record_is_valid_and_says_nothing() -> None:
    paths = sensitive_paths(AVRO.shape, [VALUE])
    made = masked_record(AVRO, VALUE, paths, Random(1))
    assert made is not None
    assert AVRO.problem(made) is None
    assert made["id"] == 7
    for secret in ("ada@", "Ada", "DE02"):
        assert secret not in str(made)
    assert VALUE["firstName"] == "Ada"


def test_a_pattern_stays_kept() -> None:
    schema = parse_json(
        {
            "type": "object",
            "properties": {"phone": {"type": "string", "pattern": "^[0-9]{6}$"}, "n": {"type": "integer"}},
            "required": ["phone"],
        }
    )
    value = {"phone": "123456", "n": 1}
    made = masked_record(schema, value, ["phone"], Random(3))
    assert made is not None
    assert schema.problem(made) is None
    assert made["phone"] != "123456"
    assert made["n"] == 1


def test_a_record_that_cannot_be_masked_is_left_out() -> None:
    twice = {"type": "string", "pattern": r"^(\w+)-\1$"}  # nothing can be drawn from it, and *** does not match
    schema = parse_json({"type": "object", "properties": {"phone": twice}, "required": ["phone"]})
    assert masked_record(schema, {"phone": "12-12"}, ["phone"], Random(1)) is None
    by_mail = parse_json({"type": "object"})
    assert masked_record(by_mail, {"ada@example.com": 1}, [], Random(1)) is None


@pytest.mark.parametrize(
    ("name", "is_sensitive"),
    [
        ("email", True),
        ("e_mail", True),
        ("customerName", True),
        ("zipCode", True),
        ("quantity", False),
        ("shipped", False),
    ],
)
def test_names_are_read_by_their_words(name: str, is_sensitive: bool) -> None:
    value: dict[str, Any] = {name: "x"}
    schema = parse_json({"type": "object", "properties": {name: {"type": "string"}}})
    assert bool(sensitive_paths(schema.shape, [value])) is is_sensitive
