"""``pause``, ``resume``, ``rate``, ``status`` and ``watch`` act on workers that run elsewhere, on a real Kafka."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.command import instar
from tests.support.command_process import CommandProcess
from tests.support.projects import Shop, event, produce, write_shop
from tests.support.workers import caught_up, committed_offsets, counts_of, members, until, verified

from realkafka.pytest_plugin import Kafka

SHORT_SESSION = {"session.timeout.ms": 4_000, "heartbeat.interval.ms": 500}
RATE_PER_S = 300
EVENTS = 6_000


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    made = write_shop(tmp_path, topic_name("steered"), {**kafka.client_config(), **SHORT_SESSION})
    produce(made.kafka, made.old, (event(number, 3, number % 2) for number in range(EVENTS)))
    return made


@pytest.fixture
def running(shop: Shop) -> Iterator[Callable[..., CommandProcess]]:
    started: list[CommandProcess] = []

    def start(*arguments: str) -> CommandProcess:
        process = CommandProcess(shop, (arguments[0], shop.migration, "--create", *arguments[1:]))
        started.append(process)
        until("it has begun", lambda: sum(committed_offsets(shop).values()) or not process.running)
        assert process.running, process.stderr
        return process

    yield start
    for process in started:
        process.kill()


def ask(shop: Shop, verb: str, *arguments: str, code: int = 0) -> str:
    ran = instar(verb, shop.migration, *arguments, at=shop.root)
    assert ran.code == code, ran.err
    return ran.err


def look(shop: Shop, over_s: float = 2.0) -> dict[str, Any]:
    ran = instar("status", shop.migration, "--over", str(over_s), "-o", "json", at=shop.root)
    assert ran.code == 0, ran.err
    found: dict[str, Any] = ran.json[0]
    return found


def read(shop: Shop) -> int:
    return counts_of(shop).read


# ------------------------------------------------------------------ pause and resume


def test_a_pause_reaches_a_worker_anywhere_and_ends_with_resume(
    shop: Shop, running: Callable[..., CommandProcess]
) -> None:
    # The rate comes first: on a quiet machine all would be carried before it arrived.
    assert f"{RATE_PER_S} records/s" in ask(shop, "rate", f"{RATE_PER_S}/s")
    worker = running("worker", "--workers", "2")
    until("both workers have a partition", lambda: sorted(members(shop).values()) == [1, 1])
    assert "is paused" in ask(shop, "pause", "--why", "the disk is full")
    stopped_at = read(shop)
    assert stopped_at < EVENTS
    status = look(shop)
    assert status["state"] == "paused"
    assert "the disk is full" in status["paused"]
    assert status["records_per_s"] == 0
    assert all(row["throttle"].startswith("paused by") for row in status["partitions"])
    time.sleep(SHORT_SESSION["session.timeout.ms"] / 1000)  # held workers stay members for longer than their session
    assert sorted(members(shop).values()) == [1, 1]
    assert read(shop) == stopped_at
    assert "goes on" in ask(shop, "resume")
    ask(shop, "rate", "unlimited")
    until("all is carried", lambda: caught_up(shop))
    assert worker.terminate().code == 143
    assert verified(shop).read == EVENTS


def test_a_worker_that_is_started_while_paused_waits_too(shop: Shop, running: Callable[..., CommandProcess]) -> None:
    assert "no worker runs now" in ask(shop, "pause")
    process = CommandProcess(shop, ("backfill", shop.migration, "--create"))
    try:
        until("it has said that it is paused", lambda: look(shop, 0)["partitions"][0]["throttle"])
        assert read(shop) == 0
        ask(shop, "resume")
        assert process.ended().code == 0, process.stderr
    finally:
        process.kill()
    assert read(shop) == EVENTS


def test_resume_of_what_is_not_paused_does_nothing(shop: Shop) -> None:
    assert "was not paused" in ask(shop, "resume")


def test_resume_takes_back_a_pause_of_the_way_back_that_nobody_named(shop: Shop) -> None:
    """Limits pause both bridges after a switch, and the settings may say that only old producers write."""
    shop.cluster.create(shop.new, shop.partitions, {})
    ask(shop, "pause", "--direction", "both")
    assert "up goes on" in (said := ask(shop, "resume"))
    assert "down goes on" in said
    assert "was not paused" in ask(shop, "resume", "--direction", "down")


# ------------------------------------------------------------------ rate


def test_a_rate_is_held_over_all_workers_and_changes_while_they_run(
    shop: Shop, running: Callable[..., CommandProcess]
) -> None:
    process = running("backfill", "--rate", f"{RATE_PER_S}/s", "--workers", "2")
    until("both workers have a partition", lambda: sorted(members(shop).values()) == [1, 1])
    measured = speed_over(shop, 5.0)
    assert measured == pytest.approx(RATE_PER_S, rel=0.08)
    assert look(shop)["throttle"] == [f"limited to {RATE_PER_S} records/s"]
    ask(shop, "rate", "600/s")
    time.sleep(1.0)
    assert speed_over(shop, 4.0) == pytest.approx(600, rel=0.1)
    assert process.terminate().code == 143


@pytest.mark.slow
def test_five_thousand_a_second_are_held_within_5_percent_over_30_seconds(
    shop: Shop, running: Callable[..., CommandProcess]
) -> None:
    produce(shop.kafka, shop.old, (event(number, 3, number % 2) for number in range(EVENTS, 220_000)))
    running("backfill", "--rate", "5000/s", "--workers", "2")
    until("both workers have a partition", lambda: sorted(members(shop).values()) == [1, 1])
    time.sleep(2.0)
    assert speed_over(shop, 30.0) == pytest.approx(5000, rel=0.05)


@pytest.mark.slow
def test_bytes_can_be_limited_too(shop: Shop, running: Callable[..., CommandProcess]) -> None:
    process = running("backfill", "--rate", "40KB/s")
    status = look(shop, 5.0)
    assert status["bytes_per_s"] == pytest.approx(40_000, rel=0.15)
    assert process.terminate().code == 143


def speed_over(shop: Shop, seconds: float) -> float:
    """Records a second, between two commits: whole transactions, by the clock of the worker that wrote them."""
    return float(sum(row["records_per_s"] for row in look(shop, seconds)["partitions"]))


# ------------------------------------------------------------------ yielding


def test_a_backfill_yields_while_a_watched_group_lags(
    shop: Shop, running: Callable[..., CommandProcess], topic_name: Callable[[str], str]
) -> None:
    group = topic_name("billing")
    running("backfill", "--rate", f"{RATE_PER_S}/s", "--watch-group", group, "--max-lag", "200")
    # A group that reads the target and stands still: it lags as the backfill goes on.
    shop.cluster.commit(group, shop.new, {0: (0, ""), 1: (0, "")})
    until("it is held", lambda: f"group {group} lags" in " ".join(look(shop, 0)["throttle"]))
    stopped_at = read(shop)
    status = look(shop)
    assert status["state"] == "held"
    assert status["estimated_s"] is None
    assert read(shop) == stopped_at
    ends = shop.cluster.end_offsets(shop.new, range(2))
    shop.cluster.commit(group, shop.new, {number: (end, "") for number, end in ends.items()})
    until("it goes on", lambda: read(shop) > stopped_at)


def test_a_backfill_yields_when_transactions_take_long_to_write(
    shop: Shop, running: Callable[..., CommandProcess]
) -> None:
    running("backfill", "--max-latency", "0.01ms")  # no transaction is that quick
    until("it is held", lambda: any("took" in reason for reason in look(shop, 0)["throttle"]))
    assert read(shop) < EVENTS


# ------------------------------------------------------------------ status and watch


@pytest.mark.slow
def test_status_tells_an_uneven_topic_from_an_even_one(shop: Shop, running: Callable[..., CommandProcess]) -> None:
    produce(shop.kafka, shop.old, (event(number, 3, 0) for number in range(EVENTS, EVENTS + 5_000)))
    running("backfill", "--rate", f"{RATE_PER_S}/s", "--workers", "2")
    until("both workers have a partition", lambda: sorted(members(shop).values()) == [1, 1])
    status = look(shop, 3.0)
    lags = [row["lag_records"] for row in status["partitions"]]
    assert status["state"] == "running"
    assert status["workers"] == 2
    # Partition 0 has more to do and no more of the rate: it decides when all is done.
    assert status["estimated_s"] == pytest.approx(lags[0] / (RATE_PER_S / 2), rel=0.3)
    assert status["estimated_s"] > 1.1 * sum(lags) / RATE_PER_S
    table = instar("status", shop.migration, "--over", "0", at=shop.root).out
    assert f"limited to {RATE_PER_S} records/s" in table
    assert "partition" in table


def test_watch_writes_a_line_for_each_look_where_there_is_no_terminal(
    shop: Shop, running: Callable[..., CommandProcess]
) -> None:
    running("worker")
    watch = CommandProcess(shop, ("watch", shop.migration, "--every", "0.3", "--until-done"))
    try:
        ended = watch.ended()
        assert ended.code == 0, ended.stderr
        looks = [json.loads(line) for line in ended.stdout.splitlines()]
        assert looks[-1]["lag_records"] == 0
        assert looks[-1]["read"] == EVENTS
    finally:
        watch.kill()


def test_watch_ends_when_it_is_told_to(shop: Shop) -> None:
    watch = CommandProcess(shop, ("watch", shop.migration, "--every", "0.3"))
    try:
        until("it has looked", lambda: watch.running and (shop.root / "command-1.stdout").stat().st_size)
        watch.signal(signal.SIGTERM)
        ended = watch.ended()
        assert ended.code == 143
        assert json.loads(ended.stdout.splitlines()[0])["state"] == "not started"
    finally:
        watch.kill()


def test_a_rate_that_is_none_is_a_usage_error(shop: Shop) -> None:
    assert "is not a rate" in ask(shop, "rate", "fast", code=2)
