"""A worker on a real Kafka tells the census which versions it has read; its work does not depend on that."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.projects import QUICK_SESSION, VERSION_HEADER, Event, Shop, event, produce, write_shop
from tests.support.workers import run_until_now, run_worker, verified

from instar.core.census_message import CensusMessage, parse
from instar.kafka.scan import scan
from realkafka.pytest_plugin import Kafka

PRODUCERS = ("shop", "app", "")


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    return write_shop(tmp_path, topic_name("telling"), {**kafka.client_config(), **QUICK_SESSION})


def ask_for_census(shop: Shop, **topic_settings: str) -> str:
    """Settings under which workers tell; the topic that they tell in."""
    topic = f"{shop.migration}.census"
    shop.cluster.create(topic, 1, topic_settings)
    with (shop.root / "instar.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[census]\nworkers = true\ntopic = "{topic}"\nproducer_header = "from"\n')
    return topic


def recent(count: int, now_ms: int) -> Iterator[Event]:
    """Parcels of now, one in five of long ago, one in seven a tombstone; by three producers."""
    for number in range(count):
        version, producer = number % 3 + 1, PRODUCERS[number % 4 % 3]
        made = event(number, version, number % 2)
        headers = (*made.headers, ("from", producer.encode())) if producer else made.headers
        at_ms = made.timestamp_ms if number % 5 == 0 else now_ms - number * 100
        yield replace(made, headers=headers, timestamp_ms=at_ms, value=None if number % 7 == 0 else made.value)


def expected(events: list[Event], now_ms: int) -> Counter[tuple[int, str, str]]:
    """By partition, producer and version."""
    found: Counter[tuple[int, str, str]] = Counter()
    for one in events:
        headers = dict(one.headers)
        if one.value is not None and one.timestamp_ms > now_ms - 3_600_000:
            version = (headers[VERSION_HEADER] or b"").decode()
            found[(one.partition, (headers.get("from") or b"").decode(), version)] += 1
    return found


def told(shop: Shop, topic: str) -> list[CensusMessage]:
    ends = shop.cluster.end_offsets(topic, [0])
    messages = [parse(record.value or b"") for record in scan(shop.kafka, topic, {0: 0}, ends)]
    assert all(isinstance(message, CensusMessage) for message in messages)
    return [message for message in messages if isinstance(message, CensusMessage)]


def counted(messages: list[CensusMessage]) -> Counter[tuple[int, str, str]]:
    found: Counter[tuple[int, str, str]] = Counter()
    for message in messages:
        for version, count in message.versions.items():
            found[(message.partition if message.partition is not None else -1, message.client, version)] += count
    return found


def test_it_tells_each_recent_record_once_by_window_partition_producer_and_version(shop: Shop) -> None:
    topic, now_ms = ask_for_census(shop), time.time_ns() // 1_000_000
    events = list(recent(300, now_ms))
    produce(shop.kafka, shop.old, events)

    run_until_now(shop)

    messages = told(shop, topic)
    assert counted(messages) == expected(events, now_ms)
    assert {message.topic for message in messages} == {shop.old}
    assert {message.subject for message in messages} == {"parcels"}
    assert all(message.window_start_ms % 60_000 == 0 for message in messages)
    # The worker's own output is no producer's: the bridge back meets only echoes and tells nothing.
    assert verified(shop).read == 300


def test_what_was_aborted_and_read_again_is_told_once(shop: Shop) -> None:
    topic, now_ms = ask_for_census(shop), time.time_ns() // 1_000_000
    events = list(recent(300, now_ms))
    produce(shop.kafka, shop.old, events)

    run_worker(shop, "--until", "now", "--create", failpoint="produced=raise@2")

    assert counted(told(shop, topic)) == expected(events, now_ms)
    assert verified(shop).read == 300


def test_a_census_that_takes_nothing_does_not_hold_the_work(shop: Shop) -> None:
    topic, now_ms = ask_for_census(shop, **{"max.message.bytes": "1"}), time.time_ns() // 1_000_000
    produce(shop.kafka, shop.old, recent(100, now_ms))

    ended = run_until_now(shop)

    assert ended.rows[0]["read"] == 100
    assert "the census is not told" in ended.stderr
    assert told(shop, topic) == []
    assert verified(shop).read == 100
