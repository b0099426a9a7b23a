import json
from typing import Any

import pytest

from instar.core.compat.json_schema import Policy
from instar.core.compat.versions import Compared, Edition, Mode, compare, directions_of, earlier

MODES: list[Mode] = [
    "none",
    "backward",
    "backward-transitive",
    "forward",
    "forward-transitive",
    "full",
    "full-transitive",
]


def avro(name: str, *fields: dict[str, Any]) -> Edition:
    document = {"type": "record", "name": "Event", "fields": list(fields)}
    return Edition(name, "avro", json.dumps(document), f"schemas/events/{name}.avsc")


def schema(name: str, **document: Any) -> Edition:
    raw = {"type": "object", **document}
    return Edition(name, "json", json.dumps(raw), f"schemas/events/{name}.json", raw)


def codes(made: Compared) -> list[tuple[str, str]]:
    return [(each.direction, each.finding.code) for each in made.found]


def test_each_mode_asks_its_directions_of_one_or_of_all_earlier_versions() -> None:
    asked = {mode: (directions_of(mode), earlier(4, [1, 2, 3, 4], mode)) for mode in MODES}
    assert asked == {
        "none": ((), [3]),
        "backward": (("backward",), [3]),
        "backward-transitive": (("backward",), [3, 2, 1]),
        "forward": (("forward",), [3]),
        "forward-transitive": (("forward",), [3, 2, 1]),
        "full": (("backward", "forward"), [3]),
        "full-transitive": (("backward", "forward"), [3, 2, 1]),
    }


def test_a_required_avro_field_breaks_backward_only() -> None:
    old, new = avro("v1"), avro("v2", {"name": "x", "type": "int"})
    made = compare(old, new, "full", "lenient", subject="events")
    assert codes(made) == [("backward", "missing-default")]
    assert not made.holds("backward")
    assert made.holds("forward")
    (judged,) = made.found
    assert (judged.finding.file, judged.finding.path, judged.finding.subject) == (new.file, "x", "events")


@pytest.mark.parametrize(("policy", "severity"), [("strict", "error"), ("lenient", "warning")])
def test_a_logical_type_that_changed_breaks_the_strict_policy(policy: Policy, severity: str) -> None:
    old = avro("v1", {"name": "x", "type": "long"})
    new = avro("v2", {"name": "x", "type": {"type": "long", "logicalType": "timestamp-millis"}})
    (judged,) = compare(old, new, "backward", policy, subject="events").found
    assert (judged.finding.code, judged.finding.severity) == ("logical-type-changed", severity)


@pytest.mark.parametrize(("policy", "holds"), [("strict", False), ("lenient", True)])
def test_an_optional_json_field_may_be_added_where_readers_ignore_what_they_do_not_know(
    policy: Policy, holds: bool
) -> None:
    old = schema("v1", properties={"id": {"type": "string"}})
    new = schema("v2", properties={"id": {"type": "string"}, "note": {"type": "string"}})
    made = compare(old, new, "full", policy, subject="events")
    assert made.holds("backward") is holds
    assert made.holds("forward")


def test_json_findings_name_the_versions_and_point_into_the_new_one() -> None:
    old = schema("v1", properties={"n": {"type": "integer"}})
    new = schema("v2", properties={"n": {"type": "integer", "minimum": 1}})
    (judged,) = compare(old, new, "backward", "lenient", subject="events").found
    assert judged.pointer == "/properties/n/minimum"
    assert judged.finding.message.startswith("v2 may refuse what v1 writes: ")
    assert "the old schema" not in f"{judged.finding.message} {judged.finding.remedy}".lower()


def test_places_in_another_document_are_named_by_it() -> None:
    raw = {"type": "object", "properties": {"a": {"$ref": "common.json#/$defs/a"}}}
    old = Edition("v1", "json", "{}", "v1.json", raw, {"common.json": {"$defs": {"a": {"type": "string"}}}})
    new = Edition("v2", "json", "{}", "v2.json", raw, {"common.json": {"$defs": {"a": {"type": "integer"}}}})
    (judged,) = compare(old, new, "backward", "lenient", subject="events").found
    assert judged.pointer.startswith("common.json#/$defs/a")


def test_no_reader_of_one_format_reads_the_other() -> None:
    made = compare(avro("v1"), schema("v2"), "full", "lenient", subject="events")
    assert codes(made) == [("backward", "mixed-kinds"), ("forward", "mixed-kinds")]
