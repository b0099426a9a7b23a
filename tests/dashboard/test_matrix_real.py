"""The matrix over a real Kafka: real programs that tell the census, a plain group, a worker that counts, a declaration.

Everything that is shown was done by the program that it is shown of.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Consumer, DeserializingConsumer, SerializingProducer
from tests.support.command import instar
from tests.support.projects import Shop, body, write_shop
from tests.support.rolled_out import run
from tests.support.serving import served
from tests.support.workers import WAIT_S, until

from instar.client import InstarDeserializer, InstarSerializer
from instar.client.census import CensusTopic
from instar.dashboard.site import Site, open_site
from instar.project.project import load_project
from realkafka.pytest_plugin import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

RECORDS = 40
HEADER = "x-service"


@dataclass(frozen=True)
class World:
    shop: Shop
    site: Site

    def items(self, **asked: str) -> list[dict[str, Any]]:
        said = served(self.site).get("/v1/consumers", params=asked).json()
        assert said["unseen"] == []
        items: list[dict[str, Any]] = said["items"]
        return items

    def row(self, **asked: str) -> dict[str, Any]:
        (row,) = self.items(**asked)
        return row


@pytest.fixture(scope="module")
def world(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> World:
    shop = write_shop(tmp_path_factory.mktemp("matrix"), "matrix-parcels", kafka.client_config())
    topic = f"{shop.migration}.census"
    with (shop.root / "instar.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[census]\ntopic = "{topic}"\nworkers = true\nproducer_header = "{HEADER}"\nevery = "1s"\n')
    shop.cluster.create(topic, 2, {})
    census = CensusTopic(shop.kafka, topic)
    write(shop, census)
    read_with_library(shop, census)
    census.close(WAIT_S)
    read_plainly(shop)
    run(shop, "worker", "--until", "now", "--create")
    declared = ("--reads", "parcels:v1", "--owner", "money", "--expires", "2100-01-01")
    assert instar("consumers", "declare", "year-end", *declared, at=shop.root).code == 0
    site = open_site(load_project(shop.root))
    site.watcher.look(thoroughly=True)
    return World(shop, site)


def write(shop: Shop, census: CensusTopic) -> None:
    """Two programs, one of which uses the library, and one that does not say who it is."""
    serialize = InstarSerializer(
        shop.root, subject="parcels", version="v1", on_use=census, client="till", owner="stores"
    )
    producer = SerializingProducer({**shop.kafka, "value.serializer": serialize})
    for number in range(RECORDS):
        headers: list[tuple[str, bytes]] = [(HEADER, b"till")]
        producer.produce(shop.old, key=None, value=body(number, 1), headers=headers)
    plain = SerializingProducer(dict(shop.kafka))
    for number in range(RECORDS):
        plain.produce(shop.old, value=json.dumps(body(number, 2)).encode(), headers=[("instar-version", b"v2")])
    assert producer.flush(WAIT_S) == plain.flush(WAIT_S) == 0
    serialize.close()


def read_with_library(shop: Shop, census: CensusTopic) -> None:
    read = InstarDeserializer(
        shop.root,
        subject="parcels",
        version="v3",
        on_use=census,
        client="billing-1",
        group="billing",
        owner="finance",
    )
    settings = {**shop.kafka, "group.id": "billing", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = DeserializingConsumer({**settings, "value.deserializer": read})
    consumer.subscribe([shop.old])
    consume(consumer, 2 * RECORDS)
    read.close()


def read_plainly(shop: Shop) -> None:
    settings = {**shop.kafka, "group.id": "search", "auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer(settings)
    consumer.subscribe([shop.old])
    consume(consumer, 1)


def consume(consumer: Any, count: int) -> None:
    found: list[Any] = []

    def enough() -> bool:
        message = consumer.poll(0.2)
        if message is not None:
            assert message.error() is None
            found.append(message)
        return len(found) >= count

    until(f"{count} records are read", enough)
    consumer.commit(asynchronous=False)
    consumer.close()


def ways(row: dict[str, Any]) -> dict[str, dict[str, int | None]]:
    return {v: {each["known"]: each["records"] for each in marks} for v, marks in row["versions"].items()}


def test_a_program_with_the_library_is_one_row_with_its_group(world: World) -> None:
    row = world.row(name="billing", subject="parcels")
    assert [told["source"] for told in row["told"]] == ["consumer group", "census"]
    assert ways(row) == {
        "v1": {"seen": RECORDS, "may meet": None},
        "v2": {"seen": RECORDS, "may meet": None},
        "v3": {"said": 2 * RECORDS, "may meet": None},
    }
    assert (row["owners"], row["members"], row["lag_records"]) == (["finance"], 0, 0)
    assert row["stands_against"] == ["v1", "v2"]


def test_a_plain_group_is_known_by_its_offsets_alone(world: World) -> None:
    row = world.row(name="search")
    assert [told["source"] for told in row["told"]] == ["consumer group"]
    assert {way for marks in ways(row).values() for way in marks} == {"may meet"}
    assert row["lag_records"] > 0
    assert row["last_seen_ms"] is not None


def test_a_program_that_writes_is_one_row_with_the_producer_of_its_name(world: World) -> None:
    row = world.row(does="writes", name="till")
    assert [told["source"] for told in row["told"]] == ["census", "version mix"]
    assert ways(row) == {"v1": {"said": RECORDS, "seen": RECORDS}}
    assert (row["owners"], row["stands_against"]) == (["stores"], ["v1"])


def test_producers_that_name_themselves_in_no_header_are_there_without_a_name(world: World) -> None:
    (row,) = [each for each in world.items(does="writes") if not each["name"]]
    assert ways(row) == {"v2": {"seen": RECORDS}}


def test_a_declared_reader_is_there_with_its_owner(world: World) -> None:
    row = world.row(name="year-end")
    assert (row["owners"], row["stands_against"]) == (["money"], ["v1"])


def test_what_stands_in_the_way_is_what_the_verdict_says_with_its_owners(world: World) -> None:
    """The verdict and the matrix are made of the same sources."""
    (verdict,) = served(world.site).get("/v1/verdicts", params={"version": "v1"}).json()["items"]
    told = [each for each in verdict["reasons"] if each["source"] in ("groups", "declared readers", "clients")]
    named = {each["reason"].split(" ")[0]: each["owner"] for each in told}
    assert named == {"billing": "finance", "search": "", "year-end": "money", "till": "stores"}
    rows = world.items(in_the_way="true", version="v1")
    assert {row["name"]: ", ".join(row["owners"]) for row in rows} == named
    assert "waits for <strong>finance, money, stores</strong>" in served(world.site).get("/").text


def test_the_mix_over_time_has_every_record_that_was_carried(world: World) -> None:
    (topic,) = served(world.site).get("/v1/subjects/parcels/mix").json()["topics"]
    assert topic["topic"] == world.shop.old
    counts = [step["records"] for step in topic["steps"]]
    assert sum(each.get("v1", 0) for each in counts) == sum(each.get("v2", 0) for each in counts) == RECORDS
    assert f"Versions in {world.shop.old} from" in served(world.site).get("/subjects/parcels").text


def test_what_comes_later_is_there_at_the_next_look(world: World) -> None:
    census = CensusTopic(world.shop.kafka, f"{world.shop.migration}.census")
    serialize = InstarSerializer(
        world.shop.root, subject="parcels", version="v3", on_use=census, client="webshop", owner="shop"
    )
    producer = SerializingProducer({**world.shop.kafka, "value.serializer": serialize})
    producer.produce(world.shop.new, value=body(1, 3), headers=[])
    assert producer.flush(WAIT_S) == 0
    serialize.close()
    census.close(WAIT_S)
    world.site.watcher.look(thoroughly=True)
    row = world.row(name="webshop")
    assert (row["topic"], ways(row), row["stands_against"]) == (world.shop.new, {"v3": {"said": 1}}, [])
