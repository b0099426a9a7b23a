"""Every failpoint, with kill and with raise, on a real Kafka: whatever happens there, nothing is lost or doubled.

The kills follow one another on the same topics, each in a worker that goes on where the last one died, and the end is
compared once: a fault at any of them stays visible to the end.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.projects import QUICK_SESSION, Shop, parcels, produce, rewrite_settings, write_shop
from tests.support.workers import (
    WorkerProcess,
    caught_up,
    members,
    run_until_now,
    run_worker,
    until,
    verified,
    worker,
)

from instar.kafka.failpoints import NAMES
from realkafka.pytest_plugin import Kafka

# Passed by any worker that carries records; the rest need a rebalance or an abort.
STRAIGHT = (
    "assigned",
    "polled",
    "transformed",
    "produced",
    "flushed",
    "offsets-sent",
    "before-commit",
    "during-commit",
    "after-commit",
)
REBALANCED = ("revoked", "lost", "abort")
OPEN = {"produced", "flushed", "offsets-sent", "before-commit", "during-commit", "abort"}
EVENTS = 3_000
EACH = 1_200
# A member that stands still is missed within this time.
SHORT_SESSION = {"session.timeout.ms": 2_000, "heartbeat.interval.ms": 300}


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    return write_shop(tmp_path, topic_name("points"), {**kafka.client_config(), **QUICK_SESSION})


@pytest.fixture
def short_shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    return write_shop(tmp_path, topic_name("points"), {**kafka.client_config(), **SHORT_SESSION})


def test_each_failpoint_is_driven_with_kill_and_raise_below() -> None:
    assert set(STRAIGHT) | set(REBALANCED) == set(NAMES)


def test_a_worker_that_is_killed_anywhere_goes_on_exactly(shop: Shop) -> None:
    for turn, name in enumerate(STRAIGHT):
        # Ten batches and more for each, so that no machine is fast enough to have carried all before the failpoint.
        produce(shop.kafka, shop.old, parcels(EACH, shop.partitions, start=turn * EACH))
        # The second time, so that something is committed in between; partitions are assigned once.
        failpoint = f"{name}=kill" if name == "assigned" else f"{name}=kill@2"
        with worker(shop, "--create", failpoint=failpoint) as process:
            assert process.ended().code == -signal.SIGKILL, process.stderr
            assert_hit(process, name, "kill")
    run_until_now(shop)
    assert verified(shop).read == EACH * len(STRAIGHT)


def test_a_worker_whose_calls_have_unknown_outcomes_goes_on_exactly(shop: Shop) -> None:
    produce(shop.kafka, shop.old, parcels(EVENTS, shop.partitions))
    failpoint = ";".join(f"{name}=raise@{1 if name == 'assigned' else 2}" for name in STRAIGHT)
    with worker(shop, "--create", "--until", "now", failpoint=failpoint) as process:
        assert process.ended().code == 0, process.stderr
        for name in STRAIGHT:
            assert_hit(process, name, "raise")
    assert verified(shop).read == EVENTS


@pytest.mark.parametrize("action", ["kill", "raise"])
def test_partitions_that_are_taken_away_are_carried_exactly(short_shop: Shop, action: str) -> None:
    shop = short_shop
    with (
        producing(shop) as produced,
        worker(shop, "--create", "--instance", "a", failpoint=f"revoked={action}") as first,
    ):
        until("the first worker has every partition", lambda: members(shop).get(slot(shop, "a")) == shop.partitions)
        with worker(shop, "--instance", "b") as second:
            if action == "kill":
                assert first.ended().code == -signal.SIGKILL, first.stderr
            else:
                until("the failpoint is hit", lambda: first.hits)
                until(
                    "both workers have a partition",
                    lambda: members(shop) == {slot(shop, "a"): 1, slot(shop, "b"): 1},
                )
            assert_hit(first, "revoked", action)
            count = produced()
            until("all is carried", lambda: caught_up(shop))
            assert second.terminate().code == 143
        if action == "raise":
            assert first.terminate().code == 143
    assert verified(shop).read == count


@pytest.mark.parametrize("action", ["kill", "raise"])
def test_what_was_open_when_partitions_were_lost_is_never_published(short_shop: Shop, action: str) -> None:
    # Batches come in at once and no commit is due, so the loss is learned of while the transaction is open.
    rewrite_settings(short_shop, batch="{ max_records = 100, max_wait_ms = 10_000 }")
    stand_still(short_shop, f"produced=pause;lost={action}", "lost", action)


@pytest.mark.parametrize("action", ["kill", "raise"])
def test_a_commit_after_the_group_went_on_is_aborted(short_shop: Shop, action: str) -> None:
    # A commit is due at once, so its offsets are refused by the group before the loss is learned of.
    stand_still(short_shop, f"produced=pause@2;abort={action}", "abort", action)


def test_a_failpoint_that_does_not_exist_is_a_usage_error(shop: Shop) -> None:
    ended = run_worker(shop, "--create", failpoint="comit=kill", expect=2)
    assert "'comit=kill' is not NAME=ACTION[@HIT]" in ended.stderr


# ------------------------------------------------------------------ helpers


def stand_still(shop: Shop, failpoint: str, name: str, action: str) -> None:
    """A worker pauses until its group misses it, goes on, and meets the failpoint called ``name``."""
    produce(shop.kafka, shop.old, parcels(EVENTS, shop.partitions))
    with worker(shop, "--create", failpoint=failpoint) as process:
        process.wait_stopped()
        until("the group misses its member", lambda: not members(shop))
        process.signal(signal.SIGCONT)
        if action == "kill":
            assert process.ended().code == -signal.SIGKILL, process.stderr
        else:
            until("the failpoint is hit", lambda: len(process.hits) == 2)
            until("all is carried", lambda: caught_up(shop))
            assert process.terminate().code == 143
        assert_hit(process, name, action)
        assert process.hits[-1]["in_transaction"]
    if action == "kill":
        run_until_now(shop)
    assert verified(shop).read == EVENTS


def slot(shop: Shop, instance: str) -> str:
    return f"{shop.group()}.{instance}-0"


def assert_hit(process: WorkerProcess, name: str, action: str) -> None:
    hits = [hit for hit in process.hits if hit["failpoint"] == name]
    assert [hit["action"] for hit in hits] == [action], f"{name} was not hit: {process.hits}"
    if name in OPEN:
        assert hits[0]["in_transaction"], hits


@contextmanager
def producing(shop: Shop) -> Iterator[Callable[[], int]]:
    """Events come in all the time; the callable ends that and says how many there were."""
    stop = threading.Event()
    counts: list[int] = []

    def go_on() -> None:
        number = 0
        while not stop.is_set():
            number += produce(shop.kafka, shop.old, parcels(40, shop.partitions, start=number))
            stop.wait(0.05)
        counts.append(number)

    def end() -> int:
        stop.set()
        thread.join()
        return counts[0]

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield end
    finally:
        stop.set()
        thread.join()
