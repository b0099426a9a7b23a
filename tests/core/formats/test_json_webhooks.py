"""Real schemas and real payloads: three families of webhooks at five versions, labelled by another validator."""

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from instar.core.formats.json_schema import JsonSchema, parse_json
from instar.core.formats.shape import Object
from instar.core.rejected import Rejected

DATA = Path(__file__).resolve().parents[3] / "../shared/data/github-webhooks"
TAGS = ("v4.0.0", "v5.0.0", "v6.0.0", "v7.0.0", "v7.6.1")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the webhook data is not beside the repository")


@cache
def resources(tag: str) -> dict[str, Any]:
    folder = DATA / tag / "payload-schemas"
    return {path.relative_to(folder).as_posix(): json.loads(path.read_bytes()) for path in folder.rglob("*.json")}


@cache
def schema(tag: str, event: str, action: str) -> JsonSchema | None:
    document = resources(tag).get(f"{event}/{action}.schema.json")
    return None if document is None else parse_json(document, resources=resources(tag))


def all_schemas(tag: str) -> list[JsonSchema]:
    events = [path.split("/") for path in resources(tag) if not path.startswith("common/") and path.count("/") == 1]
    found = [schema(tag, event, name.removesuffix(".schema.json")) for event, name in events]
    return [each for each in found if each is not None]


@pytest.mark.parametrize("tag", TAGS)
def test_every_payload_is_valid_exactly_where_the_label_says(tag: str) -> None:
    checked = 0
    for row in json.loads((DATA / "validity-matrix.json").read_bytes()):
        label = row["validity"][tag]
        parsed = schema(tag, row["event"], row["action"])
        assert (parsed is None) == (label is None)
        if parsed is None:
            continue
        value = parsed.decode((DATA / row["example"]).read_bytes())
        assert isinstance(value, Rejected) == (label is not True), (row["example"], value)
        if isinstance(value, Rejected):
            first_fields = {each.split(":")[0].split("/")[0] for each in label}
            assert value.path is not None
            assert value.path.split(".")[0] in first_fields or "" in first_fields
        else:
            data = parsed.encode(value)
            assert isinstance(data, bytes)
            assert repr(parsed.decode(data)) == repr(value)
        checked += 1
    assert checked == 68


@pytest.mark.parametrize("tag", TAGS)
def test_every_schema_reads_as_an_object_without_opaque_parts_and_has_samples(tag: str) -> None:
    parsed = all_schemas(tag)
    assert len(parsed) == 8
    for each in parsed:
        assert isinstance(each.shape, Object)
        assert "Opaque" not in repr(each.shape)
        for seed in range(10):
            assert each.problem(each.sample(Random(seed))) is None


def test_versions_with_different_rules_have_different_fingerprints() -> None:
    parsed = [schema(tag, "check_run", "completed") for tag in TAGS]
    assert len({each.fingerprint for each in parsed if each is not None}) == len(TAGS)
