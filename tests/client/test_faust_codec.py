"""A Faust application reads any version as the one it asks for, and loses nothing while the registry is away."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from tests.support.folders import write_files
from tests.support.mixed_orders import REPOSITORY, VERSIONS, mixed, orders_project, write_models
from tests.support.projects import PARCELS, PARCELS_SETTINGS, VERSION_HEADER, body

faust = pytest.importorskip("faust", reason="the extra census is not installed")
from faust.exceptions import ValueDecodeError  # noqa: E402
from faust.types import Message  # noqa: E402

from instar.client import InstarDeserializer, InstarSerializer, RecordRejected, RegistryAway  # noqa: E402
from instar.client.faust_codec import InstarSchema  # noqa: E402

TIMEOUT_S = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path, {**PARCELS, "instar.toml": PARCELS_SETTINGS})


def message(value: bytes | None, version: str = "v1") -> Message:
    return Message("parcels", 0, 7, 1.5, 0, [(VERSION_HEADER, version.encode())], b"key", value, None)


def decoded(schema: InstarSchema, given: Message) -> Any:
    app = faust.App("test-schema", broker="kafka://127.0.0.1:1")
    return asyncio.run(schema.decode(app, given, propagate=True)).value


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_message_of_every_version_is_the_version_asked_for(folder: Path, version: int) -> None:
    schema = InstarSchema(read=InstarDeserializer(folder, subject="parcels", version="v3"))
    value = decoded(schema, message(json.dumps(body(7, version)).encode(), f"v{version}"))
    assert (value["first"], value["cents"]) == ("Ada", 49)


def test_a_tombstone_is_none(folder: Path) -> None:
    schema = InstarSchema(read=InstarDeserializer(folder, subject="parcels", version="v3"))
    assert decoded(schema, message(None)) is None


def test_a_record_that_cannot_be_read_is_raised_or_given_to_the_agent(folder: Path) -> None:
    read = InstarDeserializer(folder, subject="parcels", version="v3")
    with pytest.raises(ValueDecodeError, match=r"parcels\[0\]@7"):
        decoded(InstarSchema(read=read), message(b"{"))
    value = decoded(InstarSchema(read=read, on_rejected="yield"), message(b"{"))
    assert isinstance(value, RecordRejected)
    assert (value.topic, value.offset) == ("parcels", 7)


def test_a_record_waits_for_the_registry_instead_of_being_skipped(folder: Path) -> None:
    class Flaky(InstarDeserializer):
        away = 3

        def read_record(self, record: Any) -> Any:
            if self.away:
                self.away -= 1
                raise RegistryAway("down", code="registry-unreachable", remedy="", retry_after_s=0.001)
            return super().read_record(record)

    read = Flaky(folder, subject="parcels", version="v3")
    assert decoded(InstarSchema(read=read), message(json.dumps(body(7, 1)).encode()))["id"] == 7
    assert read.away == 0


def test_what_is_written_carries_the_headers_of_its_framing(folder: Path) -> None:
    schema = InstarSchema(write=InstarSerializer(folder, subject="parcels", given="v3", version="v1"), topic="parcels")
    value, headers = schema.dumps_value(None, body(7, 3), headers={"trace": b"1"})
    assert json.loads(value) == body(7, 1)
    assert headers == [("trace", b"1"), (VERSION_HEADER, b"v1")]


APP = """
import faust
from order_models.orders_v3 import Order

from instar.client import InstarDeserializer, InstarSerializer
from instar.client.faust_codec import InstarSchema

app = faust.App(
    "{group}", broker="kafka://{bootstrap}", datadir="{folder}/data", topic_disable_leader=True, web_enabled=False,
    consumer_auto_offset_reset="earliest", topic_partitions=1, topic_replication_factor=1,
)
schema = InstarSchema(
    read=InstarDeserializer("{folder}", to=Order),
    write=InstarSerializer("{folder}", model=Order, version="v1"),
    topic="{target}",
)
orders = app.topic("{source}", schema=schema)
seen = app.topic("{target}", schema=schema)


@app.agent(orders)
async def carry(stream):
    async for key, order in stream.items():
        assert isinstance(order, Order), order
        await seen.send(key=key, value=order)


app.main()
"""


@pytest.mark.kafka
def test_a_real_application_reads_three_versions_as_models_and_writes_the_oldest(
    kafka: Any, new_topic: Callable[..., str], topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    orders_project(tmp_path)
    write_models(tmp_path, "order_models")
    source, target = new_topic("orders", partitions=2), new_topic("seen", partitions=2)
    writers = {
        version: InstarSerializer(tmp_path, subject="orders", given="v1", version=f"v{version}") for version in VERSIONS
    }
    producer = Producer(kafka.client_config())
    expected = {}
    for number, (version, each) in enumerate(mixed(60)):
        producer.produce(source, writers[version](each), f"A-{number}")
        expected[f"A-{number}".encode()] = writers[1](each)
    assert producer.flush(TIMEOUT_S) == 0
    script = tmp_path / "app.py"
    script.write_text(
        APP.format(group=topic_name("faust"), bootstrap=kafka.bootstrap, folder=tmp_path, source=source, target=target)
    )
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, str(script), "worker", "-l", "warn"], cwd=tmp_path, stdout=log, stderr=log,
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY / 'services'}"},
        )  # fmt: skip
    try:
        found = consumed(kafka.client_config(), target, len(expected), worker)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(TIMEOUT_S)
    assert found == expected, (tmp_path / "log").read_text()[-2000:]


def consumed(
    client: dict[str, Any], topic: str, count: int, worker: subprocess.Popen[bytes]
) -> dict[bytes | None, bytes | None]:
    """The values by key, as soon as there are so many, or when the worker has ended or a time is over."""
    consumer = Consumer({**client, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: dict[bytes | None, bytes | None] = {}
    until_s = time.monotonic() + TIMEOUT_S
    while len(found) < count and worker.poll() is None and time.monotonic() < until_s:
        found |= {each.key(): each.value() for each in consumer.consume(100, 1) if each.error() is None}
    consumer.close()
    return found
