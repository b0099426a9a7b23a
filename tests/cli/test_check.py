from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.support.command import Ran, instar
from tests.support.folders import PEOPLE, write_files
from tests.support.shop import FILES

from instar.cli import junit, sarif
from instar.core.finding import Finding

BROKEN = {
    "upcasters/people/v1_to_v2.py": None,
    "upcasters/people/helper.py": 'KIND = "animal"\n',
}
FINDINGS = [
    Finding("wrong-down", "it is <wrong> & odd \x00", "mend it", "error", "a b/ü.py", 3, "x.y", "people"),
    Finding("needless-loss", "said for nothing", "delete it", "note", "b.py", subject="people"),
    Finding("settings-missing", "nothing here", "", "error"),
]


def check(root: Path, changes: dict[str, Any], *arguments: object) -> Ran:
    return instar("check", "--samples", 20, *arguments, at=write_files(root, {**PEOPLE, **changes}))


def test_errors_are_grouped_by_file_with_what_to_do_and_exit_1(tmp_path: Path) -> None:
    ran = check(tmp_path, BROKEN)
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert "upcasters/people/v1_to_v2.py" in lines
    at = lines.index("upcasters/people/v1_to_v2.py")
    assert "error missing-hop" in lines[at + 1]
    assert lines[at + 2].strip().startswith("→ add upcasters/people/v1_to_v2.py")
    assert lines.count("upcasters/people/v2_to_v3.py") == 1
    assert "1 subject, 3 versions, 1 hop: 2 errors" in ran.err


def test_json_has_every_part_of_a_finding(tmp_path: Path) -> None:
    rows = check(tmp_path, BROKEN, "-o", "json").json
    missing = next(row for row in rows if row["code"] == "missing-hop")
    assert missing["severity"] == "error"
    assert missing["file"] == "upcasters/people/v1_to_v2.py"
    assert missing["subject"] == "people"
    assert missing["remedy"]


def test_notes_do_not_fail(tmp_path: Path) -> None:
    ran = check(tmp_path, {}, "-o", "json")
    assert ran.code == 0
    assert {row["severity"] for row in ran.json} <= {"note", "warning"}


@pytest.mark.parametrize("output", ["json", "sarif", "junit"])
def test_a_hop_that_prints_does_not_spoil_the_report(tmp_path: Path, output: str) -> None:
    ran = instar("check", "-o", output, at=write_files(tmp_path, FILES))
    assert "a hop may print" not in ran.out
    assert "a hop may print" in ran.err
    assert ET.fromstring(ran.out) if output == "junit" else ran.json is not None  # noqa: S314 - our own


def test_sarif_names_rule_place_and_level_of_each_finding() -> None:
    document = sarif.report(FINDINGS)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    first, second, third = run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert [result["level"] for result in run["results"]] == ["error", "note", "error"]
    (location,) = first["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/%C3%BC.py"
    assert location["physicalLocation"]["region"] == {"startLine": 3}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "people.x.y"}]
    assert "region" not in second["locations"][0]["physicalLocation"]
    assert "locations" not in third


def test_a_sarif_fingerprint_outlives_lines_that_come_and_go() -> None:
    moved = Finding(**{**_fields(FINDINGS[0]), "line": 90})
    other = Finding(**{**_fields(FINDINGS[0]), "path": "x.z"})
    prints = [
        result["partialFingerprints"] for result in sarif.report([FINDINGS[0], moved, other])["runs"][0]["results"]
    ]
    assert prints[0] == prints[1] != prints[2]


def _fields(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in finding.__slots__}


def test_junit_counts_errors_as_failures_and_sound_files_as_passed() -> None:
    suites = ET.fromstring(junit.report(FINDINGS, ["sound.py", "a b/ü.py"]))  # noqa: S314 - our own
    (suite,) = suites
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases if case.find("failure") is None] == ["sound.py"]
    failure = next(case for case in cases if case.get("name") == "wrong-down x.y").find("failure")
    assert failure is not None
    assert failure.get("message") == "it is <wrong> & odd \ufffd"
    assert "mend it" in (failure.text or "")
    assert "needless-loss" in (suite.findtext("system-out") or "")


def test_check_outside_a_project_says_how_to_begin_one(tmp_path: Path) -> None:
    ran = instar("check", at=tmp_path)
    assert ran.code == 2
    assert "instar init" in ran.err
