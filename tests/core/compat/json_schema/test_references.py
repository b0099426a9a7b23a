"""References: where they lead, recursion, and references that lead nowhere or round in a ring."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from instar.core.compat.json_schema import check, contained
from instar.core.compat.json_schema.uri import join

DRAFT_07 = "http://json-schema.org/draft-07/schema#"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
GITHUB = Path(__file__).resolve().parents[5] / "shared/data/github-webhooks"


@pytest.mark.parametrize(
    ("base", "reference", "expected"),
    [
        ("http://a/b/c/d?q", "g", ("http://a/b/c/g", "")),
        ("http://a/b/c/d?q", "../g#s", ("http://a/b/g", "s")),
        ("http://a/b/c/d?q", "../../../g", ("http://a/g", "")),
        ("http://a/b/c/d?q", "/g", ("http://a/g", "")),
        ("http://a/b/c/d?q", "//g", ("http://g", "")),
        ("http://a/b/c/d?q", "?y", ("http://a/b/c/d?y", "")),
        ("http://a/b/c/d?q", "#s", ("http://a/b/c/d?q", "s")),
        ("http://a/b/c/d?q", "urn:x", ("urn:x", "")),
        ("common/a.json", "b.json#/x%25y", ("common/b.json", "/x%y")),
        ("", "b.json", ("b.json", "")),
    ],
)
def test_references_resolve_as_rfc_3986_says(base: str, reference: str, expected: tuple[str, str]) -> None:
    assert join(base, reference) == expected


def _tree(value: Any, keyword: str = "$defs") -> dict[str, Any]:
    node: dict[str, Any] = {
        "type": "object",
        "properties": {"value": value, "children": {"type": "array", "items": {}}},
    }
    node["properties"]["children"]["items"] = {"$ref": f"#/{keyword}/node"}
    return {"$schema": DRAFT_2020, keyword: {"node": node}, "$ref": f"#/{keyword}/node"}


def test_a_recursive_schema_is_contained_in_a_wider_recursive_one() -> None:
    assert contained(_tree({"type": "integer"}), _tree({"type": "number"}, "definitions")) == []
    (finding,) = contained(_tree({"type": "number"}), _tree({"type": "integer"}))
    assert (finding.code, finding.old_pointer) == ("type-narrowed", "/$defs/node/properties/value/type")


def test_a_recursion_unrolled_once_is_the_same() -> None:
    rolled = _tree({"type": "integer"})
    unrolled = {**rolled, **rolled["$defs"]["node"]}
    del unrolled["$ref"]
    assert check(rolled, unrolled, mode="full") == []


def test_anchors_identifiers_and_documents_are_found() -> None:
    wide = {"$schema": DRAFT_2020, "type": "object", "properties": {"a": {"type": "number"}}}
    by_anchor = {**wide, "properties": {"a": {"$ref": "#n"}}, "$defs": {"x": {"$anchor": "n", "type": "integer"}}}
    by_id = {**wide, "$id": "http://x/root", "properties": {"a": {"$ref": "n.json"}},
             "$defs": {"x": {"$id": "http://x/n.json", "type": "integer"}}}  # fmt: skip
    by_document = {**wide, "properties": {"a": {"$ref": "common/n.json#/$defs/i"}}}
    documents: dict[str, Any] = {
        "common/n.json": {"$defs": {"i": {"$ref": "m.json"}}},
        "common/m.json": {"type": "integer"},
    }
    assert contained(by_anchor, wide) == []
    assert contained(by_id, wide) == []
    assert contained(by_document, wide, a_documents=documents) == []
    (finding,) = contained(wide, by_document, b_documents=documents)
    assert (finding.code, finding.new_pointer) == ("type-narrowed", "common/m.json#/type")


def test_a_draft_07_fragment_identifier_is_an_anchor() -> None:
    schema = {"$schema": DRAFT_07, "items": {"$ref": "#n"}, "definitions": {"x": {"$id": "#n", "type": "integer"}}}
    assert contained(schema, {"$schema": DRAFT_07, "items": {"type": "integer"}}) == []


def test_a_dynamic_reference_in_a_single_resource_is_a_plain_one() -> None:
    tree = {"$schema": DRAFT_2020, "$dynamicAnchor": "node", "type": "object",
            "properties": {"next": {"$dynamicRef": "#node"}}}  # fmt: skip
    plain = {"$schema": DRAFT_2020, "type": "object", "properties": {"next": {"$ref": "#"}}}
    assert check(tree, plain, mode="full") == []


@pytest.mark.parametrize("reference", ["#/$defs/none", "other.json", "#nowhere"])
def test_a_reference_that_leads_nowhere_is_a_finding(reference: str) -> None:
    (finding,) = contained({"$ref": reference}, True)
    assert (finding.code, finding.old_pointer) == ("unresolvable-reference", "/$ref")
    assert reference in finding.message


def test_a_schema_that_applies_itself_to_the_same_value_has_no_meaning() -> None:
    paradox = {"$defs": {"x": {"not": {"$ref": "#/$defs/x"}}}, "$ref": "#/$defs/x"}
    assert {finding.code for finding in contained({"type": "null"}, paradox)} == {"infinite-recursion"}


FAMILIES = ["check_run/completed", "check_run/created", "deployment_status/created", "member/added"]
TAGS = ["v4.0.0", "v5.0.0", "v6.0.0", "v7.0.0", "v7.6.1"]


@pytest.mark.skipif(not GITHUB.exists(), reason="the GitHub schemas are not beside the repository")
@pytest.mark.parametrize("family", FAMILIES)
def test_real_payloads_that_a_later_schema_refuses_were_announced(family: str) -> None:
    matrix = json.loads((GITHUB / "validity-matrix.json").read_text())
    proven = 0
    for old, new in pairwise(TAGS):
        sides = [_github(tag, family) for tag in (old, new)]
        findings = check(*(schema for schema, _ in sides), old_documents=sides[0][1], new_documents=sides[1][1],
                         annotations=["tsAdditionalProperties"])  # fmt: skip
        assert not {f.code for f in findings} & {"unresolvable-reference", "unknown-keyword", "invalid-schema"}
        proven += not findings
        if not findings:
            for path, valid_by_tag in _examples(matrix, family):
                assert valid_by_tag[old] is not True or valid_by_tag[new] is True, path
    assert proven < len(TAGS) - 1  # every family broke at least once


def _github(tag: str, family: str) -> tuple[Any, dict[str, Any]]:
    folder = GITHUB / tag / "payload-schemas"
    documents = {str(p.relative_to(folder)): json.loads(p.read_text()) for p in folder.rglob("*.schema.json")}
    return documents[f"{family}.schema.json"], documents


def _examples(matrix: Any, family: str) -> list[tuple[str, dict[str, Any]]]:
    event, action = family.split("/")
    return [(e["example"], e["validity"]) for e in matrix if (e["event"], e["action"]) == (event, action)]
