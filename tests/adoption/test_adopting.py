"""A topic and a registry that somebody else filled become a subject, a hop and a migration that runs."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from tests.support.command import instar
from tests.support.folders import write_files
from tests.support.foreign_producer import write_avro, write_json, write_plain

from instar.kafka.cluster import Cluster
from instar.kafka.scan import scan
from instar.project.lock import Lock, read_lock
from instar.project.project import load_project

pytestmark = [pytest.mark.kafka, pytest.mark.registry]

RECORDS = 150


def order(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "Order", "namespace": "shop", "fields": list(fields), **more}


ID = {"name": "order_id", "type": "string"}
EMAIL = {"name": "email", "type": "string"}
V1 = order(ID, EMAIL, {"name": "qty", "type": "int"})
PATCH = order(ID, EMAIL, {"name": "qty", "type": "int", "default": 1}, doc="Only said better.")
V2 = order(ID, EMAIL, {"name": "quantity", "type": "int"}, {"name": "channel", "type": "string", "default": "WEB"})


def settings(kafka: Any, registry_url: str, **migrations: str) -> str:
    address = json.dumps(kafka.bootstrap)
    text = f"""format = 1
[environments.local]
kafka = {{ "bootstrap.servers" = {address} }}
registry = {{ url = "{registry_url}" }}
"""
    return text + "".join(f"\n[migrations.{name}]\n{lines}\n" for name, lines in migrations.items())


def set_rule(registry_url: str, subject: str, level: str) -> None:
    """What the registry's owner demands of this subject's schemas. Apicurio knows no subject without one."""
    with SchemaRegistryClient({"url": registry_url}) as client:
        client.set_compatibility(subject, level)


def orders(count: int, quantity: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"order_id": f"o{number}", "email": f"ada{number}@example.com", quantity: number, **more}
        for number in range(count)
    ]


def test_pull_draft_check_and_worker(
    kafka: Any, registry_url: str, new_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic = new_topic("orders", partitions=2)
    config = kafka.client_config()
    write_avro(config, registry_url, topic, V1, orders(RECORDS, "qty"))
    set_rule(registry_url, f"{topic}-value", "NONE")
    write_avro(config, registry_url, topic, PATCH, orders(RECORDS, "qty"))
    write_avro(config, registry_url, topic, V2, orders(RECORDS, "quantity", channel="SHOP"))
    write_plain(config, topic, [None])
    root = write_files(tmp_path, {"instar.toml": settings(kafka, registry_url)})

    planned = instar("schema", "pull", "orders", "--topic", topic, at=root)
    assert planned.code == 0, planned.err
    assert not (root / "schemas").exists()
    pulled = instar("schema", "pull", "orders", "--topic", topic, "--execute", at=root)
    assert pulled.code == 0, pulled.err
    assert pulled.out == planned.out
    assert 'framed as "registry-prefix"' in pulled.err

    # The patch shares version 1; both ids are known, and the newest text was taken.
    assert sorted(path.name for path in (root / "schemas/orders").glob("*.avsc")) == ["v1.avsc", "v2.avsc"]
    assert json.loads((root / "schemas/orders/v1.avsc").read_text())["doc"] == "Only said better."
    lock = read_lock(root)
    assert isinstance(lock, Lock)
    assert sorted(lock.ids_of("local").values()) == [("orders", 1), ("orders", 1), ("orders", 2)]

    # Samples are there, valid, and say nothing of anybody.
    examples = [json.loads(path.read_text()) for path in (root / "schemas/orders/examples").iterdir()]
    assert len(examples) == 4
    assert {each["email"] for each in examples} == {"***"}
    project = load_project(root)
    assert project.sources["orders"].notes.sensitive == ("email",)
    assert project.sources["orders"].notes.compatibility == "none"
    assert {each.code for each in project.errors} == {"missing-hop"}

    drafted = instar("upcaster", "new", "orders", "--execute", at=root)
    assert drafted.code == 0, drafted.err
    assert 'rename("qty", "quantity"),  # guess:' in (root / drafted.out.strip()).read_text()
    assert instar("check", at=root).code == 0
    assert instar("schema", "check", "--mode", "backward", at=root).code == 3  # which is why there is a hop

    lines = f'subjects = ["orders"]\nsource = {{ topic = "{topic}", framing = "registry-prefix" }}\n'
    lines += f'target = {{ topic = "{topic}.v2", version = "v2" }}'
    write_files(root, {"instar.toml": settings(kafka, registry_url, adopt=lines)})
    worker = [sys.executable, "-m", "instar", "worker", "adopt", "--until", "now", "--create"]
    ran = subprocess.run(worker, cwd=root, capture_output=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    read_back(kafka, registry_url, f"{topic}.v2")


def read_back(kafka: Any, registry_url: str, topic: str) -> None:
    """Somebody else's consumer reads what the worker wrote."""
    cluster = Cluster(kafka.client_config())
    partitions = range(cluster.topic(topic).partitions)
    ends = cluster.end_offsets(topic, partitions, committed=True)
    records = list(scan(kafka.client_config(), topic, cluster.start_offsets(topic, partitions), ends))
    assert len(records) == 3 * RECORDS + 1
    with SchemaRegistryClient({"url": registry_url}) as client:
        read = AvroDeserializer(client)
        context = SerializationContext(topic, MessageField.VALUE)
        values = [read(record.value, context) for record in records if record.value is not None]
    assert len(values) == 3 * RECORDS
    assert {value["channel"] for value in values} == {"WEB", "SHOP"}
    assert sorted(value["quantity"] for value in values) == sorted(list(range(RECORDS)) * 3)


