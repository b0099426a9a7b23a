"""A rehearsal on a real Kafka: the whole life of a migration on topics of its own, forward, back and forward again.

Show 3 of the rollout: the harness takes every migration of the tests through it.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import instar
from tests.support.command_process import CommandProcess
from tests.support.projects import (
    QUICK_SESSION,
    Shop,
    order_events,
    parcels,
    produce,
    write_orders,
    write_shop,
)
from tests.support.workers import run_until_now

from instar.cli.rehearsal.scratch import PREFIX
from instar.kafka.cluster import Cluster
from realkafka.pytest_plugin import Kafka


def client(kafka: Kafka) -> Mapping[str, Any]:
    return {**kafka.client_config(), **QUICK_SESSION}


def parcels_shop(root: Path, name: str, kafka: Kafka) -> Shop:
    shop = write_shop(root, name, client(kafka))
    produce(shop.kafka, shop.old, parcels(400, shop.partitions))
    return shop


def orders_shop(root: Path, name: str, kafka: Kafka) -> Shop:
    shop = write_orders(root, name, client(kafka), partitions=2)
    run_until_now(shop)  # gives the versions their ids
    produce(shop.kafka, shop.old, (event for new, event in order_events(shop, 400) if not new))
    return shop


@pytest.mark.timeout(900)
@pytest.mark.parametrize("made", [parcels_shop, orders_shop], ids=["parcels", "orders"])
def test_a_migration_goes_forward_back_and_forward_on_topics_of_its_own(
    made: Callable[[Path, str, Kafka], Shop], kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    shop = made(tmp_path, topic_name("rehearsed"), kafka)
    before = Cluster(shop.kafka).end_offsets(shop.old, range(shop.partitions))
    process = CommandProcess(shop, ("rehearse", shop.migration, "--records", "400", "--rate", "100", "-o", "json"))
    ended = process.ended(600)
    assert ended.code == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["passed"]
    assert [part["part"] for part in told["parts"]] == [
        "sample", "apply", "replay", "verify", "switch", "rollback", "switch again", "drain", "verify both ways",
    ]  # fmt: skip
    assert told["load_records"] > 100
    for reader in told["readers"]:
        assert (reader["read"], reader["lost"], reader["doubled"]) == (told["load_records"], 0, 0)
    print(f"\n{shop.migration}: {told['load_records']} records there and back, {told['seconds']} s")
    cluster = Cluster(shop.kafka)
    assert cluster.end_offsets(shop.old, range(shop.partitions)) == before, "the real topic is only read"
    assert [topic for topic in cluster.topics() if topic.startswith(f"{PREFIX}-{told['tag']}")] == []


def test_apply_waits_for_a_rehearsal_of_the_same_plan_where_the_environment_wants_one(
    kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    shop = parcels_shop(tmp_path, topic_name("wanted"), kafka)
    settings = tmp_path / "instar.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("registry = {", 'require_rehearsal = "7d"\nregistry = {', 1), encoding="utf-8")
    ran = instar("apply", shop.migration, "--execute", "-o", "json", at=tmp_path)
    assert ran.code == 4
    assert ran.json["code"] == "gate-closed"
    assert any("never rehearsed" in line for line in ran.json["evidence"])
