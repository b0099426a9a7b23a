"""A worker whose governor holds it back, on a real Kafka: it stays in its group and its checkpoints stay alive."""

import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.projects import Event, Shop, event, produce, write_shop
from tests.support.workers import committed_offsets, members, until, verified

from instar.core import checkpoint
from instar.core.checkpoint import Checkpoint
from instar.core.throttle import UNLIMITED, Allowance
from instar.processor.assemble import Options, assemble
from instar.processor.governor import Ungoverned
from instar.processor.prepare import ensure_start
from instar.processor.progress import Progress
from instar.processor.worker import Worker
from realkafka.pytest_plugin import Kafka

SHORT_SESSION = {"session.timeout.ms": 3_000, "heartbeat.interval.ms": 500, "max.poll.interval.ms": 6_000}
EVENTS = 2_000
RECOMMIT_S = 0.3


class Switch(Ungoverned):
    """Holds and lets go as the test says."""

    def __init__(self) -> None:
        self.reason = "held by the test"
        self.taken = 0

    def allow(self, partitions: Collection[int]) -> Allowance:
        return Allowance(0, hold=True, reason=self.reason) if self.reason else UNLIMITED

    def took(self, records: int, size_bytes: int) -> None:
        self.taken += records


class Running:
    def __init__(self, shop: Shop) -> None:
        options = Options(shop.root, None, shop.migration, "up", shop.kafka, create=True)
        plan = assemble(options)
        plan = replace(plan, limits=replace(plan.limits, recommit_s=RECOMMIT_S))
        ensure_start(plan, shop.cluster, recover=False)
        self.governor = Switch()
        self.transactions = 0
        self._stop = threading.Event()
        worker = Worker(plan, "held-0", stop=self._stop, on_progress=self._take, governor=self.governor)
        self._thread = threading.Thread(target=worker.run)
        self._thread.start()

    def _take(self, progress: Progress) -> None:
        self.transactions = progress.transactions

    def end(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def parcels_written() -> Iterator[Event]:
    return (event(number, 3, number % 2) for number in range(EVENTS))


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    made = write_shop(tmp_path, topic_name("held"), {**kafka.client_config(), **SHORT_SESSION})
    produce(made.kafka, made.old, parcels_written())
    return made


@pytest.fixture
def running(shop: Shop) -> Iterator[Running]:
    worker = Running(shop)
    yield worker
    worker.end()


def points(shop: Shop) -> list[Checkpoint]:
    found = shop.cluster.committed(shop.group(), shop.old, range(shop.partitions))
    return [checkpoint.parse(offset, metadata) for offset, metadata in found.values()]


def test_a_held_worker_reads_nothing_says_why_and_commits_again_and_again(shop: Shop, running: Running) -> None:
    until("its checkpoints say why", lambda: all(point.held == "held by the test" for point in points(shop)))
    so_far = running.transactions
    until("it commits again", lambda: running.transactions >= so_far + 3)
    assert committed_offsets(shop) == {0: 0, 1: 0}
    assert running.governor.taken == 0


def test_it_stays_in_its_group_for_longer_than_the_poll_interval_and_goes_on_where_it_stood(
    shop: Shop, running: Running
) -> None:
    until("it is in its group", lambda: members(shop))
    before = members(shop)
    threading.Event().wait(SHORT_SESSION["max.poll.interval.ms"] / 1000 + 1)
    assert members(shop) == before
    for _ in range(3):  # a hold that comes and goes, with records in the client's queue each time
        running.governor.reason = ""
        taken = running.governor.taken
        until("it reads on", lambda taken=taken: running.governor.taken > taken or taken == EVENTS)
        running.governor.reason = "held by the test"
    running.governor.reason = ""
    until("all is carried", lambda: sum(point.counts.read for point in points(shop)) == EVENTS)
    until("nothing is held any more", lambda: not any(point.held for point in points(shop)))
    assert verified(shop).read == EVENTS


def test_bytes_and_times_ride_with_the_checkpoints(shop: Shop, running: Running) -> None:
    running.governor.reason = ""
    until("all is carried", lambda: sum(point.counts.read for point in points(shop)) == EVENTS)
    found = points(shop)
    written = sum(len(one.value or b"") + len(one.key or b"") for one in parcels_written())
    assert sum(point.size_bytes for point in found) == written
    assert all(point.at_ms > 1_700_000_000_000 for point in found)
