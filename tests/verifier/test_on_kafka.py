"""``instar verify`` as a person runs it, on a real Kafka, with faults written into the topics."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.support.command import instar
from tests.support.projects import QUICK_SESSION, Shop, event, parcels, produce, rewrite_settings, write_shop
from tests.support.workers import SERVICES, records_of, run_until_now, until, worker

from instar.core.record import Record
from realkafka.pytest_plugin import Kafka

COUNT = 400


@pytest.fixture(scope="module")
def carried(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A migration whose 400 parcels are carried: tests that only read share it."""
    name = f"verify-{os.urandom(4).hex()}"
    shop = write_shop(tmp_path_factory.mktemp("carried"), name, {**kafka.client_config(), **QUICK_SESSION})
    produce(shop.kafka, shop.old, parcels(COUNT, shop.partitions))
    run_until_now(shop)
    return shop


def command(shop: Shop, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "instar", "verify", shop.migration, "--project", str(shop.root), *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(SERVICES), os.environ.get("PYTHONPATH", "")])}


def verify(shop: Shop, *arguments: str, expect: int = 0, stdin: str = "") -> dict[str, Any]:
    """Run it to its end and give the report of its last direction, or what it said instead of one."""
    ran = instar("verify", shop.migration, "-o", "json", *arguments, at=shop.root, stdin=stdin)
    assert ran.code == expect, f"exit code {ran.code} instead of {expect}; it said:\n{ran.err}"
    if not ran.out:
        return {"stderr": " ".join(ran.err.split())}
    assert ran.json["right"] is (expect == 0)
    report: dict[str, Any] = ran.json["reports"][-1]
    return report


@pytest.mark.parametrize("mode", ["counts", "digest", "full", "sample"])
def test_every_mode_finds_right_what_a_worker_carried(carried: Shop, mode: str) -> None:
    report = verify(carried, "--mode", mode, "--records", "5")
    assert report["right"]
    if mode != "sample":
        assert (report["totals"]["read"], report["totals"]["dead_lettered"]) == (COUNT, 10)
    assert report["coverage"]["partitions_compared"] == carried.partitions


def test_a_report_is_written_as_json_and_as_a_page(carried: Shop, tmp_path: Path) -> None:
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    verify(carried, "--report", str(page), "--report", str(data), "--partitions", "1")
    assert json.loads(data.read_text())["reports"][0]["coverage"]["partitions_compared"] == 1
    assert "<h1" in page.read_text()


