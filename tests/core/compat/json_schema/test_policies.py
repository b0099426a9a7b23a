"""Adding and removing a property, in every combination that people argue about. The docs show the same table."""

from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest

from instar.core.compat.json_schema import check

PAGE = Path(__file__).resolve().parents[4] / "docs/json-schema-compatibility.md"
DRAFT = "http://json-schema.org/draft-07/schema#"

Policy = Literal["strict", "lenient"]

#: (policy, content model of both versions, change, property): codes of the findings backward, codes forward.
#: "required" and "defaulted" are required, the latter with a default; "optional" is not required.
EXPECTED: dict[tuple[Policy, str, str, str], tuple[list[str], list[str]]] = {
    ("strict", "open", "add", "required"): (["property-added-to-open", "required-added"], []),
    ("strict", "open", "add", "defaulted"): (["property-added-to-open", "required-added"], []),
    ("strict", "open", "add", "optional"): (["property-added-to-open"], []),
    ("strict", "open", "remove", "required"): ([], ["property-added-to-open", "required-added"]),
    ("strict", "open", "remove", "defaulted"): ([], ["property-added-to-open", "required-added"]),
    ("strict", "open", "remove", "optional"): ([], ["property-added-to-open"]),
    ("strict", "closed", "add", "required"): (["required-added"], ["property-removed-from-closed"]),
    ("strict", "closed", "add", "defaulted"): (["required-added"], ["property-removed-from-closed"]),
    ("strict", "closed", "add", "optional"): ([], ["property-removed-from-closed"]),
    ("strict", "closed", "remove", "required"): (["property-removed-from-closed"], ["required-added"]),
    ("strict", "closed", "remove", "defaulted"): (["property-removed-from-closed"], ["required-added"]),
    ("strict", "closed", "remove", "optional"): (["property-removed-from-closed"], []),
    ("lenient", "open", "add", "required"): (["required-added"], []),
    ("lenient", "open", "add", "defaulted"): ([], []),
    ("lenient", "open", "add", "optional"): ([], []),
    ("lenient", "open", "remove", "required"): ([], ["required-added"]),
    ("lenient", "open", "remove", "defaulted"): ([], []),
    ("lenient", "open", "remove", "optional"): ([], []),
    ("lenient", "closed", "add", "required"): (["required-added"], ["property-removed-from-closed"]),
    ("lenient", "closed", "add", "defaulted"): ([], ["property-removed-from-closed"]),
    ("lenient", "closed", "add", "optional"): ([], ["property-removed-from-closed"]),
    ("lenient", "closed", "remove", "required"): (["property-removed-from-closed"], ["required-added"]),
    ("lenient", "closed", "remove", "defaulted"): (["property-removed-from-closed"], []),
    ("lenient", "closed", "remove", "optional"): (["property-removed-from-closed"], []),
}


def _versions(model: str, change: str, kind: str) -> tuple[Any, Any]:
    without: dict[str, Any] = {"$schema": DRAFT, "type": "object", "properties": {"id": {"type": "string"}}}
    without["required"] = ["id"]
    if model == "closed":
        without["additionalProperties"] = False
    part = {"type": "string", "default": "web"} if kind == "defaulted" else {"type": "string"}
    with_it = {
        **without,
        "properties": {**without["properties"], "channel": part},
        "required": ["id"] if kind == "optional" else ["id", "channel"],
    }
    return (without, with_it) if change == "add" else (with_it, without)


def test_the_table_has_all_24_combinations() -> None:
    axes = product(["strict", "lenient"], ["open", "closed"], ["add", "remove"], ["required", "defaulted", "optional"])
    assert list(EXPECTED) == list(axes)


@pytest.mark.parametrize("combination", EXPECTED, ids="-".join)
def test_a_property_is_added_or_removed(combination: tuple[Policy, str, str, str]) -> None:
    policy, model, change, kind = combination
    old, new = _versions(model, change, kind)
    backward, forward = EXPECTED[combination]
    assert sorted(f.code for f in check(old, new, mode="backward", policy=policy)) == backward
    assert sorted(f.code for f in check(old, new, mode="forward", policy=policy)) == forward
    full = check(old, new, mode="full", policy=policy)
    assert [f.direction for f in full] == ["backward"] * len(backward) + ["forward"] * len(forward)


def table() -> str:
    """The table of the docs."""
    lines = ["| policy | model | change | property | backward | forward |", "|---|---|---|---|---|---|"]
    for combination, verdicts in EXPECTED.items():
        cells = ["yes" if not codes else "no: " + ", ".join(f"`{code}`" for code in codes) for codes in verdicts]
        lines.append("| " + " | ".join([*combination, *cells]) + " |")
    return "\n".join(lines)


def test_the_docs_show_this_table() -> None:
    assert table() in PAGE.read_text()


def test_a_writer_that_declares_nothing_stays_open_under_the_lenient_policy() -> None:
    new = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert check({"type": "object"}, new, policy="lenient")
    assert not check({"type": "object", "properties": {"b": True}}, new, policy="lenient")


def test_members_declared_in_parts_are_declared_together() -> None:
    old = {"allOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}}]}
    new = {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}
    codes = {f.code for f in check(old, new, policy="lenient")}
    assert codes == {"type-narrowed"}


def test_a_default_that_its_own_schema_refuses_supplies_nothing() -> None:
    new = {"type": "object", "properties": {"a": {"type": "string", "default": 1}}, "required": ["a"]}
    assert check({"type": "object", "properties": {"a": {"type": "string"}}}, new, policy="lenient")


def test_an_unknown_policy_or_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="strict or lenient"):
        check({}, {}, policy="loose")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="backward, forward or full"):
        check({}, {}, mode="sideways")  # type: ignore[arg-type]
