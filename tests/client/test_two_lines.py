"""A plain confluent-kafka consumer, changed by two lines, reads a topic of v1, v2 and v3 as its own v3 models."""

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from tests.support.mixed_orders import REPOSITORY, VERSIONS, mixed, orders_project, write_models

from instar.client import InstarDeserializer
from instar.client.census import CensusTopic
from instar.core.census_message import CensusMessage, parse
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.project.project import load_project

pytestmark = [pytest.mark.kafka, pytest.mark.registry]

RECORDS = 60
TIMEOUT_S = 120

BEFORE = """\
import sys

from confluent_kafka import DeserializingConsumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from models.orders_v3 import Order

kafka, registry, topic, records = sys.argv[1:]
client = SchemaRegistryClient({"url": registry})
consumer = DeserializingConsumer({
    "bootstrap.servers": kafka, "group.id": topic, "auto.offset.reset": "earliest",
    "value.deserializer": AvroDeserializer(client, from_dict=lambda order, _: Order.model_validate(order)),
})
consumer.subscribe([topic])
for _ in range(int(records)):
    message = consumer.poll(60)
    order = message.value()
    assert isinstance(order, Order)
    print(order.model_dump_json())
consumer.close()
"""

AFTER = BEFORE.replace(
    "from confluent_kafka.schema_registry.avro import AvroDeserializer\n",
    "from instar.client import InstarDeserializer\n",
).replace(
    "AvroDeserializer(client, from_dict=lambda order, _: Order.model_validate(order))",
    'InstarDeserializer("formats", to=Order)',
)


@pytest.fixture
def folder(tmp_path: Path, registry_url: str) -> Path:
    formats = orders_project(tmp_path / "formats", registry_url)
    write_models(formats, str(tmp_path / "models"))
    return tmp_path


def produced(kafka: Any, registry_url: str, topic: str, subject: Subject) -> list[Any]:
    """Confluent's own producers at three versions write the topic; returns what each order is at v3."""
    producer = Producer(kafka.client_config())
    context = SerializationContext(topic, MessageField.VALUE)
    expected = []
    with SchemaRegistryClient({"url": registry_url}) as client:
        writers = {
            version: AvroSerializer(client, (REPOSITORY / f"schemas/orders/v{version}.avsc").read_text())
            for version in VERSIONS
        }
        for version, order in mixed(RECORDS):
            (value,) = folded(subject, order, version)
            producer.produce(topic, writers[version](value, context), partition=0)
            expected += folded(subject, order, 3)
    assert producer.flush(TIMEOUT_S) == 0
    return expected


def folded(subject: Subject, order: Any, version: int) -> list[Any]:
    chain = subject.chain(1, version)
    assert not isinstance(chain, Rejected)
    outputs = chain.fold(order, Context())
    assert not isinstance(outputs, Rejected), outputs
    return outputs


def ran(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "program.py").write_text(program)
    return subprocess.run(
        [sys.executable, "program.py", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "services")},
    )  # fmt: skip


def test_only_two_lines_differ() -> None:
    changed = [line for line in difflib.ndiff(BEFORE.splitlines(), AFTER.splitlines()) if line[0] == "+"]
    assert len(changed) == 2


def test_the_changed_consumer_reads_every_version_and_the_unchanged_one_fails_at_the_first_old_record(
    kafka: Any, registry_url: str, new_topic: Callable[..., str], folder: Path
) -> None:
    subject = load_project(folder / "formats").catalogue["orders"]
    topic = new_topic("orders", partitions=1)
    expected = produced(kafka, registry_url, topic, subject)
    arguments = (kafka.bootstrap, registry_url, topic, str(RECORDS))
    old = ran(BEFORE, folder, *arguments)
    assert (old.returncode, old.stdout) == (1, "")
    assert "ValidationError" in old.stderr
    new = ran(AFTER, folder, *arguments)
    assert new.returncode == 0, new.stderr
    orders = [json.loads(line) for line in new.stdout.splitlines()]
    assert [order["order_id"] for order in orders] == [order["order_id"] for order in expected]
    assert [order["total"] for order in orders] == [str(order["total"]) for order in expected]
    assert [order["customer"] for order in orders] == [order["customer"] for order in expected]
    assert [order["channel"] for order in orders] == [order["channel"] for order in expected]


def test_what_the_consumer_reads_and_found_is_told_to_the_census_topic(
    kafka: Any, registry_url: str, new_topic: Callable[..., str], folder: Path
) -> None:
    formats = folder / "formats"
    topic, census_topic = new_topic("orders", partitions=1), new_topic("census", partitions=1)
    produced(kafka, registry_url, topic, load_project(formats).catalogue["orders"])
    census = CensusTopic(kafka.client_config(), census_topic)
    read = InstarDeserializer(
        formats, subject="orders", version="v3", on_use=census, client="billing-1", group="billing", owner="money"
    )
    for message in taken(kafka, topic, RECORDS):
        assert read.read(message)["order_id"]
    read.close()
    census.close(TIMEOUT_S)
    (message,) = taken(kafka, census_topic, 1)
    said = parse(message.value())
    assert isinstance(said, CensusMessage)
    assert (said.kind, said.topic, said.subject, said.client, said.group, said.owner) == (
        "reads", topic, "orders", "billing-1", "billing", "money",
    )  # fmt: skip
    third = RECORDS // 3
    assert (said.versions, said.found) == ({"v3": RECORDS}, {"v1": third, "v2": third, "v3": third})


def taken(kafka: Any, topic: str, records: int) -> list[Any]:
    consumer = Consumer({**kafka.client_config(), "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[Any] = []
    while len(found) < records:
        batch = consumer.consume(records - len(found), TIMEOUT_S)
        assert batch, f"only {len(found)} of {records} records arrived"
        assert all(each.error() is None for each in batch)
        found += batch
    consumer.close()
    return found
