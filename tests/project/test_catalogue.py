from pathlib import Path
from typing import Any

import pytest
from tests.support.folders import PEOPLE, TEXT, json_object, write_files

from instar.core.finding import Finding
from instar.core.record import Context
from instar.project.catalogue import Read, read_catalogue


def read(root: Path, changes: dict[str, Any] | None = None) -> Read:
    return read_catalogue(write_files(root, {**PEOPLE, **(changes or {})}))


def only(root: Path, changes: dict[str, Any]) -> Finding:
    findings = read(root, changes).findings
    assert len(findings) == 1, findings
    return findings[0]


def test_a_sound_folder_is_a_catalogue_without_findings(tmp_path: Path) -> None:
    result = read(tmp_path)
    assert result.findings == ()
    subject = result.catalogue["people"]
    assert (subject.owner, subject.sensitive, subject.latest) == ("people team", ("name",), 3)
    program = subject.program(1, 3)
    assert program.run(b'{"name":"Ada"}', Context()) == [b'{"full_name":"Ada","kind":"person"}']  # type: ignore[union-attr]


def test_examples_are_encoded_by_stem_and_version(tmp_path: Path) -> None:
    assert read(tmp_path).catalogue["people"].examples == {
        ("ada", 1): b'{"name":"Ada"}',
        ("ada", 3): b'{"full_name":"Ada","kind":"person"}',
    }


def test_an_empty_folder_has_no_subjects(tmp_path: Path) -> None:
    assert len(read_catalogue(tmp_path).catalogue) == 0


def test_folders_of_shared_or_hidden_files_are_no_subjects(tmp_path: Path) -> None:
    result = read(tmp_path, {"schemas/_shared/x.avsc": "{}", "schemas/.git/x": ""})
    assert list(result.catalogue.subjects) == ["people"]


def test_a_folder_without_a_schema_is_found(tmp_path: Path) -> None:
    assert only(tmp_path, {"schemas/empty/README.md": ""}).code == "no-version"


def test_a_schema_that_is_no_json_is_found_at_its_line(tmp_path: Path) -> None:
    finding = only(tmp_path, {"schemas/people/v2.json": '{\n "type": \n}\n'})
    assert (finding.code, finding.file, finding.line) == ("schema-unreadable", "schemas/people/v2.json", 3)


def test_a_broken_version_is_one_finding_not_a_cascade(tmp_path: Path) -> None:
    result = read(tmp_path, {"schemas/people/v2.json": {"type": "objct"}})
    assert [finding.code for finding in result.findings] == ["schema-invalid"]
    assert result.findings[0].line == 2
    assert result.catalogue["people"].versions.keys() == {1, 3}


def test_a_key_that_stands_twice_in_a_schema_is_found(tmp_path: Path) -> None:
    finding = only(tmp_path, {"schemas/people/v1.json": '{"type": "object", "type": "string"}'})
    assert "the key 'type' twice" in finding.message


def test_two_files_for_one_version_are_found(tmp_path: Path) -> None:
    finding = only(tmp_path, {"schemas/people/v1.avsc": '"string"'})
    assert finding.code == "duplicate-version"
    assert "v1.avsc and v1.json" in finding.message


@pytest.mark.parametrize("name", ["v01.json", "2.json", "V2.avsc", "order.avsc", "v4.AVSC"])
def test_a_misnamed_schema_is_found(tmp_path: Path, name: str) -> None:
    assert only(tmp_path, {f"schemas/people/{name}": "{}"}).code == "schema-misnamed"


def test_a_relative_ref_reaches_other_files_of_the_folder(tmp_path: Path) -> None:
    schema = json_object({"full_name": {"$ref": "types/name.json"}, "kind": {"enum": ["person"]}})
    result = read(tmp_path, {"schemas/people/v3.json": schema, "schemas/people/types/name.json": TEXT})
    assert result.findings == ()
    document = result.sources["people"].schemas[3].document
    assert "types/name.json" not in document


def test_a_version_may_refer_to_another_one_by_its_file(tmp_path: Path) -> None:
    schema = json_object({"full_name": {"$ref": "v2.json#/properties/full_name"}, "kind": {"enum": ["person"]}})
    assert read(tmp_path, {"schemas/people/v3.json": schema}).findings == ()


def test_a_broken_file_that_a_ref_reaches_is_found_there(tmp_path: Path) -> None:
    finding = only(tmp_path, {"schemas/people/types/name.json": "{"})
    assert finding.file == "schemas/people/types/name.json"


