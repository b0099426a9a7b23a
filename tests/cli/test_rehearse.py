"""``instar rehearse`` on a real Kafka: the whole life, there and back and there again, on topics of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from tests.support.projects import QUICK_SESSION, Shop, parcels, produce, write_shop
from tests.support.rolled_out import move, run

from instar.cli.exits import REFUSED
from realkafka.pytest_plugin import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

RECORDS = 200


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    """Where nothing is applied that was not rehearsed within a day."""
    shop = write_shop(tmp_path, topic_name("rehearsed"), {**kafka.client_config(), **QUICK_SESSION})
    settings = shop.root / "instar.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("registry =", 'require_rehearsal = "1d"\nregistry =', 1), encoding="utf-8")
    produce(shop.kafka, shop.old, parcels(RECORDS + 100, shop.partitions))
    return shop


def test_there_back_and_there_again_with_everybody_reading_and_then_the_plan_may_be_applied(shop: Shop) -> None:
    refused = move(shop, "apply", expect=REFUSED)
    assert refused["code"] == "gate-closed"
    assert "never rehearsed" in refused["evidence"][0]
    before = shop.cluster.end_offsets(shop.old, range(shop.partitions))

    # A rate that a bridge on a busy machine keeps up with: what is rehearsed is the order of things.
    told = run(shop, "rehearse", "--records", str(RECORDS), "--rate", "20", "-o", "json").json

    assert [part["part"] for part in told["parts"]] == [
        "sample", "apply", "replay", "verify", "switch", "rollback", "switch again", "drain", "verify both ways"
    ]  # fmt: skip
    parts = {part["part"]: part for part in told["parts"]}
    assert parts["verify"]["right"]
    assert parts["verify"]["read"] == RECORDS
    assert all(parts["verify both ways"][direction]["right"] for direction in ("up", "down"))
    for name in ("switch", "rollback", "switch again"):
        assert any("write epoch" in step for step in parts[name]["steps"]), name
    assert told["there_and_back"]
    assert told["load_records"] > 0
    assert [(one["read"], one["lost"], one["doubled"]) for one in told["readers"]] == [(told["load_records"], 0, 0)] * 2

    assert shop.cluster.find(shop.new) is None
    assert shop.cluster.end_offsets(shop.old, range(shop.partitions)) == before
    own = told["readers"][0]["group"].rpartition("-")[0]
    assert not [name for name in AdminClient(dict(shop.kafka)).list_topics(timeout=60).topics if name.startswith(own)]
    assert [name for name in shop.cluster.groups() if own in name] == []

    run(shop, "apply")
    hop = shop.root / "upcasters/parcels/v2_to_v3.py"
    hop.write_text(hop.read_text(encoding="utf-8").replace('"WEB"', '"SHOP"'), encoding="utf-8")
    assert "never rehearsed" in run(shop, "apply", expect=REFUSED).err
