"""What a person reads of a verification: fields that differ, masked where they are sensitive, on a page of its own."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.support.subjects import LONG, STRING, record, subject_of
from tests.support.verifying import World, renumbered, verified, world_of
from tests.verifier.test_faults import FAULTS, fresh, restamped, source_of

from instar.core.comparison import FieldDifference
from instar.core.subject import Subject
from instar.core.upcasting import exact_json
from instar.verifier.modes import CANNOT_CATCH, Mode
from instar.verifier.page import as_html
from instar.verifier.report import Report, Signature, as_json

SHAPE = record(number=LONG, text=STRING)
HOP = """
def upcast(record, context):
    return {"number": record["number"] + 1, "text": record["text"]}
"""


def secretive() -> Subject:
    """``text`` is sensitive."""
    made = subject_of([SHAPE, SHAPE], [HOP])
    return replace(made, sensitive=("text",))


def world_with(changed: dict[str, object]) -> World:
    """One record of the target holds something else, with a checksum of its own."""
    world = world_of(secretive(), {0: source_of(0, [1, 2, 3])})
    records = list(world.target[0])
    value = {"number": 3, "text": "t1", **changed}
    records[1] = restamped(records[1], exact_json.dumps(value))
    world.target[0] = renumbered(records)
    return world


def fields_of(report: Report) -> list[FieldDifference]:
    return [field for one in report.result.differences for field in one.fields]


def test_a_changed_value_is_told_field_by_field(tmp_path: Path) -> None:
    report = verified(world_with({"number": 7}), Mode.FULL, tmp_path)
    assert fields_of(report) == [FieldDifference("number", "3", "7")]


def test_a_sensitive_field_is_told_to_differ_and_not_shown(tmp_path: Path) -> None:
    report = verified(world_with({"text": "my secret"}), Mode.FULL, tmp_path)
    assert fields_of(report) == [FieldDifference("text", '"***"', '"***"')]
    sample = verified(world_with({"text": "my secret"}), Mode.SAMPLE, tmp_path, samples=50)
    for text in (as_json([report, sample]), as_html([report]), as_html([sample])):
        assert "secret" not in text
        assert '"t0"' not in text
        assert "***" in text


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("a timestamp is changed", [FieldDifference("(timestamp)", "1003 ms", "7 ms")]),
        ("a key is changed", [FieldDifference("(key)", "0/3", "another")]),
        ("a header is changed", [FieldDifference("(header 1)", "trace: 1", "trace: 2")]),
        (
            "a header is added",
            [FieldDifference("(header 1)", "trace: 1", "more: "), FieldDifference("(header 2)", None, "trace: 1")],
        ),
        (
            "a record is dropped",
            [
                FieldDifference("(key)", "0/3", None),
                FieldDifference("(timestamp)", "1003 ms", None),
                FieldDifference("(value)", '{"number": 4, "text": "t3"}', None),
            ],
        ),
        (
            "somebody writes into the target",
            [
                FieldDifference("(key)", None, "k"),
                FieldDifference("(timestamp)", None, "5 ms"),
                FieldDifference("(value)", None, '{"number": 1, "text": "t"}'),
            ],
        ),
    ],
)
def test_what_differs_beside_the_value_is_told_too(name: str, fields: list[FieldDifference], tmp_path: Path) -> None:
    assert fields_of(verified(FAULTS[name](fresh()), Mode.FULL, tmp_path)) == fields


def test_an_explanation_outlives_the_run_that_found_it(tmp_path: Path) -> None:
    first = verified(world_with({"number": 7}), Mode.FULL, tmp_path)
    again = verified(world_with({"number": 7}), Mode.FULL, tmp_path, resume=True)
    assert fields_of(again) == fields_of(first) != []


def test_the_json_report_names_scope_plan_and_expiry(tmp_path: Path) -> None:
    report = verified(fresh(), Mode.FULL, tmp_path)
    said = json.loads(as_json([report]))
    assert said["right"] is True
    (one,) = said["reports"]
    assert one["topics"]["source"] == {"name": "source", "topic_id": bytes(range(16)).hex()}
    assert [(each["partition"], each["first"], each["bound"]) for each in one["partitions"]] == [(0, 0, 45), (1, 0, 9)]
    assert one["fingerprint"] == "f" * 64
    assert one["cannot_catch"] == list(CANNOT_CATCH[Mode.FULL])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["expires"])


class Page(HTMLParser):
    """Every element that is opened is closed, and nothing is fetched from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.foreign: list[str] = []
        self.text = ""  # as it is read
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.foreign += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag in {"script", "link", "img", "iframe"}:
            self.foreign.append(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("name", [None, "the bridge ran another hop", "somebody writes into the target"])
def test_the_page_stands_alone_and_says_what_the_mode_cannot_catch(
    name: str | None, mode: Mode, tmp_path: Path
) -> None:
    world = fresh() if name is None else FAULTS[name](fresh())
    report = verified(world, mode, tmp_path, samples=5)
    text = as_html([report, report])
    page = Page(text)
    assert page.open == []
    assert page.foreign == []
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text
    assert ("not right" in text) is not report.right
    for one in CANNOT_CATCH[mode]:
        assert one.replace("`", "") in page.text


def test_what_records_hold_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    text = "<script>alert(1)</script>"
    world = world_of(fresh().subject, {0: source_of(0, [1, 2])})
    records = list(world.target[0])
    records[1] = restamped(records[1], exact_json.dumps({"number": 3, "text": text}))
    world.target[0] = renumbered(records)
    page = as_html([verified(world, Mode.FULL, tmp_path)])
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_sample_shows_a_record_at_every_version_and_as_it_stands_in_the_target(tmp_path: Path) -> None:
    report = verified(fresh(), Mode.SAMPLE, tmp_path, samples=50)
    fan_out = next(one for one in report.samples if len(one.target_offsets) == 3)
    assert [view.title for view in fan_out.views] == ["orders v1", "orders v2"]
    assert [view.hop for view in fan_out.views] == [None, "v1_to_v2"]
    assert len(fan_out.views[1].values) == len(fan_out.found) == 3
    letter = next(one for one in report.samples if "dead letter" in one.told)
    assert letter.views[-1].title == "orders v2: rejected, hop-raised"
    assert {one.told for one in report.samples} >= {"the event ends here, as the chain says"}
    again = verified(fresh(), Mode.SAMPLE, tmp_path, samples=3, seed=5)
    assert again.samples == verified(fresh(), Mode.SAMPLE, tmp_path, samples=3, seed=5).samples
    assert again.samples != verified(fresh(), Mode.SAMPLE, tmp_path, samples=3, seed=6).samples


def test_a_sample_finds_a_record_among_many_by_halving(tmp_path: Path) -> None:
    world = world_of(fresh().subject, {0: source_of(0, [1, 2, 5, 13, 3] * 800)})
    read = 0

    def on_read(_name: str, _partition: int, start: int, end: int) -> None:
        nonlocal read
        read += 1

    world.on_read = on_read
    report = verified(world, Mode.SAMPLE, tmp_path, samples=20)
    assert report.right, report.result.differences
    assert len(report.samples) == 20
    assert read < 20 * 20


def test_a_person_who_does_not_confirm_a_sample_makes_it_not_right(tmp_path: Path) -> None:
    report = verified(fresh(), Mode.SAMPLE, tmp_path, samples=3)
    report.signature = Signature("ada", 0, confirmed=True)
    assert report.right
    assert "ada" in as_html([report])
    report.signature = Signature("ada", 0, confirmed=False)
    assert not report.right
    assert report.document()["signature"] == {"name": "ada", "at": "1970-01-01T00:00:00Z", "confirmed": False}
