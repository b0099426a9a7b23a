from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.support.folders import PEOPLE, TEXT, json_object, write_files

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


V1, V2, V3 = (f"schemas/people/v{version}.json" for version in (1, 2, 3))
FIRST, SECOND = "upcasters/people/v1_to_v2.py", "upcasters/people/v2_to_v3.py"
CHANGES = "from instar.changes import add, rename\n\nchanges = [{}]\n"
AGED = json_object({"name": TEXT, "age": {"type": "integer"}})
NO_EXAMPLES = {f"schemas/people/examples/ada.{version}.json": None for version in ("v1", "v3")}

# name: what is changed in a sound project, the code of the finding, the file it names
FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "missing hop": ({FIRST: None}, "missing-hop", FIRST),
    "duplicate hop": ({"upcasters/people/v01_to_v2.py": RENAME}, "hop-misnamed", "upcasters/people/v01_to_v2.py"),
    "skipping hop": ({"upcasters/people/v1_to_v3.py": RENAME}, "skipping-hop", "upcasters/people/v1_to_v3.py"),
    "wrong type returned": (
        {FIRST: RENAME.replace('{"full_name"', '5, {"full_name"')},
        "hop-returned-wrong-type",
        FIRST,
    ),
    "undeclared loss": (
        {FIRST: RENAME.replace('{"name": ', '{"age": 1, "name": '), V1: AGED, **NO_EXAMPLES},
        "undeclared-loss",
        FIRST,
    ),
    "mutation": ({FIRST: RENAME.replace('record["name"]', 'record.pop("name")')}, "mutation", FIRST),
    "non-determinism": (
        {FIRST: "import random\n" + dedent(RENAME).replace('record["name"]', 'record["name"] + str(random.random())')},
        "not-deterministic",
        FIRST,
    ),
    "forgotten field": ({SECOND: CHANGES.format("")}, "forgotten-field", SECOND),
    "wrong down": ({FIRST: RENAME.replace('record["full_name"]', 'record["full_name"] + "?"')}, "wrong-down", FIRST),
    "output that the schema does not allow": (
        {"upcasters/people/helper.py": 'KIND = "animal"\n'},
        "hop-output-invalid",
        SECOND,
    ),
    "wrong type": (
        {
            FIRST: CHANGES.format('rename("name", "full_name")'),
            V1: json_object({"name": {"type": "integer"}}),
            **NO_EXAMPLES,
        },
        "wrong-type",
        FIRST,
    ),
    "golden record that differs": (
        {"schemas/people/examples/ada.v3.json": {"full_name": "Eve", "kind": "person"}},
        "golden-differs",
        "schemas/people/examples/ada.v3.json",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_in_its_file(tmp_path: Path, fault: str) -> None:
    changes, code, file = FAULTS[fault]
    found = check(tmp_path, changes)
    assert code in codes(found), found
    assert file in {finding.file for finding in found if finding.code == code}
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
