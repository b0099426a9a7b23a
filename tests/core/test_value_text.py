import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.values import plain_values

from instar.core.formats.sealed import Sealed
from instar.core.value_text import compact, jsonable, pretty, shown

DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=15,
)


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def decimals(document: Any) -> Any:
    """The document with every fraction as the decimal that its text is."""
    if isinstance(document, dict):
        return {key: decimals(part) for key, part in document.items()}
    if isinstance(document, list):
        return [decimals(part) for part in document]
    return Decimal(repr(document)) if isinstance(document, float) else document


@given(document=DOCUMENTS)
def test_json_text_keeps_every_digit(document: Any) -> None:
    assert exact(compact(document)) == decimals(document)
    assert exact(pretty(document)) == decimals(document)
    assert "\n" not in compact(document)


@given(value=plain_values())
def test_any_value_that_a_hop_can_make_has_a_text_and_a_document(value: Any) -> None:
    assert "\n" not in shown(value)
    json.loads(compact(jsonable(value)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.50", '"1.50"'),
        (Decimal("1.50"), "1.50"),
        (datetime(2024, 1, 31, 12, tzinfo=UTC), "2024-01-31T12:00:00Z"),
        (datetime(2024, 1, 31, 12), "2024-01-31T12:00:00"),  # noqa: DTZ001 - a local timestamp has no zone
        (b"\x00\xff", "0x00ff"),
        (True, "true"),
        (None, "null"),
        ({"a": [1, "x"]}, '{"a": [1, "x"]}'),
        (("Card", {"n": 1}), 'Card {"n": 1}'),
        (Sealed("x"), "***"),
    ],
)
def test_types_can_be_told_apart_by_their_text(value: Any, text: str) -> None:
    assert shown(value) == text


def test_decimals_are_numbers_in_json_records_and_text_in_avro_records() -> None:
    assert jsonable(Decimal("1.50"), "json") == Decimal("1.50")
    assert jsonable(Decimal("1.50"), "avro") == "1.50"