def test_a_ref_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    schema = json_object({"full_name": {"$ref": "../other/name.json"}, "kind": {"enum": ["person"]}})
    finding = only(tmp_path, {"schemas/people/v3.json": schema, "schemas/people/examples/ada.v3.json": None})
    assert finding.code == "schema-invalid"
    assert "../other/name.json" in finding.message


def test_unknown_fields_are_rejected_where_the_subject_says_so(tmp_path: Path) -> None:
    result = read(tmp_path, {"schemas/people/subject.toml": 'unknown = "reject"\n'})
    subject = result.catalogue["people"]
    assert subject.versions[1].problem({"name": "Ada", "more": 1}) is not None


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('\nownr = "x"\n', 2, "did you mean `owner`?"),
        ('unknown = "drop"\n', 1, "write `keep` or `reject`"),
        ('sensitive = "name"\n', 1, "write an array"),
        ('compatibility = "BACKWARDS"\n', 1, "did you mean `backward`?"),
        ('[versions]\nv1 = { tagg = "1" }\n', 2, "did you mean `tag`?"),
        ('[versions]\n"1" = { tag = "1" }\n', 1, "write versions like v1"),
        ('[versions]\nv9 = { tag = "1" }\n', 2, "known here: v1, v2, v3"),
        ("oops\n", 1, "correct the file"),
    ],
)
def test_mistakes_in_subject_toml_have_a_line_and_a_remedy(tmp_path: Path, text: str, line: int, says: str) -> None:
    finding = only(tmp_path, {"schemas/people/subject.toml": text})
    assert finding.file == "schemas/people/subject.toml"
    assert finding.line == line
    assert says in finding.remedy


def test_a_registry_s_spelling_of_compatibility_is_understood(tmp_path: Path) -> None:
    result = read(tmp_path, {"schemas/people/subject.toml": 'compatibility = "FULL_TRANSITIVE"\n'})
    assert result.catalogue["people"].compatibility == "full-transitive"


@pytest.mark.parametrize(
    ("path", "remedy"),
    [("full_nam", "did you mean `full_name`?"), ("nam[]", "did you mean `name`?"), ("elsewhere.x", "correct it")],
)
def test_a_sensitive_field_that_no_version_names_is_a_warning(tmp_path: Path, path: str, remedy: str) -> None:
    finding = only(tmp_path, {"schemas/people/subject.toml": f'sensitive = ["name",\n"{path}"]\n'})
    assert (finding.code, finding.line, finding.severity) == ("sensitive-unknown", 2, "warning")
    assert remedy in finding.remedy


def test_a_sensitive_field_that_is_no_path_is_an_error_at_its_line(tmp_path: Path) -> None:
    finding = only(tmp_path, {"schemas/people/subject.toml": 'sensitive = ["name",\n"a..b"]\n'})
    assert (finding.line, finding.severity) == (2, "error")


def test_a_bad_example_names_the_place(tmp_path: Path) -> None:
    finding = only(tmp_path, {"schemas/people/examples/ada.v1.json": {"name": 5}})
    assert (finding.code, finding.path) == ("example-invalid", "name")


def test_misplaced_examples_are_found(tmp_path: Path) -> None:
    findings = read(
        tmp_path, {"schemas/people/examples/ada.json": {}, "schemas/people/examples/ada.v9.json": {}}
    ).findings
    assert [finding.code for finding in findings] == ["example-misnamed", "example-without-version"]


def test_hops_of_no_subject_are_found(tmp_path: Path) -> None:
    hop = PEOPLE["upcasters/people/v1_to_v2.py"]
    finding = only(tmp_path, {"upcasters/peopl/v1_to_v2.py": hop})
    assert finding.code == "hop-without-subject"
    assert finding.remedy == "did you mean `people`?"
    loose = read(tmp_path, {"upcasters/peopl/v1_to_v2.py": None, "upcasters/v1_to_v2.py": hop}).findings
    assert [each.file for each in loose] == ["upcasters/v1_to_v2.py"]


def test_all_mistakes_are_found_at_once(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        {
            "schemas/people/v2.json": "{",
            "schemas/people/subject.toml": "x = 1\n",
            "schemas/other/v2.json": json_object({}),
            "upcasters/people/v2_to_v3.py": "oops(",
            "upcasters/people/v1_to_v3.py": PEOPLE["upcasters/people/v1_to_v2.py"],
        },
    )
    assert {finding.code for finding in result.findings} >= {
        "schema-unreadable",
        "subject-unknown-key",
        "missing-version",
        "hop-unloadable",
        "skipping-hop",
    }
