import re
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.subjects import record, subject_parts

from instar.core.formats.shape import Field, Scalar
from instar.core.scaffolding.graph import Lane, lane
from instar.core.scaffolding.graph_svg import svg
from instar.core.scaffolding.graph_text import mermaid, text
from instar.core.subject import build_subject
from instar.project.catalogue import read_catalogue

ROOT = Path(__file__).resolve().parents[3]
TEXT = Scalar("string")
ADD = "changes = [add('b')]"
DROP = "changes = [drop('a')]"


def made() -> Lane:
    shapes = [record(a=TEXT), record(a=TEXT, b=Field(TEXT, default="x")), record(b=Field(TEXT, default="x")), record()]
    hops = [f"from instar.changes import *\n{each}" for each in (ADD, DROP)]
    subject, _ = build_subject(subject_parts(shapes, hops))  # without a hop from v3 to v4
    assert subject is not None
    return lane(subject, [(1, "first & <old>")])


def test_each_hop_has_its_risk_and_a_missing_one_is_seen() -> None:
    assert [each.risk for each in made().edges] == ["additive", "destructive", None]
    assert [each.way_back for each in made().edges] == ["with losses", "none", "missing"]


def test_the_text_tells_losses_and_gaps() -> None:
    said = text([made()])
    assert "up loses a" in said
    assert "no way down" in said
    assert "v3_to_v4 is missing" in said


def test_mermaid_shows_ways_and_escapes_notes() -> None:
    said = mermaid([made()])
    assert "s0v1 <-->" in said
    assert "s0v2 -->" in said
    assert "s0v3 -.->" in said
    assert "<old>" not in said
    styled = re.findall(r"linkStyle ([\d,]+)", said)
    assert sorted(int(number) for each in styled for number in each.split(",")) == [0, 1, 2]


def test_the_picture_is_well_formed_and_everything_is_inside_of_it() -> None:
    lanes = [lane(each) for each in read_catalogue(ROOT).catalogue.subjects.values()]
    root = ET.fromstring(svg([*lanes, made()]))  # noqa: S314 - our own
    _, _, width, height = (float(each) for each in root.attrib["viewBox"].split())
    boxes = 0
    for each in root.iter():
        if each.attrib.get("class") == "box":
            boxes += 1
        x, y = each.attrib.get("x"), each.attrib.get("y")
        if x is not None and y is not None:
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height
    assert boxes == sum(len(each.versions) for each in lanes) + 4
