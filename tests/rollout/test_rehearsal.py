"""A rehearsal on a real Kafka: the whole life of a migration on topics of its own, forward, back and forward again.

Show 3 of the rollout: Avro under registry ids, with losses that are carried; tests/cli/test_rehearse.py has JSON.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support.command_process import CommandProcess
from tests.support.projects import (
    QUICK_SESSION,
    Shop,
    order_events,
    produce,
    write_orders,
)
from tests.support.workers import run_until_now

from instar.cli.rehearsal.scratch import PREFIX
from instar.kafka.cluster import Cluster
from realkafka.pytest_plugin import Kafka


def client(kafka: Kafka) -> Mapping[str, Any]:
    return {**kafka.client_config(), **QUICK_SESSION}


def orders_shop(root: Path, name: str, kafka: Kafka) -> Shop:
    shop = write_orders(root, name, client(kafka), partitions=2)
    run_until_now(shop)  # gives the versions their ids
    produce(shop.kafka, shop.old, (event for new, event in order_events(shop, 400) if not new))
    return shop


@pytest.mark.timeout(900)
def test_orders_go_forward_back_and_forward_on_topics_of_its_own(
    kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    shop = orders_shop(tmp_path, topic_name("rehearsed"), kafka)
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
