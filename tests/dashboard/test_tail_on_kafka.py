"""Watching a topic of the real Kafka: only what is committed is told, and no group is left behind."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.dashboard.test_tail import Listener, within
from tests.support.folders import write_files
from tests.support.sales import body
from tests.support.serving import TOKENS, served, token_settings
from tests.support.shop import FILES, sale

from instar.dashboard.site import Site, open_site
from instar.kafka.cluster import Cluster
from instar.project.project import load_project
from realkafka.pytest_plugin import Kafka

START_S = 60


@pytest.fixture
def topic(new_topic: Callable[..., str]) -> str:
    return new_topic("tail", partitions=2)


@pytest.fixture
def shop(kafka: Kafka, topic: str, tmp_path: Path) -> Iterator[Site]:
    settings = (
        FILES["instar.toml"].replace("127.0.0.1:1", kafka.bootstrap).replace('topic = "sales"', f'topic = "{topic}"')
    )
    write_files(tmp_path, {**FILES, "instar.toml": settings})
    path = tmp_path / "instar.toml"
    path.write_text(path.read_text() + token_settings())
    site = open_site(load_project(tmp_path))
    yield site
    site.tails.stop()


class Transactions:
    """A transactional producer of sales."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self.topic = topic
        self.producer = Producer({**kafka.client_config(), "transactional.id": f"{topic}-producer"})
        self.producer.init_transactions(START_S)

    def write(self, numbers: list[int], *, commit: bool) -> None:
        self.begin(numbers)
        self.end(commit=commit)

    def begin(self, numbers: list[int], timestamp_ms: int = 0) -> None:
        self.producer.begin_transaction()
        for number in numbers:
            self.producer.produce(
                self.topic,
                body(sale(number)),
                b"k",
                partition=number % 2,
                timestamp=timestamp_ms or number,
                headers=[("instar-version", b"v1")],
            )
        assert self.producer.flush(START_S) == 0

    def end(self, *, commit: bool) -> None:
        (self.producer.commit_transaction if commit else self.producer.abort_transaction)(START_S)


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return sorted(json.loads(row["value"])["id"] for row in rows)


def test_aborted_records_never_appear_and_open_ones_only_when_they_are_committed(
    shop: Site, kafka: Kafka, topic: str
) -> None:
    writer = Transactions(kafka, topic)
    writer.write([1], commit=True)  # before anybody looked
    cluster = Cluster(kafka.client_config())
    groups = set(cluster.groups())

    async def watch() -> tuple[list[int], str]:
        listener = Listener(shop, topic=topic)
        await listener.next()
        await asyncio.to_thread(writer.write, [2, 3], commit=True)
        await asyncio.to_thread(writer.write, [4, 5, 6, 7], commit=False)
        await asyncio.to_thread(writer.begin, [8, 9])
        first = await listener.rows(2)
        await asyncio.to_thread(writer.end, commit=True)
        second = await listener.rows(2)
        await listener.leave()
        return ids(first) + ids(second), listener.text

    seen, text = within(watch())
    assert seen == [2, 3, 8, 9]
    assert "Ada" not in text
    assert set(cluster.groups()) - groups == set()


def test_records_are_found_by_time_in_all_partitions_and_aborted_ones_are_not(
    shop: Site, kafka: Kafka, topic: str
) -> None:
    writer = Transactions(kafka, topic)
    for number, commit in ((10, True), (11, True), (12, False), (13, True), (14, True)):
        writer.begin([number], timestamp_ms=1_700_000_000_000 + number * 60_000)
        writer.end(commit=commit)
    client = served(shop, token=TOKENS["viewer"])
    path = f"/v1/topics/{topic}/records?at=2023-11-14T22:24:20Z&until=2023-11-14T22:26:20Z"
    answer = client.get(path)
    assert [each["value"]["id"] for each in answer.json()["items"]] == [11, 13]
    assert answer.json()["next"] is None
    page = client.get(f"/records?topic={topic}&at=2023-11-14T22:24:20Z&until=2023-11-14T22:26:20Z").text
    assert "2 partitions hold" in page
    assert page.count('<th scope="row">') == 3  # with the row that new records are made from
