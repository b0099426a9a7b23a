import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import instar
from tests.support.folders import PEOPLE, write_files

from instar.project.deprecate import NotEditable, edited
from instar.project.project import load_project
from instar.project.subject_file import deprecation_of

DAY = date(2031, 1, 31)
NOTES = {"deprecated": 'said "so"', "sunset": DAY}
FORMS = {
    "no file": "",
    "no table": "owner = 'a'  # who\n",
    "a table": "owner = 'a'\n[versions]\n# of the vendor\nv2 = { tag = '2' }  # keep\n\n# the end\n",
    "an inline table": "[versions]\nv1 = { tag = 'a } # b', description = 'x' } # why }\nv2 = {}\n",
    "its own table": "[versions.v1]\ntag = '1'\nsunset = 2030-01-01\ndeprecated = true\n\n[versions.v2]\ntag = '2'\n",
    "no line end": "owner = 'a'",
}


@pytest.mark.parametrize("form", FORMS)
def test_only_what_is_meant_changes_and_comments_stay(form: str) -> None:
    text = FORMS[form]
    made = edited(text, 1, NOTES)
    before, after = tomllib.loads(text), tomllib.loads(made)
    version = after["versions"].pop("v1")
    assert version == {**before.get("versions", {}).pop("v1", {}), **NOTES}
    assert after.pop("versions") == before.pop("versions", {})
    assert after == before
    for comment in ("# who", "# of the vendor", "# keep", "# the end", "# why }"):
        assert (comment in text) == (comment in made)
    undone = tomllib.loads(edited(made, 1, {}))
    assert not {"deprecated", "sunset"} & undone["versions"]["v1"].keys()


@pytest.mark.parametrize(
    "text", ["versions.v1.tag = 'x'\n", "versions = { v1 = { tag = 'x' } }\n", "versions = { v2 = {} }\n"]
)
def test_what_cannot_be_edited_safely_is_left_with_the_line_to_write(text: str) -> None:
    with pytest.raises(NotEditable) as problem:
        edited(text, 1, NOTES)
    assert "sunset = 2031-01-31" in problem.value.remedy


def test_a_deprecated_version_is_shown_and_holds_until_its_sunset(tmp_path: Path) -> None:
    root = write_files(tmp_path, PEOPLE)
    ran = instar("schema", "deprecate", "people", "v1", "--sunset", "2031-01-31", "--reason", "two names", at=root)
    assert (ran.code, ran.out.strip()) == (0, "schemas/people/subject.toml")
    notes = load_project(root).sources["people"].notes
    assert notes.sensitive == ("name",)
    known = deprecation_of(notes, 1)
    assert known is not None
    assert (known.reason, known.sunset, known.short) == ("two names", DAY, "deprecated, sunset 2031-01-31")
    assert known.holds_on(date(2031, 1, 30))
    assert not known.holds_on(DAY)
    assert deprecation_of(notes, 2) is None
    (row, *_) = instar("schema", "list", "-o", "json", at=root).json
    assert (row["status"], row["reason"]) == ("deprecated, sunset 2031-01-31", "two names")
    assert "deprecated, sunset" in instar("upcaster", "graph", at=root).out
    checked = [each for each in instar("check", "-o", "json", at=root).json if each["code"] == "deprecated"]
    assert [(each["severity"], each["subject"]) for each in checked] == [("note", "people")]
    assert "sunset 2031-01-31" in checked[0]["message"]
    assert instar("schema", "deprecate", "people", "v1", "--undo", at=root).code == 0
    assert deprecation_of(load_project(root).sources["people"].notes, 1) is None


def test_a_deprecation_says_when_or_why(tmp_path: Path) -> None:
    root = write_files(tmp_path, PEOPLE)
    assert instar("schema", "deprecate", "people", "v1", at=root).code == 2
    assert instar("schema", "deprecate", "people", "v1", "--sunset", "soon", at=root).code == 2
    assert instar("schema", "deprecate", "people", "v9", "--sunset", "2031-01-31", at=root).code == 2


def test_a_whole_subject_may_be_deprecated(tmp_path: Path) -> None:
    root = write_files(tmp_path, {**PEOPLE, "schemas/people/subject.toml": "deprecated = 'nobody needs it'\n"})
    known: Any = deprecation_of(load_project(root).sources["people"].notes, 3)
    assert (known.reason, known.sunset) == ("nobody needs it", None)
