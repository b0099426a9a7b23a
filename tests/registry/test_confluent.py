import json
import socket
from collections.abc import Iterator

import pytest
from tests.support.folders import TEXT, json_object
from tests.support.registry_server import RegistryServer, serving

from instar.registry.confluent import ConfluentRegistry
from instar.registry.port import Document, RegistryRefused, RegistryUnreachable

QUICK = {"max.retries": 1, "retries.wait.ms": 1, "retries.max.wait.ms": 1, "timeout": 2}
DOCUMENT = Document("json", json.dumps(json_object({"name": TEXT})))


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with serving() as made:
        yield made


@pytest.fixture
def registry(server: RegistryServer) -> Iterator[ConfluentRegistry]:
    made = ConfluentRegistry({"url": server.url, **QUICK})
    yield made
    made.close()


def test_a_document_is_fetched_once(server: RegistryServer, registry: ConfluentRegistry) -> None:
    number = server.add("people-value", DOCUMENT.text, "JSON")
    assert registry.schema_of(number) == registry.schema_of(number)
    assert len(server.requests) == 1


def test_references_are_resolved_with_those_of_their_own(server: RegistryServer, registry: ConfluentRegistry) -> None:
    server.add("street", '"the street"')
    server.add("address", '"the address"', references=[{"name": "shop.Street", "subject": "street", "version": 1}])
    number = server.add("o", '"order"', references=[{"name": "shop.Address", "subject": "address", "version": 1}])
    found = registry.schema_of(number)
    assert found is not None
    assert found.document == Document(
        "avro", '"order"', {"shop.Address": '"the address"', "shop.Street": '"the street"'}
    )


def test_a_cycle_of_references_ends(server: RegistryServer, registry: ConfluentRegistry) -> None:
    server.add("a", '"a"', references=[{"name": "B", "subject": "b", "version": 1}])
    server.add("b", '"b"', references=[{"name": "A", "subject": "a", "version": 1}])
    found = registry.schema_of(1)
    assert found is not None
    assert found.document.references == {"B": '"b"', "A": '"a"'}


def test_a_reference_that_is_gone_is_named(server: RegistryServer, registry: ConfluentRegistry) -> None:
    number = server.add("o", '"order"', references=[{"name": "shop.Address", "subject": "address", "version": 1}])
    with pytest.raises(RegistryRefused, match="version 1 of address, which is not there"):
        registry.schema_of(number)


def test_a_type_that_is_not_read_is_named(server: RegistryServer, registry: ConfluentRegistry) -> None:
    number = server.add("p", "syntax = proto3", "PROTOBUF")
    with pytest.raises(RegistryRefused, match="of type PROTOBUF"):
        registry.schema_of(number)


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (401, {"error_code": 40101, "message": "who?"}, RegistryRefused, "does not let us in"),
        (403, {"error_code": 40301, "message": "no"}, RegistryRefused, "does not let us in"),
        (409, {"error_code": 409, "message": "Incompatible: READER_FIELD"}, RegistryRefused, "READER_FIELD"),
        (422, {"error_code": 42201, "message": "Invalid schema"}, RegistryRefused, "answers 422 .* Invalid schema"),
        (500, {"error_code": 50001, "message": "store"}, RegistryUnreachable, "answers 500"),
        (503, "<html>", RegistryUnreachable, "answers 503"),
        (404, {"error_code": 404, "message": "HTTP 404 Not Found"}, RegistryRefused, "is not a schema registry"),
        (404, "<html>", RegistryRefused, "is not a schema registry"),
        (200, "<html>", RegistryRefused, "is not a schema registry"),
        (200, {}, RegistryRefused, "no id|not a schema registry"),
    ],
)
def test_each_bad_answer_is_translated(
    server: RegistryServer,
    registry: ConfluentRegistry,
    status: int,
    body: object,
    error: type[Exception],
    says: str,
) -> None:
    server.fault = lambda _method, _path: (status, body)
    with pytest.raises(error, match=says):
        registry.register("people-value", DOCUMENT)


def test_a_server_error_is_tried_again(server: RegistryServer, registry: ConfluentRegistry) -> None:
    answers = iter([(500, {"error_code": 50001, "message": "busy"}), None])
    server.fault = lambda _method, _path: next(answers)
    assert registry.register("people-value", DOCUMENT) == 1


def test_a_registry_that_is_down_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        registry = ConfluentRegistry({"url": f"http://127.0.0.1:{taken.getsockname()[1]}", **QUICK})
        with pytest.raises(RegistryUnreachable, match="does not answer") as down:
            registry.ping()
        assert "doctor" in down.value.remedy
        registry.close()


def test_a_registry_that_never_answers_is_unreachable() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        registry = ConfluentRegistry({"url": url, **QUICK, "timeout": 0.1})
        with pytest.raises(RegistryUnreachable):
            registry.schema_of(1)
        registry.close()


def test_credentials_never_show(server: RegistryServer) -> None:
    url = server.url.replace("http://", "http://me:hunter2@")
    registry = ConfluentRegistry({"url": url, **QUICK})
    server.fault = lambda _method, _path: (401, {"error_code": 40101, "message": "who?"})
    with pytest.raises(RegistryRefused) as refused:
        registry.ping()
    assert "hunter2" not in f"{registry.name} {refused.value} {refused.value.remedy}"
    registry.close()


@pytest.mark.parametrize(
    "config",
    [{"url": "http://r", "no.such.key": 1}, {"url": "http://r", "ssl.ca.location": "/no/such/file"}, {}],
)
def test_settings_that_cannot_work_are_refused(config: dict[str, object]) -> None:
    with pytest.raises(RegistryRefused, match="settings are not usable"):
        ConfluentRegistry(config)


def test_numbers_may_come_from_the_environment_as_text(server: RegistryServer) -> None:
    registry = ConfluentRegistry({"url": server.url, "timeout": "2", "max.retries": "1"})
    registry.ping()
    registry.close()
