"""Real webhook payloads of older releases become valid under the newest one, and go back."""

from collections import Counter
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
from tests.support.webhooks import SUBJECTS, TAGS, Payload, documents, errors, needs_data, payloads, published

from instar.core.compat.json_schema import contained
from instar.core.formats.shape import MISSING
from instar.core.record import Context
from instar.core.rejected import CONVERSION_FAILED, Rejected
from instar.core.subject import Subject
from instar.core.upcasting.difference import differing, leaves, write_place
from instar.core.upcasting.pattern import covered, parse_pattern
from instar.core.upcasting.program import Program
from instar.project.project import Project, load_project

ROOT = Path(__file__).resolve().parents[2]
NEWEST = TAGS[-1]
EVENTS = tuple(SUBJECTS)
DRAWN = 30

pytestmark = needs_data


@cache
def project() -> Project:
    return load_project(ROOT)


def subject(event: str) -> Subject:
    return project().catalogue[SUBJECTS[event]]


def program(event: str, start: int, end: int) -> Program:
    found = subject(event).program(start, end)
    assert isinstance(found, Program), found
    return found


def carried(event: str, start: int, end: int, data: bytes) -> Any:
    """The one record that bytes become, read by a reader that is not ours."""
    outputs = program(event, start, end).run(data, Context())
    assert isinstance(outputs, list), outputs
    (output,) = outputs
    return orjson.loads(output)


def declared(event: str, start: int, end: int) -> tuple[tuple[str, ...], ...]:
    """What the hops of a chain say that they lose. No hop renames, so that paths mean the same at every version."""
    hops = [subject(event).hops[version] for version in range(min(start, end), max(start, end))]
    losses = [path for hop in hops for path in (hop.lost_up if start < end else hop.lost_down)]
    return tuple(parse_pattern(path) for path in losses)


def undeclared(before: Any, after: Any, losses: tuple[tuple[str, ...], ...]) -> list[str]:
    """What a record held before and does not hold in the same way after, without a declared loss."""
    return [
        write_place((*place, *inner))
        for place, was, _ in differing(before, after)
        if was is not MISSING
        for inner, _ in leaves(was)
        if not covered(losses, (*place, *inner))
    ]


def own() -> list[Payload]:
    """The payloads that are valid under the schema of their own tag."""
    return [payload for payload in payloads() if payload.tag in payload.valid]


def test_the_tags_are_named_by_the_subjects() -> None:
    for name in SUBJECTS.values():
        notes = project().sources[name].notes.versions
        assert [notes[f"v{version}"].tag for version in range(1, 6)] == list(TAGS)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("event", EVENTS)
def test_our_schema_accepts_whatever_the_published_one_does(event: str, tag: str) -> None:
    """Proven, not sampled. The other way about for the newest tag, and there with one exception."""
    version = TAGS.index(tag) + 1
    ours = orjson.loads(project().document(SUBJECTS[event], version))
    assert contained(published(tag, event), ours, a_documents=documents(tag)) == []
    if tag == NEWEST:
        wider = contained(ours, published(tag, event), b_documents=documents(tag))
        # Published is: a URI or the empty text, exactly one of them. Where formats are not asserted the empty text is
        # both, and so invalid. It is plainly meant to be valid, so with us it is.
        meant = ["environment_url"] if event == "deployment_status" else []
        assert [finding.old_pointer.rpartition("/")[2] for finding in wider] == meant


def test_every_older_payload_becomes_valid_under_the_newest_tag_and_goes_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts: dict[str, Counter[str]] = {tag: Counter() for tag in TAGS}
    for payload in payloads():
        counts[payload.tag]["payloads"] += 1
    for payload in own():
        count = counts[payload.tag]
        event, version = payload.event, payload.version
        count["valid"] += 1
        count["before"] += NEWEST in payload.valid
        given = orjson.loads(payload.data)
        up = carried(event, version, 5, payload.data)
        assert list(errors(NEWEST, event, up)) == [], payload.file
        assert undeclared(given, up, declared(event, version, 5)) == [], payload.file
        count["after"] += 1
        down = carried(event, 5, version, orjson.dumps(up))
        assert list(errors(payload.tag, event, down)) == [], payload.file
        assert undeclared(given, down, declared(event, version, 5)) == [], payload.file
        assert undeclared(up, down, declared(event, 5, version)) == [], payload.file
        count["back"] += 1
    with capsys.disabled():
        print(table(counts))
    assert [counts[tag]["valid"] for tag in TAGS] == [13, 13, 13, 13, 13]
    assert [counts[tag]["before"] for tag in TAGS] == [0, 0, 0, 0, 13]
    for count in counts.values():
        assert count["after"] == count["back"] == count["valid"]


