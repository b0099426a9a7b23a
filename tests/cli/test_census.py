"""``instar census scan`` and ``show`` on a real Kafka."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer
from tests.support.command import instar
from tests.support.projects import VERSION_HEADER, Event, Shop, event, produce, write_shop

from instar.census.topics import CensusTopics
from instar.core.census_message import CensusMessage
from instar.core.census_result import Client, Mix, counted, started
from realkafka.pytest_plugin import Kafka


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    return write_shop(tmp_path, topic_name("census"), kafka.client_config())


def written(shop: Shop, count: int) -> list[Event]:
    """Old versions first, as in a topic that has lived: v1 in the first tenth, then v2, at last v3."""
    events = [
        event(number, 1 if number < count // 10 else 2 if number < count // 2 else 3, number % 2)
        for number in range(count)
    ]
    events[-1] = event(count, 3, 1, headers=((VERSION_HEADER, b"v9"),))
    events[-2] = event(count, 3, 0, value=None)
    produce(shop.kafka, shop.old, events)
    return events


@pytest.mark.kafka
def test_a_scan_that_looks_at_everything_tells_exactly(shop: Shop) -> None:
    events = written(shop, 200)

    ran = instar("census", "scan", shop.old, "-o", "json", at=shop.root)

    assert ran.code == 0, ran.err
    assert (ran.json["records"], ran.json["whole"], ran.json["unseen_share"]) == (200, True, 0)
    found = {each["version"]: each["records"] for each in ran.json["versions"]}
    assert found == {"v1": 20, "v2": 80, "v3": 98}
    assert ran.json["tombstones"] == 1
    (unknown,) = ran.json["rejected"]
    assert (unknown["code"], unknown["records"]) == ("unknown-version", 1)
    first = ran.json["versions"][1]["first"]
    assert first == {"partition": 0, "offset": 10, "at_ms": events[20].timestamp_ms}


@pytest.mark.kafka
def test_a_sample_is_spread_over_the_topic_and_says_what_it_may_have_missed(shop: Shop) -> None:
    written(shop, 4000)

    ran = instar("census", "scan", shop.old, "--records", "400", "-o", "json", at=shop.root)
    table = instar("census", "scan", shop.old, "--records", "400", at=shop.root)

    assert ran.json["whole"] is False
    assert 300 <= ran.json["records"] <= 400
    assert 0 < ran.json["unseen_share"] <= 0.011
    shares = {each["version"]: each["share"] for each in ran.json["versions"]}
    for version, share in (("v1", 0.1), ("v2", 0.4), ("v3", 0.5)):
        assert abs(shares[version] - share) < 0.05
    assert "a version that is not here" in table.err
    assert "parcels  v1" in table.out


@pytest.mark.kafka
def test_a_topic_that_nothing_describes_says_how_to_ask(shop: Shop) -> None:
    shop.cluster.create(f"{shop.old}.unknown", 1, {})

    ran = instar("census", "scan", f"{shop.old}.unknown", at=shop.root)

    assert ran.code == 2
    assert "--framing" in ran.err


@pytest.mark.kafka
def test_results_are_shown_by_client_and_by_mix(shop: Shop) -> None:
    topics = CensusTopics(f"{shop.migration}.census")
    with (shop.root / "instar.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[census]\ntopic = "{topics.summaries}"\n')
    topics.ready(shop.cluster, create=True, partitions=2)
    now_ms = 1_900_000_000_000
    reads = CensusMessage("reads", "orders", "parcels", {"v1": 5}, now_ms, now_ms, client="billing", owner="team b")
    mix = CensusMessage("mix", "orders", "parcels", {"v1": 1, "v2": 3}, now_ms, now_ms, partition=0, client="shop")
    other = CensusMessage("mix", "orders", "refunds", {"v1": 1}, now_ms, now_ms, partition=0)
    producer = Producer(shop.kafka)
    for shard, message in enumerate((reads, mix, other, mix)):
        result = counted(started(message, shard % 2), message, shard)
        assert isinstance(result, Client | Mix)
        producer.produce(topics.results, result.encode(), result.key, partition=shard % 2)
    assert producer.flush(60) == 0

    ran = instar("census", "show", "parcels", "-o", "json", at=shop.root)
    table = instar("census", "show", at=shop.root)

    (client,) = ran.json["clients"]
    assert (client["client"], client["owner"], client["last_seen_ms"]) == ("billing", "team b", now_ms)
    assert client["versions"] == {"v1": {"records": 5, "last_seen_ms": now_ms}}
    (shown,) = ran.json["mix"]
    assert (shown["topic"], shown["producer"], shown["versions"]) == ("orders", "shop", {"v1": 1, "v2": 3})
    assert ("billing" in table.out, "75.0%" in table.out, "refunds" in table.out) == (True, True, True)


@pytest.mark.kafka
def test_no_census_yet_is_an_answer_with_a_remedy(shop: Shop) -> None:
    with (shop.root / "instar.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[census]\ntopic = "{shop.migration}.none"\n')

    ran = instar("census", "show", at=shop.root)

    assert ran.code == 1
    assert f"{shop.migration}.none" in ran.err
    assert "instar census run --create" in ran.err


def test_a_wrong_duration_is_named(tmp_path: Path) -> None:
    (tmp_path / "instar.toml").write_text(
        'format = 1\n[environments.local]\nkafka = { "bootstrap.servers" = "127.0.0.1:1" }\n'
    )

    ran = instar("census", "show", "--since", "soon", at=tmp_path)

    assert ran.code == 2
    assert "30m, 24h or 7d" in ran.err
