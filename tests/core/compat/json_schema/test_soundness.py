"""Where the checker says "compatible", no value of the old schema is refused by the new one.

``INSTAR_SCHEMA_PAIRS`` sets the number of generated pairs (default 300; the campaign uses 24000).
"""

import json
import os
from collections import Counter
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.core.compat.json_schema.generate import (
    DRAFT_07,
    DRAFT_2019,
    DRAFT_2020,
    DRAFTS,
    NAMES,
    SCALARS,
    changed,
    related,
    schemas,
    values,
)

from instar.core.compat.json_schema import contained

PAIRS = int(os.environ.get("INSTAR_SCHEMA_PAIRS", "300"))
VALUES_PER_PAIR = 40
_VALIDATORS: dict[str, Any] = {
    DRAFT_07: jsonschema_rs.Draft7Validator,
    DRAFT_2019: jsonschema_rs.Draft201909Validator,
    DRAFT_2020: jsonschema_rs.Draft202012Validator,
}
pytestmark = pytest.mark.timeout(300 + PAIRS // 4)
campaign = settings(
    max_examples=PAIRS, deadline=None, database=None, suppress_health_check=[*HealthCheck], print_blob=True
)


def validator(schema: Any, draft: str) -> Any:
    """The judge; formats are asserted. Skips what it does not accept as a schema (self-reference in place)."""
    try:
        return _VALIDATORS[draft](schema, validate_formats=True)
    except (ValueError, jsonschema_rs.ReferencingError):
        assume(False)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, Any, Any]:
    """A draft and two schemas: related ones of one type, or a first and a changed first, or any two."""
    draft = draw(st.sampled_from(DRAFTS))
    if draw(st.integers(0, 4)) < 2:
        a, b = draw(related(draft))
        return draft, a, draw(st.sampled_from([b, draw(changed(a, draft))]))
    a = draw(schemas(draft))
    b = draw(changed(a, draft)) if draw(st.integers(0, 4)) else draw(schemas(draft))
    return draft, a, b


def test_a_proven_pair_has_no_counterexample() -> None:
    seen: Counter[str] = Counter()

    @campaign
    @given(pairs(), st.integers(0, 2**32))
    def holds(pair: tuple[str, Any, Any], seed: int) -> None:
        draft, a, b = pair
        old, new = validator(a, draft), validator(b, draft)
        findings = contained(a, b)
        valid = [value for value in values(a, b, Random(seed), VALUES_PER_PAIR) if old.is_valid(value)]
        refused = [value for value in valid if not new.is_valid(value)]
        kind = "not proven" if findings else "proven"
        seen[kind] += 1
        seen[f"{kind}: values tried"] += len(valid)
        seen["not proven: refuted by a value"] += bool(findings and refused)
        # Pairs that differ, have values and do not accept just anything: those are the ones that say something.
        telling = a != b and valid and not all(map(new.is_valid, [*SCALARS, [], {}]))
        seen[f"{kind}, telling"] += bool(telling)
        assert findings or not refused, f"{json.dumps(a)}\n{json.dumps(b)}\nrefused: {json.dumps(refused[0])}"

    holds()
    print("\n" + "\n".join(f"{count:>9} {what}" for what, count in sorted(seen.items())))
    assert seen["proven, telling"] > PAIRS / 20
    assert seen["not proven: refuted by a value"] > PAIRS / 50


def test_every_schema_is_contained_in_itself_and_in_wider_ones() -> None:
    @campaign
    @given(pairs())
    def holds(pair: tuple[str, Any, Any]) -> None:
        draft, a, b = pair
        validator(a, draft), validator(b, draft)
        assume(not any(f.code == "infinite-recursion" for f in contained(a, b) + contained(b, a)))
        inner, other = _embedded(a), _embedded(b)
        alone = {"$schema": draft, "allOf": [inner]}
        assert contained(a, a) == []
        assert contained(a, {"$schema": draft}) == []
        if inner is not None and other is not None:
            assert contained(alone, {"$schema": draft, "anyOf": [other, inner]}) == []
            assert contained({"$schema": draft, "allOf": [other, inner]}, alone) == []
            assert contained(alone, {"$schema": draft, "not": {"not": inner}}) == []

    holds()


def _embedded(schema: Any) -> Any:
    """A schema as part of another; None where it refers to its own root."""
    if not isinstance(schema, dict):
        return schema
    if '"$ref"' in json.dumps(schema):
        return None
    return {keyword: v for keyword, v in schema.items() if keyword not in ("$schema", "definitions", "$defs")}


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """A schema of objects such as an event has: declared members, some required, some with defaults."""
    kinds: list[Any] = [
        {"type": "string"},
        {"type": "integer"},
        {"type": ["integer", "string"]},
        {"type": "integer", "default": 1},
        {"type": "string", "default": 7},
        {"enum": ["a", "b"], "default": "a"},
        {},
    ]
    names = draw(st.lists(st.sampled_from([*NAMES, "c"]), unique=True, max_size=4))
    schema: dict[str, Any] = {"$schema": DRAFT_07, "type": "object"}
    schema["properties"] = {name: draw(st.sampled_from(kinds)) for name in names}
    if draw(st.booleans()) and names:
        schema["required"] = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    additional = draw(st.sampled_from([None, None, True, False, {"type": "integer"}]))
    return schema if additional is None else {**schema, "additionalProperties": additional}


def _filled(value: dict[str, Any], reader: dict[str, Any]) -> dict[str, Any]:
    """What a reader that supplies defaults makes of a value."""
    defaults = {
        name: part["default"]
        for name, part in reader["properties"].items()
        if "default" in part and jsonschema_rs.is_valid(part, part["default"])
    }
    return {**defaults, **value}


def test_leniently_compatible_readers_accept_what_writers_declare() -> None:
    proven = Counter[bool]()

    @campaign
    @given(records(), records(), st.integers(0, 2**32))
    def holds(a: dict[str, Any], b: dict[str, Any], seed: int) -> None:
        random = Random(seed)
        ok = not contained(a, b, policy="lenient")
        assert ok or contained(a, b)  # lenient never refuses what strict accepts
        proven[ok] += 1
        additional = a.get("additionalProperties", True)
        free = additional not in (True, False) or not a["properties"]
        for _ in range(20 if ok else 0):
            names = [n for n in (*a["properties"], *(["x", "c"] if free else [])) if random.random() < 0.6]
            value = {name: random.choice([0, 1, "a", "b", "z", None]) for name in names}
            if jsonschema_rs.Draft7Validator(a).is_valid(value):
                assert jsonschema_rs.Draft7Validator(b).is_valid(_filled(value, b)), value

    holds()
    assert proven[True] > PAIRS / 20
    assert proven[False] > PAIRS / 20
