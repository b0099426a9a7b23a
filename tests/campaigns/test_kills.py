"""Campaigns: workers are killed over and over inside open transactions, and nothing is lost, doubled or reordered.

The long ones are marked slow; the same with smaller numbers is part of the suite. Sizes are set by
``INSTAR_CAMPAIGN_ORDERS``, ``INSTAR_CAMPAIGN_KILLS`` and ``INSTAR_CAMPAIGN_SECONDS``.
"""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.support.projects import QUICK_SESSION, Shop, order_events, produce, write_orders
from tests.support.workers import (
    WorkerProcess,
    both_caught_up,
    caught_up,
    records_of,
    run_until_now,
    until,
    verified,
    worker,
)

from instar.core.record import Record
from realkafka import KafkaServer

SEED = 20
ORDERS = int(os.environ.get("INSTAR_CAMPAIGN_ORDERS", "50000"))
KILLS = int(os.environ.get("INSTAR_CAMPAIGN_KILLS", "30"))
SECONDS = float(os.environ.get("INSTAR_CAMPAIGN_SECONDS", "60"))
# All inside an open transaction. Over thirty kills: 12 between offsets and commit, 6 while it commits.
PLACES = ("produced", "offsets-sent", "flushed", "before-commit", "during-commit")
OwnKafka = Callable[..., KafkaServer]


@dataclass(slots=True)
class Slots:
    """Worker slots that are started again whenever they die, each life with its own failpoint."""

    shop: Shop
    directions: tuple[str, ...]  # one for each slot
    stack: ExitStack
    random: Random
    hits: list[dict[str, Any]] = field(default_factory=list)
    places: Iterator[str] = field(default_factory=lambda: iter(()))
    _running: dict[int, WorkerProcess] = field(default_factory=dict)

    def start(self) -> None:
        for slot in range(len(self.directions)):
            self._start(slot)

    def replace_dead(self) -> int:
        """Start again what has died; how many that were. Only a kill of ours may end a worker."""
        dead = [slot for slot, process in self._running.items() if not process.running]
        for slot in dead:
            process = self._running[slot]
            ended = process.ended()
            assert ended.code == -signal.SIGKILL, ended.stderr
            (hit,) = process.hits
            assert hit["in_transaction"], hit
            self.hits.append(hit)
            self._start(slot)
        return len(dead)

    def calm(self) -> None:
        """End every worker that waits to be killed, and let one without failpoint take its place."""
        self.replace_dead()
        self.places = iter(())
        for slot, process in self._running.items():
            process.kill()
            self._start(slot)

    def terminate(self) -> None:
        for process in self._running.values():
            ended = process.terminate()
            assert ended.code == 143, ended.stderr

    def _start(self, slot: int) -> None:
        place = next(self.places, None)
        failpoint = f"{place}=kill@{self.random.randint(1, 3)}" if place else ""
        options = ("--instance", f"slot-{slot}", "--direction", self.directions[slot])
        self._running[slot] = self.stack.enter_context(worker(self.shop, *options, failpoint=failpoint))


def start_shop(own_kafka: OwnKafka, folder: Path, batch_records: int) -> Shop:
    server = own_kafka()
    shop = write_orders(
        folder / "project",
        "campaign",
        {**server.client_config(), **QUICK_SESSION},
        producers='"both"',
        batch=f"{{ max_records = {batch_records}, max_wait_ms = 50 }}",
    )
    run_until_now(shop)  # gives the versions their ids
    return shop


def numbers(records: list[Record]) -> Counter[int]:
    """How often each order is there."""
    return Counter(int(dict(record.headers)["trace"] or b"") for record in records)


def report(name: str, **figures: Any) -> None:
    print(f"\ncampaign {name}: {json.dumps(figures)}")


# ------------------------------------------------------------------ kills inside open transactions


