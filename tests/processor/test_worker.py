"""A worker on a real Kafka when nothing goes wrong."""

from collections.abc import Callable
from pathlib import Path

from tests.support.projects import QUICK_SESSION, parcels, produce, write_shop
from tests.support.workers import run_until_now, verified

from realkafka.pytest_plugin import Kafka


def test_everything_that_is_there_is_carried_once(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]
) -> None:
    shop = write_shop(tmp_path, topic_name("plain"), {**kafka.client_config(), **QUICK_SESSION})
    count = produce(shop.kafka, shop.old, parcels(400, shop.partitions))
    row = run_until_now(shop).rows[0]
    assert (row["read"], row["lag_records"]) == (count, 0)
    result = verified(shop)
    assert (result.read, result.dead_lettered) == (400, 10)
    again = run_until_now(shop).rows[0]
    assert (again["read"], again["outputs"]) == (0, 0)
    assert verified(shop) == result
