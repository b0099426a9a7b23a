import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.folders import TEXT, json_object
from tests.support.registry_server import RegistryServer, serving

from instar.core.formats.framing import SchemaGuid, SchemaId
from instar.core.formats.json_schema import parse_json
from instar.core.rejected import UNKNOWN_SCHEMA_ID, Rejected
from instar.core.subject import Subject
from instar.project.lock import Lock, LockIds, read_lock
from instar.registry.confluent import ConfluentRegistry
from instar.registry.identify import Identity
from instar.registry.port import RegistryRefused

V1, V2 = json_object({"name": TEXT}), json_object({"full_name": TEXT})
PEOPLE = Subject("people", "json", {1: parse_json(V1), 2: parse_json(V2)})


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with serving() as made:
        yield made


@pytest.fixture
def registry(server: RegistryServer) -> Iterator[ConfluentRegistry]:
    made = ConfluentRegistry({"url": server.url, "max.retries": 0, "timeout": 2})
    yield made
    made.close()


def identity(registry: ConfluentRegistry, root: Path, *subjects: Subject, lock: Lock | None = None) -> Identity:
    return Identity(registry, LockIds(root, "local", lock or Lock()), subjects or (PEOPLE,))


def test_an_id_is_matched_by_what_its_document_means(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    number = server.add("whatever", json.dumps({"title": "Person", **V2}, indent=4), "JSON")
    ids = identity(registry, tmp_path)
    assert ids.version_of(SchemaId(number)) == ("people", 2)
    assert ids.learned == {number: ("people", 2)}


def test_the_lock_is_asked_before_the_registry(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    ids = identity(registry, tmp_path, lock=Lock().with_id("local", 77, "people", 1))
    assert ids.version_of(SchemaId(77)) == ("people", 1)
    assert server.requests == []


def test_the_registry_is_asked_once_for_each_id(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    number = server.add("whatever", json.dumps(V1), "JSON")
    ids = identity(registry, tmp_path)
    for _ in range(3):
        ids.version_of(SchemaId(number))
        ids.version_of(SchemaId(99))
    assert len(server.requests) == 2


def test_an_id_that_the_registry_lacks_is_rejected_by_its_number(registry: ConfluentRegistry, tmp_path: Path) -> None:
    rejected = identity(registry, tmp_path).version_of(SchemaId(99))
    assert isinstance(rejected, Rejected)
    assert rejected.code == UNKNOWN_SCHEMA_ID
    assert "99" in rejected.message


def test_a_document_that_equals_no_version_is_never_guessed(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    close = json_object({"full_name": TEXT}, additionalProperties=False)
    number = server.add("people-value", json.dumps(close), "JSON")
    rejected = identity(registry, tmp_path).version_of(SchemaId(number))
    assert isinstance(rejected, Rejected)
    assert f"Schema {number}" in rejected.message
    assert "equals no version of people" in rejected.message


def test_a_document_that_equals_two_versions_is_never_guessed(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    number = server.add("people-value", json.dumps(V1), "JSON")
    twin = Subject("twins", "json", {3: parse_json(V1)})
    rejected = identity(registry, tmp_path, PEOPLE, twin).version_of(SchemaId(number))
    assert isinstance(rejected, Rejected)
    assert "people v1 and twins v3" in rejected.message


def test_only_the_migration_s_subjects_count(registry: ConfluentRegistry, tmp_path: Path) -> None:
    lock = Lock().with_id("local", 5, "others", 1)
    rejected = identity(registry, tmp_path, lock=lock).version_of(SchemaId(5))
    assert isinstance(rejected, Rejected)
    assert "others v1, which is not among this migration's subjects" in rejected.message


def test_a_document_that_cannot_be_read_is_rejected(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    number = server.add("x", "{", "JSON")
    rejected = identity(registry, tmp_path).version_of(SchemaId(number))
    assert isinstance(rejected, Rejected)
    assert "cannot be read" in rejected.message


def test_a_schema_of_another_language_is_the_record_s_problem_and_not_the_registry_s(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    number = server.add("x", "syntax = proto3", "PROTOBUF")
    rejected = identity(registry, tmp_path).version_of(SchemaId(number))
    assert isinstance(rejected, Rejected)
    assert "of type PROTOBUF" in rejected.message


def test_after_a_repair_an_unknown_id_is_asked_for_again(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    ids = identity(registry, tmp_path)
    assert isinstance(ids.version_of(SchemaId(1)), Rejected)
    server.add("people-value", json.dumps(V1), "JSON")
    assert isinstance(ids.version_of(SchemaId(1)), Rejected)
    ids.forget_unknown()
    assert ids.version_of(SchemaId(1)) == ("people", 1)


def test_a_global_identifier_is_matched_like_an_id(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    guid = "c3b5c9a4-9d0f-4a53-9c66-1c6c1f1c8b11"
    server.fault = lambda _method, path: (
        (200, {"schema": json.dumps(V2), "schemaType": "JSON"}) if path.startswith(f"/schemas/guids/{guid}") else None
    )
    assert identity(registry, tmp_path).version_of(SchemaGuid(guid)) == ("people", 2)


def test_a_version_is_written_under_the_registry_s_id(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    ids = identity(registry, tmp_path)
    assert ids.id_for("people", 2, json.dumps(V2), "people.v2-value", register=False) is None
    number = ids.id_for("people", 2, json.dumps(V2), "people.v2-value", register=True)
    assert server.subjects == {"people.v2-value": [number]}
    lock = read_lock(tmp_path)
    assert isinstance(lock, Lock)
    assert lock.ids_of("local") == {number: ("people", 2)}


def test_looking_an_id_up_writes_nothing(server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path) -> None:
    number = server.add("people.v2-value", json.dumps(V2), "JSON")
    ids = identity(registry, tmp_path)
    assert ids.id_for("people", 2, json.dumps(V2), "people.v2-value", register=False) == number
    assert not (tmp_path / "instar.lock").exists()
    assert ids.learned == {number: ("people", 2)}


def test_a_registry_that_was_emptied_is_told_and_not_believed(
    server: RegistryServer, registry: ConfluentRegistry, tmp_path: Path
) -> None:
    ids = identity(registry, tmp_path, lock=Lock().with_id("local", 1, "people", 1))
    with pytest.raises(RegistryRefused, match="contradict each other: 1 is people/v2 there and people/v1 here") as told:
        ids.id_for("people", 2, json.dumps(V2), "people.v2-value", register=True)
    assert "emptied" in told.value.remedy