def kill_campaign(own_kafka: OwnKafka, folder: Path, orders: int, kills: int) -> None:
    began_s = time.monotonic()
    shop = start_shop(own_kafka, folder, max(20, orders // (kills * 4)))
    # A part is produced whenever a worker was killed, and when none has anything left to do. A part is at least one
    # transaction for each worker, and a worker dies in its third at the latest.
    events = [one for _, one in order_events(shop, orders)]
    size = -(-orders // (kills * 3 + 2))
    chunks = [events[start : start + size] for start in range(0, orders, size)]
    produced = 0
    with ExitStack() as stack:
        slots = Slots(shop, ("up", "up"), stack, Random(SEED), places=islice(cycle(PLACES), kills))
        for chunk in chunks[:2]:
            produced += produce(shop.kafka, shop.old, chunk)
        slots.start()
        waiting = iter(chunks[2:])
        while len(slots.hits) < kills:
            until("a worker is killed or has nothing to do", lambda: slots.replace_dead() or caught_up(shop))
            part = next(waiting, None)
            assert part is not None or len(slots.hits) >= kills, f"{len(slots.hits)} kills, and no order is left"
            produced += produce(shop.kafka, shop.old, part or [])
        for chunk in waiting:
            produced += produce(shop.kafka, shop.old, chunk)
        until("all is carried", lambda: caught_up(shop), timeout_s=300)
        slots.terminate()
    assert produced == orders
    result = verified(shop)
    assert result.read == orders
    found = numbers(records_of(shop, shop.new)) + numbers(records_of(shop, shop.letters))
    assert found == Counter(range(orders))
    places = Counter(hit["failpoint"] for hit in slots.hits)
    figures = {"orders": orders, "kills": kills, "places": dict(places), **result.as_dict()}
    report("kills", **figures, seconds=round(time.monotonic() - began_s, 1))
    assert sum(places.values()) == kills
    assert min(places[place] for place in PLACES) >= kills // len(PLACES)


def test_no_kill_inside_a_transaction_loses_or_doubles_an_order(own_kafka: OwnKafka, tmp_path: Path) -> None:
    kill_campaign(own_kafka, tmp_path, orders=3_000, kills=5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thirty_kills_inside_transactions_lose_and_double_nothing(own_kafka: OwnKafka, tmp_path: Path) -> None:
    kill_campaign(own_kafka, tmp_path, ORDERS, KILLS)


# ------------------------------------------------------------------ both ways, while producers write


def both_ways_campaign(own_kafka: OwnKafka, folder: Path, seconds: float) -> None:
    began_s = time.monotonic()
    shop = start_shop(own_kafka, folder, 100)
    events = order_events(shop, 1_000_000)
    stop = threading.Event()
    sent: Counter[str] = Counter()

    def write() -> None:
        """Producers at v1, v2 and v3: moved ones write the new topic, the others the old."""
        while not stop.is_set():
            some = list(islice(events, 40))
            sent["new"] += produce(shop.kafka, shop.new, [one for new, one in some if new])
            sent["old"] += produce(shop.kafka, shop.old, [one for new, one in some if not new])
            stop.wait(0.2)

    writer = threading.Thread(target=write)
    with ExitStack() as stack:
        slots = Slots(shop, ("up", "down"), stack, Random(SEED), places=cycle(PLACES))
        slots.start()
        writer.start()
        end_s = time.monotonic() + seconds
        try:
            while time.monotonic() < end_s or not slots.hits:
                slots.replace_dead()
                assert writer.is_alive(), "the producers stopped"
                stop.wait(0.02)
        finally:
            stop.set()
            writer.join()
        slots.calm()
        until("both bridges have carried all", lambda: both_caught_up(shop), timeout_s=300)
        slots.terminate()
    count = sent.total()
    up, down = verified(shop, "up"), verified(shop, "down")
    assert (up.read - up.echoed, down.read - down.echoed) == (sent["old"], sent["new"])
    once = Counter(range(count))
    letters = numbers(records_of(shop, shop.letters))
    assert numbers(records_of(shop, shop.old)) == once
    assert numbers(records_of(shop, shop.new)) + letters == once
    places = Counter(hit["failpoint"] for hit in slots.hits)
    report(
        "both ways",
        produced=dict(sent),
        kills=len(slots.hits),
        places=dict(places),
        up=up.as_dict(),
        down=down.as_dict(),
        seconds=round(time.monotonic() - began_s, 1),
    )


def test_both_bridges_carry_every_order_once_while_workers_die(own_kafka: OwnKafka, tmp_path: Path) -> None:
    both_ways_campaign(own_kafka, tmp_path, seconds=15)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_both_bridges_carry_every_order_once_for_a_minute_of_kills(own_kafka: OwnKafka, tmp_path: Path) -> None:
    both_ways_campaign(own_kafka, tmp_path, SECONDS)
