"""What every adapter of the registry port must do; the same tests for each."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.folders import TEXT, json_object
from tests.support.registry_server import serving

from instar.core.formats.json_schema import parse_json
from instar.project.lock import Lock, LockIds
from instar.registry.confluent import ConfluentRegistry
from instar.registry.connect import connect
from instar.registry.files import FilesRegistry
from instar.registry.port import Document, Registry, RegistryRefused

DOCUMENTS = [
    Document("json", json.dumps(json_object({"name": TEXT}))),
    Document("json", json.dumps(json_object({"name": TEXT}, properties={"name": TEXT, "age": {"type": "integer"}}))),
]


@pytest.fixture(params=["files", "confluent", pytest.param("real", marks=pytest.mark.registry)])
def registry(request: pytest.FixtureRequest, tmp_path: Path, subject: str) -> Iterator[Registry]:
    if request.param == "files":
        schemas = {(subject, n): parse_json(json.loads(each.text)) for n, each in enumerate(DOCUMENTS, 1)}
        documents = {(subject, n): each.text for n, each in enumerate(DOCUMENTS, 1)}
        yield FilesRegistry(schemas, documents, LockIds(tmp_path, "files", Lock()))
    elif request.param == "confluent":
        with serving() as server:
            made = ConfluentRegistry({"url": server.url})
            yield made
            made.close()
    else:
        made = ConfluentRegistry({"url": request.getfixturevalue("registry_url")})
        yield made
        made.close()


@pytest.fixture
def subject() -> str:
    """A name of its own for each test: the real registry is shared by all of them."""
    return f"people-{uuid4().hex[:8]}"


def test_a_registered_document_comes_back_under_its_id(registry: Registry, subject: str) -> None:
    number = registry.register(subject, DOCUMENTS[0])
    found = registry.schema_of(number)
    assert found is not None
    assert found.id == number
    assert found.document.kind == "json"
    assert json.loads(found.document.text) == json.loads(DOCUMENTS[0].text)


def test_registering_again_gives_the_same_id(registry: Registry, subject: str) -> None:
    assert registry.register(subject, DOCUMENTS[0]) == registry.register(subject, DOCUMENTS[0])


def test_different_documents_have_different_ids(registry: Registry, subject: str) -> None:
    first, second = (registry.register(subject, document) for document in DOCUMENTS)
    assert first != second
    assert registry.id_of(subject, DOCUMENTS[0]) == first
    assert registry.id_of(subject, DOCUMENTS[1]) == second


def test_an_id_that_was_never_given_is_none(registry: Registry) -> None:
    assert registry.schema_of(2_000_000_123) is None


def test_a_document_that_a_subject_does_not_have_has_no_id(registry: Registry, subject: str) -> None:
    assert registry.id_of(subject, DOCUMENTS[0]) is None
    registry.register(subject, DOCUMENTS[0])
    assert registry.id_of(subject, DOCUMENTS[1]) is None


def test_an_unknown_global_identifier_is_none(registry: Registry) -> None:
    assert registry.schema_of_guid("not a guid") is None
    assert registry.schema_of_guid(str(uuid4())) is None


def test_a_registry_that_is_there_answers_a_ping(registry: Registry) -> None:
    registry.ping()
    assert registry.name


def test_only_a_url_or_files_can_be_connected(tmp_path: Path) -> None:
    ids = LockIds(tmp_path, "files", Lock())
    assert isinstance(connect({"url": "files"}, ids=ids, schemas={}, documents={}), FilesRegistry)
    made = connect({"url": "http://127.0.0.1:1"}, ids=ids, schemas={}, documents={})
    assert isinstance(made, ConfluentRegistry)
    made.close()
    with pytest.raises(RegistryRefused, match="neither `files` nor"):
        connect({"url": "registry:8081"}, ids=ids, schemas={}, documents={})
