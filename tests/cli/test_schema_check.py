import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.support.command import instar
from tests.support.folders import SETTINGS, TEXT, json_object, write_files

V1 = {"type": "record", "name": "Parcel", "fields": [{"name": "id", "type": "long"}]}
V2 = {"type": "record", "name": "Parcel", "fields": [{"name": "id", "type": "long"}, {"name": "x", "type": "int"}]}
V3 = {
    "type": "record",
    "name": "Parcel",
    "fields": [{"name": "id", "type": "long"}, {"name": "x", "type": "int", "default": 0}],
}
FILES = {"instar.toml": SETTINGS, "schemas/parcels/v1.avsc": V1}


def git(at: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", str(at), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """A project in a folder below a repository's top, its v1 committed."""
    root = write_files(tmp_path / "repo" / "events", FILES)
    git(tmp_path, "init", "-q", "-b", "main", str(tmp_path / "repo"))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "v1")
    return root


def check(at: Path, *arguments: object) -> Any:
    return instar("schema", "check", *arguments, at=at)


def test_a_break_is_told_at_its_line_and_the_answer_is_no(tmp_path: Path) -> None:
    at = write_files(tmp_path, {**FILES, "schemas/parcels/v2.avsc": V2})
    ran = check(at, "-o", "json")
    assert ran.code == 3
    (row,) = ran.json
    assert (row["code"], row["file"], row["path"]) == ("missing-default", "schemas/parcels/v2.avsc", "x")
    assert '"int"' in (tmp_path / row["file"]).read_text().splitlines()[row["line"] - 1]
    assert "v2 does not read v1" in ran.err


def test_the_subjects_own_mode_is_the_default_and_the_option_is_stronger(tmp_path: Path) -> None:
    notes = {"schemas/parcels/subject.toml": 'compatibility = "FORWARD"\n'}
    at = write_files(tmp_path, {**FILES, **notes, "schemas/parcels/v2.avsc": V2})
    assert check(at).code == 0
    assert check(at, "--mode", "backward").code == 3
    assert check(at, "--mode", "none").code == 0


def test_a_transitive_mode_looks_at_every_earlier_version(tmp_path: Path) -> None:
    gone = {"type": "record", "name": "Parcel", "fields": []}
    at = write_files(
        tmp_path,
        {**FILES, "schemas/parcels/v1.avsc": V1, "schemas/parcels/v2.avsc": gone, "schemas/parcels/v3.avsc": V1},
    )
    with_default = {"type": "record", "name": "Parcel", "fields": [{"name": "id", "type": "string", "default": ""}]}
    write_files(tmp_path, {"schemas/parcels/v3.avsc": with_default})
    assert check(at, "--mode", "backward").code == 0
    ran = check(at, "--mode", "backward-transitive", "-o", "json")
    assert ran.code == 3
    assert "v3 does not read v1" in ran.err


def test_unknown_reject_is_checked_strictly(tmp_path: Path) -> None:
    files = {
        "instar.toml": SETTINGS,
        "schemas/people/v1.json": json_object({"id": TEXT}),
        "schemas/people/v2.json": {"type": "object", "properties": {"id": TEXT, "note": TEXT}, "required": ["id"]},
    }
    assert check(write_files(tmp_path, files)).code == 0
    assert check(tmp_path, "--policy", "strict").code == 3
    write_files(tmp_path, {"schemas/people/subject.toml": 'unknown = "reject"\n'})
    ran = check(tmp_path)
    assert ran.code == 3
    assert "strict" in ran.err


def test_ci_formats_name_the_same_findings(tmp_path: Path) -> None:
    at = write_files(tmp_path, {**FILES, "schemas/parcels/v2.avsc": V2})
    suite = ET.fromstring(check(at, "-o", "junit").out)  # noqa: S314 - our own
    assert suite.attrib["name"] == "instar schema check"
    assert [case.attrib["name"] for case in suite.iter("testcase") if case.find("failure") is not None] == [
        "missing-default x"
    ]
    (run,) = check(at, "-o", "sarif").json["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["missing-default"]


def test_against_a_commit_only_what_is_new_is_checked(committed: Path) -> None:
    assert check(committed, "--against", "main").code == 0
    write_files(committed, {"schemas/parcels/v2.avsc": V2})
    ran = check(committed, "--against", "main")
    assert ran.code == 3
    write_files(committed, {"schemas/parcels/v2.avsc": V3})
    assert check(committed, "--against", "main").code == 0
    git(committed, "add", ".")
    git(committed, "commit", "-q", "-m", "v2")
    ran = check(committed, "--against", "HEAD")
    assert (ran.code, "nothing is new" in ran.err) == (0, True)


def test_a_version_that_is_in_use_may_change_only_where_both_read_each_other(committed: Path) -> None:
    write_files(committed, {"schemas/parcels/v1.avsc": {**V1, "doc": "Only told better."}})
    assert check(committed, "--against", "main").code == 0
    write_files(committed, {"schemas/parcels/v1.avsc": V3})
    assert check(committed, "--against", "main", "--mode", "none").code == 0
    write_files(committed, {"schemas/parcels/v1.avsc": V2})
    ran = check(committed, "--against", "main", "--mode", "none")
    assert ran.code == 3
    assert "v1 of main" in ran.out


def test_what_is_gone_is_told(committed: Path) -> None:
    write_files(committed, {"schemas/parcels/v1.avsc": None, "schemas/others/v1.avsc": V1})
    (committed / "schemas/parcels").rmdir()
    ran = check(committed, "--against", "main", "-o", "json")
    assert ran.code == 3
    assert [row["code"] for row in ran.json] == ["schema-gone"]


def test_a_json_schema_of_a_commit_is_compared_with_the_documents_of_that_commit(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "instar.toml": SETTINGS,
            "schemas/people/v1.json": json_object({"id": {"$ref": "common.json#/$defs/id"}}),
            "schemas/people/common.json": {"$defs": {"id": TEXT}},
        },
    )
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "v1")
    write_files(root, {"schemas/people/common.json": {"$defs": {"id": {"type": "integer"}}}})
    ran = check(root, "--against", "main", "-o", "json")
    assert ran.code == 3
    assert {row["file"] for row in ran.json} == {"schemas/people/common.json"}


def test_a_commit_that_is_not_there_says_how_to_fetch_it(committed: Path, tmp_path: Path) -> None:
    ran = check(committed, "--against", "origin/main")
    assert ran.code == 2
    assert "git fetch origin main" in ran.err
    outside = write_files(tmp_path / "outside", FILES)
    assert check(outside, "--against", "main").code == 2
    assert check(committed, "--against", "--help").code == 2


def test_a_schema_that_cannot_be_read_is_an_error_and_not_an_answer(tmp_path: Path) -> None:
    at = write_files(tmp_path, {**FILES, "schemas/parcels/v2.avsc": "{"})
    ran = check(at)
    assert ran.code == 1
    assert "schema-unreadable" in ran.out


def test_json_output_is_a_list_also_when_nothing_is_found(tmp_path: Path) -> None:
    assert json.loads(check(write_files(tmp_path, FILES), "-o", "json").out) == []
