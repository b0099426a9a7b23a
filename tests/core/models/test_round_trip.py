"""Generated models take every valid record and give back the very same plain value."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.avro_schemas import avro_documents, unhurried
from tests.support.generated import forbidden_in, root_of, text_of
from tests.support.json_schemas import SCHEMAS

from instar.client.models import maker, taker
from instar.core.formats.avro import parse_avro
from instar.core.formats.json_sample import NoSample
from instar.core.formats.json_schema import parse_json
from instar.core.formats.schema import Schema
from instar.core.rejected import Rejected

REPOSITORY = Path(__file__).resolve().parents[3]


def assert_same(schema: Schema, root: Any, value: Any) -> None:
    made = maker(root, schema)(value)
    assert not isinstance(made, Rejected), made
    assert isinstance(made, root)
    back = taker(schema)(made)
    assert not isinstance(back, Rejected), back
    assert schema.encode(back) == schema.encode(value)


@unhurried
@given(avro_documents(), st.integers(0, 2**32))
def test_records_of_any_avro_schema_come_back_as_the_same_bytes(document: Any, seed: int) -> None:
    schema = parse_avro(document)
    with root_of(schema, document) as root:
        draw = Random(seed)
        for _ in range(5):
            assert_same(schema, root, schema.sample(draw))


def test_a_model_that_was_written_as_json_is_read_from_it_again() -> None:
    document = json.loads((REPOSITORY / "schemas/orders/v3.avsc").read_text())
    document["fields"] += [
        {"name": "proof", "type": {"type": "fixed", "name": "Proof", "size": 4}},
        {"name": "paid", "type": [{"type": "record", "name": name, "fields": []} for name in ("Card", "Cash")]},
    ]
    schema = parse_avro(document)
    with root_of(schema, document) as root:
        for seed in range(20):
            made = maker(root, schema)(schema.sample(Random(seed)))
            assert root.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize("name", SCHEMAS)
@given(seed=st.integers(0, 2**32))
def test_records_of_any_json_schema_come_back_the_same(name: str, seed: int) -> None:
    schema = parse_json(SCHEMAS[name])
    with root_of(schema, SCHEMAS[name]) as root:
        draw = Random(seed)
        for _ in range(3):
            try:
                value = schema.sample(draw)
            except NoSample:
                continue
            made = maker(root, schema)(value)
            assert not isinstance(made, Rejected), made
            assert taker(schema)(made) == value


@unhurried
@given(avro_documents())
def test_the_same_schema_gives_the_same_text_and_nothing_but_types(document: Any) -> None:
    schema = parse_avro(document)
    text = text_of(schema, document)
    assert text == text_of(parse_avro(document), document)
    assert forbidden_in(text) == []