def test_without_a_registry_a_schema_is_inferred_and_says_that_it_is_a_guess(
    kafka: Any, new_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic = new_topic("events", partitions=1)
    values = [
        {"id": number, "kind": "CLICK" if number % 2 else "VIEW", "phone": "+49 30 1234567"} for number in range(60)
    ]
    write_plain(kafka.client_config(), topic, [json.dumps(each).encode() for each in values])
    root = write_files(
        tmp_path, {"instar.toml": settings(kafka, "files").replace('registry = { url = "files" }\n', "")}
    )
    ran = instar("schema", "pull", "events", "--topic", topic, "--execute", at=root)
    assert ran.code == 0, ran.err
    document = json.loads((root / "schemas/events/v1.json").read_text())
    assert document["$comment"].startswith("guess: inferred from 60 sampled records")
    assert document["properties"]["kind"] == {"type": "string", "enum": ["CLICK", "VIEW"]}
    assert document["required"] == ["id", "kind", "phone"]
    assert "is a guess" in ran.err
    examples = [json.loads(path.read_text()) for path in (root / "schemas/events/examples").iterdir()]
    assert {each["phone"] for each in examples} == {"***"}
    assert instar("check", at=root).code == 0


def test_json_schemas_of_plain_serializers_are_pulled_too(
    kafka: Any, registry_url: str, new_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic = new_topic("people", partitions=1)
    text = {"type": "string"}
    old = {"title": "Person", "type": "object", "properties": {"name": text}, "required": ["name"]}
    new = {"title": "Person", "type": "object", "properties": {"label": text}, "required": ["label"]}
    write_json(kafka.client_config(), registry_url, topic, old, [{"name": "x"}] * 5)
    set_rule(registry_url, f"{topic}-value", "NONE")
    write_json(kafka.client_config(), registry_url, topic, new, [{"label": "y"}] * 5)
    root = write_files(tmp_path, {"instar.toml": settings(kafka, registry_url)})
    ran = instar("schema", "pull", "people", "--topic", topic, "--execute", at=root)
    assert ran.code == 0, ran.err
    assert instar("upcaster", "new", "people", "--execute", at=root).code == 0
    assert instar("check", at=root).code == 0, instar("check", at=root).out


def test_nothing_to_pull_says_what_to_do(
    kafka: Any, registry_url: str, new_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic = new_topic("blobs", partitions=1)
    write_plain(kafka.client_config(), topic, [b"\xff\xfe", b"not json"])
    root = write_files(tmp_path, {"instar.toml": settings(kafka, registry_url), "schemas/there/v1.json": {}})
    ran = instar("schema", "pull", "blobs", "--topic", topic, "--execute", at=root)
    assert ran.code == 1
    assert "--registry-subject" in ran.err
    assert instar("schema", "pull", "there", "--topic", topic, at=root).code == 1
    assert instar("schema", "pull", "a b", "--topic", topic, at=root).code == 2
    assert instar("schema", "pull", "b", "--topic", topic, "--sensitive", "a..b", at=root).code == 2


def test_register_shows_first_and_then_adds_what_is_missing(
    kafka: Any, registry_url: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    topic = topic_name("parcels")
    files = {
        "instar.toml": settings(kafka, registry_url),
        "schemas/parcels/v1.avsc": V1,
        "schemas/parcels/v2.avsc": V2,
        "upcasters/parcels/v1_to_v2.py": """
            from instar.changes import add, rename
            changes = [rename("qty", "quantity"), add("channel")]
            """,
    }
    root = write_files(tmp_path, files)
    assert instar("schema", "register", "parcels", at=root).code == 2  # no migration says to which topic
    shown = instar("schema", "register", "parcels", "--topic", topic, "-o", "json", at=root)
    assert shown.code == 3
    assert [row["state"] for row in shown.json] == ["missing", "missing"]
    assert not (root / "instar.lock").exists()
    assert instar("schema", "register", "parcels", "v1", "--topic", topic, "--execute", at=root).code == 0
    set_rule(registry_url, f"{topic}-value", "NONE")
    done = instar("schema", "register", "parcels", "--topic", topic, "--execute", "-o", "json", at=root)
    assert done.code == 0, done.err
    ids = [row["id"] for row in done.json]
    lock = read_lock(root)
    assert isinstance(lock, Lock)
    assert lock.ids_of("local") == {ids[0]: ("parcels", 1), ids[1]: ("parcels", 2)}
    with SchemaRegistryClient({"url": registry_url}) as client:
        assert client.get_versions(f"{topic}-value") == [1, 2]
    assert instar("schema", "register", "parcels", "v2", "--topic", topic, at=root).code == 0


def test_a_registry_that_refuses_is_an_answer_of_its_own(
    kafka: Any, registry_url: str, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    topic = topic_name("strict")
    root = write_files(
        tmp_path,
        {
            "instar.toml": settings(kafka, registry_url),
            "schemas/parcels/v1.avsc": V1,
            "schemas/parcels/v2.avsc": order(ID, EMAIL, {"name": "n", "type": "int"}),
            "upcasters/parcels/v1_to_v2.py": 'from instar.changes import *\nchanges = [rename("qty", "n")]\n',
        },
    )
    assert instar("schema", "register", "parcels", "v1", "--topic", topic, "--execute", at=root).code == 0
    set_rule(registry_url, f"{topic}-value", "BACKWARD")
    ran = instar("schema", "register", "parcels", "--topic", topic, "--execute", at=root)
    assert ran.code == 4
    assert "not compatible" in ran.err
    lock = read_lock(root)
    assert isinstance(lock, Lock)
    assert list(lock.ids_of("local").values()) == [("parcels", 1)]