def table(counts: dict[str, Counter[str]]) -> str:
    columns = ("payloads", "valid", "before", "after", "back")
    head = ("tag", "payloads", "valid under own", f"before under {NEWEST}", f"after under {NEWEST}", "back under own")
    rows = [head, *((tag, *(str(counts[tag][column]) for column in columns)) for tag in TAGS)]
    return "\n" + "\n".join(
        "  ".join(cell.rjust(len(name)) for cell, name in zip(row, head, strict=True)) for row in rows
    )


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("tag", TAGS)
def test_the_newest_payloads_go_down_to_every_tag_and_lose_only_what_is_declared(event: str, tag: str) -> None:
    version = TAGS.index(tag) + 1
    newest = [payload for payload in own() if payload.event == event and payload.tag == NEWEST]
    assert newest
    for payload in newest:
        down = carried(event, 5, version, payload.data)
        assert list(errors(tag, event, down)) == [], payload.file
        assert undeclared(orjson.loads(payload.data), down, declared(event, 5, version)) == [], payload.file


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("tag", TAGS[:-1])
def test_drawn_payloads_of_every_tag_become_valid_too(event: str, tag: str) -> None:
    """Real payloads hold few of the optional fields; drawn ones hold all of them sooner or later."""
    version = TAGS.index(tag) + 1
    schema = subject(event).versions[version]
    random = Random(version)
    done = 0
    for _ in range(DRAWN):
        value = schema.sample(random)
        if event == "deployment_status" and random.random() < 0.7:
            value["deployment_status"]["state"] = random.choice(("success", "in_progress", "queued"))
        if value.get("deployment_status", {}).get("environment_url") == "":
            continue  # invalid under the published schemas; see above
        data = schema.encode(value)
        assert isinstance(data, bytes)
        outputs = program(event, version, 5).run(data, Context())
        if isinstance(outputs, Rejected):  # a state of a deployment that is none of the newer seven
            assert (outputs.code, outputs.path) == (CONVERSION_FAILED, "deployment_status.state")
            continue
        up = orjson.loads(outputs[0])
        assert list(errors(NEWEST, event, up)) == []
        assert undeclared(value, up, declared(event, version, 5)) == []
        down = carried(event, 5, version, outputs[0])
        assert list(errors(tag, event, down)) == []
        assert undeclared(value, down, declared(event, version, 5)) == []
        done += 1
    assert done >= DRAWN / 3


def test_a_state_that_the_newer_tags_do_not_know_is_rejected_by_name() -> None:
    payload = next(each for each in own() if each.event == "deployment_status" and each.tag == "6.0.0")
    value = orjson.loads(payload.data)
    value["deployment_status"]["state"] = "inactive"
    outputs = program("deployment_status", 3, 5).run(orjson.dumps(value), Context())
    assert isinstance(outputs, Rejected)
    assert (outputs.code, outputs.hop, outputs.path) == (CONVERSION_FAILED, "v3_to_v4", "deployment_status.state")


def _newest_deployment(**changes: Any) -> Any:
    payload = next(each for each in own() if each.event == "deployment_status" and each.tag == NEWEST)
    value = orjson.loads(payload.data)
    return {**value, "deployment": {**value["deployment"], **changes}}


def test_what_older_tags_have_no_place_for_goes_and_is_declared() -> None:
    value = _newest_deployment(payload={"region": "north"}, description="Ship it")
    del value["deployment"]["performed_via_github_app"]
    assert list(errors(NEWEST, "deployment_status", value)) == []
    down = carried("deployment_status", 5, 2, orjson.dumps(value))
    assert list(errors("5.0.0", "deployment_status", down)) == []
    expected = {"payload": {}, "description": None, "performed_via_github_app": None}
    assert {name: down["deployment"][name] for name in expected} == expected
    losses = declared("deployment_status", 5, 2)
    gone = {"deployment.payload.region", "deployment.description"}
    assert gone <= set(undeclared(value, down, ()))
    assert undeclared(value, down, losses) == []


def test_a_run_that_waits_is_queued_to_older_readers() -> None:
    payload = next(
        each for each in own() if each.action == "created" and each.event == "check_run" and each.version == 5
    )
    value = orjson.loads(payload.data)
    value["check_run"]["status"] = "waiting"
    down = carried("check_run", 5, 2, orjson.dumps(value))
    assert down["check_run"]["status"] == "queued"
    assert list(errors("5.0.0", "check_run", down)) == []
    assert undeclared(value, down, declared("check_run", 5, 2)) == []


def test_an_event_that_a_release_dropped_leaves_the_list_alone_otherwise() -> None:
    payload = next(each for each in own() if each.event == "check_run" and each.version == 4)
    value = orjson.loads(payload.data)
    value["check_run"]["app"]["events"] = ["push", "content_reference", "check_run"]
    up = carried("check_run", 4, 5, orjson.dumps(value))
    assert up["check_run"]["app"]["events"] == ["push", "check_run"]
    assert undeclared(value, up, declared("check_run", 4, 5)) == []
