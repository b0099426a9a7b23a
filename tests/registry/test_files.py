import json
from pathlib import Path

import pytest
from tests.support.folders import TEXT, json_object

from instar.core.formats.json_schema import parse_json
from instar.project.lock import Lock, LockIds, read_lock
from instar.registry.files import FilesRegistry
from instar.registry.port import Document, RegistryRefused

V1, V2 = json_object({"name": TEXT}), json_object({"full_name": TEXT})


def registry(root: Path, **subjects: list[object]) -> FilesRegistry:
    pairs = {(name, n): document for name, each in subjects.items() for n, document in enumerate(each, 1)}
    lock = read_lock(root)
    assert isinstance(lock, Lock)
    return FilesRegistry(
        {version: parse_json(document) for version, document in pairs.items()},
        {version: json.dumps(document) for version, document in pairs.items()},
        LockIds(root, "files", lock),
    )


def document(content: object) -> Document:
    return Document("json", json.dumps(content))


def test_an_id_survives_in_the_lock(tmp_path: Path) -> None:
    number = registry(tmp_path, people=[V1, V2]).register("people", document(V2))
    lock = read_lock(tmp_path)
    assert isinstance(lock, Lock)
    assert lock.ids_of("files") == {number: ("people", 2)}
    assert registry(tmp_path, people=[V1, V2]).id_of("people", document(V2)) == number


def test_a_lost_lock_yields_the_same_ids_in_any_order(tmp_path: Path) -> None:
    there, again = tmp_path / "there", tmp_path / "again"
    there.mkdir()
    again.mkdir()
    first = [registry(there, people=[V1, V2]).register("people", document(each)) for each in (V1, V2)]
    second = [registry(again, people=[V1, V2]).register("people", document(each)) for each in (V2, V1)]
    assert first == second[::-1]


def test_the_same_schema_of_two_subjects_has_two_ids(tmp_path: Path) -> None:
    both = registry(tmp_path, people=[V1], others=[V1])
    assert both.register("people", document(V1)) != both.register("others", document(V1))


def test_an_id_that_is_taken_is_not_given_twice(tmp_path: Path) -> None:
    number = registry(tmp_path / ".", people=[V1]).register("people", document(V1))
    (tmp_path / "instar.lock").write_text(Lock().with_id("files", number, "others", 1).text())
    other = registry(tmp_path, people=[V1], others=[V2])
    assert other.register("people", document(V1)) not in (number, 0)


def test_a_document_that_is_no_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryRefused, match="people has no version like this") as refused:
        registry(tmp_path, people=[V1]).register("people", document(V2))
    assert "schemas/people/" in refused.value.remedy


def test_white_space_does_not_make_another_document(tmp_path: Path) -> None:
    files = registry(tmp_path, people=[V1])
    assert files.register("people", document(V1)) == files.register(
        "people", Document("json", json.dumps(V1, indent=9))
    )


def test_a_document_that_does_not_parse_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryRefused, match="does not parse"):
        registry(tmp_path, people=[V1]).id_of("people", Document("json", "{"))
