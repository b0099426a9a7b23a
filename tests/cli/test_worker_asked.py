"""Workers do what the rollout asks of their direction: they wait for their time, and end when it is over."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.command import instar
from tests.support.projects import QUICK_SESSION, Shop, parcels, produce, write_shop
from tests.support.workers import caught_up, committed_offsets, members, run_until_now, run_worker, until, worker

from instar.core.control import TOPIC
from instar.core.rollout.control_messages import BridgeMessage, key_of, value_of
from instar.kafka.entries import write_entries
from realkafka.pytest_plugin import Kafka


@pytest.fixture
def shop(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> Shop:
    return write_shop(tmp_path, topic_name("asked"), {**kafka.client_config(), **QUICK_SESSION})


def ask(shop: Shop, message: BridgeMessage) -> None:
    write_entries(shop.cluster, TOPIC, {key_of(shop.migration, message): value_of(message)})


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_worker_that_is_asked_to_stop_ends_well_with_its_checkpoint_saved(shop: Shop, workers: str) -> None:
    produce(shop.kafka, shop.old, parcels(200, shop.partitions))
    with worker(shop, "--create", "--workers", workers) as running:
        until("all is carried", lambda: caught_up(shop))
        ask(shop, BridgeMessage("up", "stop", 1, 1))
        ended = running.ended()
    assert ended.code == 0
    assert "asked the up bridge to stop" in ended.stdout + ended.stderr
    assert caught_up(shop)
    ended = run_worker(shop)  # while that stands, nobody begins
    assert "asked the up bridge to stop" in ended.stderr


def test_the_other_direction_goes_on(shop: Shop) -> None:
    with worker(shop, "--create", "--direction", "both") as running:
        until("both run", lambda: members(shop, "up") and members(shop, "down"))
        ask(shop, BridgeMessage("up", "stop", 1, 1))
        until("the up bridge has ended", lambda: not members(shop, "up"))
        assert running.running
        assert members(shop, "down")


def test_a_worker_waits_for_its_start_checkpoint_and_for_being_asked(shop: Shop) -> None:
    with worker(shop, "--direction", "down", "--when-asked") as waiting:
        until("it waits", lambda: "waiting until the rollout" in waiting.stderr)
        produce(shop.kafka, shop.old, parcels(40, shop.partitions))
        run_until_now(shop)
        ends = shop.cluster.end_offsets(shop.new, range(shop.partitions))
        ask(shop, BridgeMessage("down", "run", 1, 1))
        assert not members(shop, "down")
        assert waiting.running
        shop.cluster.commit(shop.group("down"), shop.new, {partition: (end, "") for partition, end in ends.items()})
        produce(shop.kafka, shop.new, parcels(40, shop.partitions, start=40, versions=(3,)))
        until("it carries back", lambda: caught_up(shop, "down"))
        assert all(committed_offsets(shop, "down")[partition] > end for partition, end in ends.items())
        assert waiting.terminate().code == 143


def test_only_one_direction_can_be_waited_for(shop: Shop) -> None:
    ran = instar("worker", shop.migration, "--direction", "both", "--when-asked", at=shop.root)
    assert (ran.code, "--direction" in ran.err) == (2, True)


def test_a_worker_that_waits_ends_on_a_signal(shop: Shop) -> None:
    with worker(shop, "--direction", "down", "--when-asked") as waiting:
        until("it waits", lambda: "waiting until the rollout" in waiting.stderr)
        assert waiting.terminate().code == 143
