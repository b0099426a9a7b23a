"""What the census says against a retirement."""

import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Producer
from tests.census.counting import publish
from tests.support.command import instar
from tests.support.projects import write_shop

from instar.core.census_message import CensusMessage
from realkafka.pytest_plugin import Kafka


def test_a_program_that_told_of_itself_stands_against_retirement(
    kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    shop = write_shop(tmp_path, topic_name("retiring"), kafka.client_config())
    topic = f"{shop.migration}.census"
    with (shop.root / "instar.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[census]\ntopic = "{topic}"\nforget_after = "1d"\n')

    def reasons(version: str) -> list[str]:
        ran = instar("can-retire", "parcels", version, "-o", "json", at=shop.root)
        assert ran.code == 3, ran.err
        return [each["reason"] for each in ran.json[0]["reasons"] if each["source"] == "clients"]

    assert reasons("v1") == []  # there is no census: nobody can have told
    shop.cluster.create(topic, 2, {})
    now_ms = time.time_ns() // 1_000_000
    old = now_ms - 2 * 86_400_000
    publish(
        Producer(shop.kafka),
        topic,
        [
            CensusMessage("reads", "any", "parcels", {"v1": 3}, now_ms, now_ms, client="billing", owner="team b"),
            CensusMessage("writes", "any", "parcels", {"v1": 3}, old, old, client="forgotten"),
            CensusMessage("writes", "any", "letters", {"v1": 3}, now_ms, now_ms, client="of another subject"),
        ],
    )
    assert [text.split(",")[0] for text in reasons("v1")] == ["billing reads it"]
    assert reasons("v2") == []
