from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from instar.core.formats.json_schema import parse_json
from instar.core.scaffolding.infer import infer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON, max_size=3), min_size=1, max_size=8))
def test_every_sample_is_valid_under_what_is_inferred_from_it(values: list[dict[str, Any]]) -> None:
    schema = parse_json(infer(values))
    for value in values:
        assert schema.problem(value) is None


def test_what_every_sample_has_is_required_and_what_one_has_is_not() -> None:
    made = infer([{"a": 1, "b": None}, {"a": 2.5}])
    assert made["required"] == ["a"]
    assert made["properties"] == {"a": {"type": "number"}, "b": {"type": "null"}}
    assert "additionalProperties" not in made


def test_only_what_looks_like_an_enumeration_is_one() -> None:
    symbols = [{"s": ["NEW", "PAID"][number % 2]} for number in range(60)]
    assert infer(symbols)["properties"]["s"]["enum"] == ["NEW", "PAID"]
    assert "enum" not in infer(symbols[:10])["properties"]["s"]
    names = [{"s": ["Ada", "Bob"][number % 2]} for number in range(60)]
    assert "enum" not in infer(names)["properties"]["s"]
    nullable = [*symbols, {"s": None}]
    assert infer(nullable)["properties"]["s"] == {"type": ["null", "string"], "enum": [None, "NEW", "PAID"]}


def test_times_are_told_from_what_only_looks_like_one() -> None:
    assert infer([{"t": "2026-01-31T10:00:00Z"}])["properties"]["t"]["format"] == "date-time"
    assert "format" not in infer([{"t": "2026-02-31T10:00:00Z"}])["properties"]["t"]
    assert "format" not in infer([{"t": "2026-01-31T10:00:00Z"}, {"t": "soon"}])["properties"]["t"]