def test_a_person_signs_a_sample(carried: Shop) -> None:
    signed = verify(carried, "--mode", "sample", "--records", "3", "--sign", "ada", stdin="y\n")
    assert (signed["signature"]["name"], signed["signature"]["confirmed"]) == ("ada", True)
    verify(carried, "--mode", "sample", "--records", "3", "--sign", "ada", stdin="n\n", expect=3)
    assert "answer" in verify(carried, "--mode", "sample", "--sign", "ada", expect=2)["stderr"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mode", "counts", "--resume"), "--mode full"),
        (("--sign", "ada"), "--mode sample"),
        (("--report", "report.pdf"), "report.html"),
        (("--partitions", "3-1"), "3-1"),
        (("--follow", "--direction", "both"), "one direction"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error_that_says_so(
    carried: Shop, arguments: tuple[str, ...], said: str
) -> None:
    assert said in verify(carried, *arguments, expect=2)["stderr"]


def test_a_partition_that_is_not_there_is_refused(carried: Shop) -> None:
    assert "no partition 7" in verify(carried, "--partitions", "0,7", expect=4)["stderr"]


# ---------------------------------------------------------------------- faults on a real topic


def write(shop: Shop, topic: str, *records: Record) -> None:
    """Append records as they are, as somebody who may write the topic."""
    producer = Producer({**shop.kafka, "log_level": 3})
    for one in records:
        producer.produce(
            topic, one.value, one.key, one.partition, headers=list(one.headers), timestamp=one.timestamp_ms
        )
    assert producer.flush(30) == 0


@pytest.fixture
def small(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    shop = write_shop(tmp_path, topic_name("verify"), {**kafka.client_config(), **QUICK_SESSION})
    produce(shop.kafka, shop.old, parcels(40, shop.partitions))
    run_until_now(shop)
    return shop


def test_a_record_that_somebody_writes_is_rogue_while_only_old_producers_may_write(small: Shop) -> None:
    copy = records_of(small, small.new)[3]
    mine = event(1_000, 3, 0)
    write(small, small.new, Record("", 0, 0, mine.key, mine.value, mine.headers, mine.timestamp_ms))
    report = verify(small, expect=3)
    assert (report["totals"]["rogue"], report["readings"]) == (1, 2)
    assert verify(small, "--mode", "counts", expect=3)["totals"]["rogue"] == 1
    # Where both may write, it is native, and must come into the old topic through the reverse bridge.
    rewrite_settings(small, producers='"both"')
    assert verify(small, "--direction", "up")["totals"]["native"] == 1
    assert "no checkpoint" in verify(small, "--direction", "down", expect=4)["stderr"]
    run_until_now(small, "--direction", "both")
    down = verify(small, "--direction", "both")
    assert (down["direction"], down["totals"]["published"]) == ("down", 1)
    assert down["totals"]["echoed"] == 39
    # A copy with the bridge's own headers is there twice.
    write(small, small.new, copy)
    assert verify(small, "--direction", "up", expect=3)["totals"]["duplicated"] == 1


def test_a_partition_that_was_cut_short_is_found(small: Shop) -> None:
    whole = verify(small, "--mode", "digest")
    admin = AdminClient(dict(small.admin_kafka))
    for future in admin.delete_records([TopicPartition(small.new, 0, 5)]).values():
        future.result()
    lost = whole["totals"]["outputs"] - len(records_of(small, small.new))
    assert lost > 0
    for mode in ("counts", "digest", "full"):
        assert verify(small, "--mode", mode, expect=3)["totals"]["lost"] == lost


def test_digests_are_refused_on_a_compacted_topic(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]
) -> None:
    client = {**kafka.client_config(), **QUICK_SESSION}
    shop = write_shop(tmp_path, topic_name("compact"), client, topics={"old": {"cleanup.policy": "compact"}})
    produce(shop.kafka, shop.old, [event(number, 1, number % 2) for number in range(20)])
    run_until_now(shop)
    assert "compacted" in verify(shop, "--mode", "digest", expect=4)["stderr"]
    assert verify(shop)["right"]


# ---------------------------------------------------------------------- over time


@contextmanager
def following(shop: Shop, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(shop, "--follow", *arguments),
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str], what: str) -> str:
    """Wait for a line that has the text in it."""
    assert process.stderr is not None
    for line in process.stderr:
        if what in line:
            return line
    raise AssertionError(f"it ended without saying {what!r}")


def test_following_compares_behind_the_live_bridge_until_it_is_stopped(small: Shop) -> None:
    with worker(small) as bridge, following(small) as process:
        told(process, "40 records compared")
        produce(small.kafka, small.old, parcels(60, small.partitions, start=40))
        told(process, "100 records compared, 0 not right")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        until("the worker runs", lambda: bridge.running)
        bridge.terminate()
    report = verify(small, "--resume")
    assert report["totals"]["read"] == 100
    assert all(one["settled_below"] for one in report["partitions"])


def test_a_fault_behind_a_live_bridge_is_told_and_decides_the_exit_code(small: Shop) -> None:
    with following(small) as process:
        told(process, "40 records compared, 0 not right")
        write(small, small.new, Record("", 1, 0, b"k", b"{}", (), 1_750_000_000_000))
        told(process, "1 not right")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 3


def test_a_saved_position_of_another_plan_is_refused(small: Shop) -> None:
    verify(small)
    rewrite_settings(small, headers='{ deny = ["empty"] }')
    assert "fingerprint changed" in verify(small, "--resume", expect=4)["stderr"]
    # Under the new plan the header should not have been copied.
    report = verify(small, expect=3)
    assert {one["kind"] for one in report["differences"]} == {"headers"}
