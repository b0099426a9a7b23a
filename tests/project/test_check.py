from pathlib import Path
from typing import Any

import pytest
from tests.support.folders import PEOPLE, json_object, write_files

from instar.core.finding import Finding
from instar.project.check import check_project
from instar.project.project import load_project

RENAME = """
    def upcast(record, context):
        return {"full_name": record["name"]}

    def downcast(record, context):
        return {"name": record["full_name"]}
    """


def check(root: Path, changes: dict[str, Any] | None = None, samples: int = 30, seed: int = 0) -> list[Finding]:
    return check_project(load_project(write_files(root, {**PEOPLE, **(changes or {})})), samples, seed)


def codes(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings if finding.severity == "error"}


def test_a_sound_project_is_clean_with_and_without_samples(tmp_path: Path) -> None:
    assert codes(check(tmp_path, samples=0)) == set()
    assert codes(check(tmp_path, samples=100)) == set()


@pytest.mark.parametrize(
    ("file", "content", "code"),
    [
        ("upcasters/people/v1_to_v2.py", None, "missing-hop"),
        ("upcasters/people/v01_to_v02.py", RENAME, "hop-misnamed"),
        ("upcasters/people/v1_to_v3.py", RENAME, "skipping-hop"),
        (
            "upcasters/people/v1_to_v2.py",
            RENAME.replace('{"full_name"', '5, {"full_name"'),
            "hop-returned-wrong-type",
        ),
        (
            "upcasters/people/v1_to_v2.py",
            RENAME.replace('record["full_name"]', 'record["full_name"] + "?"'),
            "wrong-down",
        ),
        ("upcasters/people/helper.py", 'KIND = "animal"\n', "hop-output-invalid"),
        ("schemas/people/examples/ada.v3.json", {"full_name": "Eve", "kind": "person"}, "golden-differs"),
    ],
)
def test_a_planted_fault_is_found(tmp_path: Path, file: str, content: Any, code: str) -> None:
    found = check(tmp_path, {file: content})
    assert code in codes(found), found
    assert all(finding.remedy for finding in found)


def test_the_same_seed_gives_the_same_findings(tmp_path: Path) -> None:
    changes = {"schemas/people/v2.json": json_object({"full_name": {"type": "string", "maxLength": 3}})}
    first = check(tmp_path, changes, seed=7)
    assert codes(first)
    assert check(tmp_path, changes, seed=7) == first


def test_errors_come_before_warnings(tmp_path: Path) -> None:
    found = check(tmp_path, {"schemas/people/examples/x.json": {}, "upcasters/people/v1_to_v2.py": "oops("})
    ranks = [["error", "warning", "note"].index(finding.severity) for finding in found]
    assert ranks == sorted(ranks)
    assert {"error", "warning"} <= {finding.severity for finding in found}


def test_a_sensitive_value_is_not_shown(tmp_path: Path) -> None:
    wrong = RENAME.replace('record["full_name"]', 'record["full_name"] + "?"')
    secret = {
        "schemas/people/examples/ada.v1.json": {"name": "Secretname"},
        "schemas/people/examples/ada.v3.json": None,
    }
    changes = {**secret, "upcasters/people/v1_to_v2.py": wrong}
    changes["schemas/people/subject.toml"] = 'sensitive = ["name", "full_name"]\n'
    found = check(tmp_path, changes)
    assert "wrong-down" in codes(found)
    assert "Secretname" not in repr(found)
