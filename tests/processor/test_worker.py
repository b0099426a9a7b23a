"""A worker on a real Kafka when nothing goes wrong."""

import signal
from collections.abc import Callable
from pathlib import Path

from tests.support.projects import QUICK_SESSION, parcels, produce, write_shop
from tests.support.workers import committed_offsets, run_until_now, verified, worker

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


def test_what_is_written_after_the_start_is_left_for_the_next_run(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]
) -> None:
    shop = write_shop(tmp_path, topic_name("bound"), {**kafka.client_config(), **QUICK_SESSION})
    count = produce(shop.kafka, shop.old, parcels(20, shop.partitions))
    # The bounds are known when it pauses; what is written then is fetched in one batch with what lies before them.
    with worker(shop, "--create", "--until", "now", "-o", "json", failpoint="assigned=pause") as process:
        process.wait_stopped()
        later = produce(shop.kafka, shop.old, parcels(20, shop.partitions, start=count))
        process.signal(signal.SIGCONT)
        ended = process.ended()
    assert ended.code == 0, ended.stderr
    assert sum(committed_offsets(shop).values()) == count
    assert verified(shop).read == count
    row = run_until_now(shop).rows[0]
    assert (row["read"], row["lag_records"]) == (later, 0)
    assert verified(shop).read == count + later
