"""On a real Kafka with a worker, a producer and a guard at work: a hop that starts to fail at 1 % of the records, or a
record that somebody else wrote. What the limit asks for happens by itself, and how long that took is printed."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.serialization import SerializationContext
from tests.support.command import instar
from tests.support.command_process import CommandProcess
from tests.support.projects import QUICK_SESSION, Event, Shop, body, event, produce, rewrite_settings, write_shop
from tests.support.rolled_out import move, phase, rollout, run, verify, way_back
from tests.support.workers import counts_of, records_of, until, worker

from instar.client import ManagedConsumer, ManagedProducer, Way
from instar.core.control import TOPIC
from instar.core.provenance import Direction
from instar.core.record import Record
from instar.core.rollout.event import LimitVerdict
from instar.kafka.entries import read_entries
from instar.operations.rolling import rolling
from instar.operations.stating import state_of
from instar.project.project import load_project
from realkafka.pytest_plugin import Kafka

pytestmark = pytest.mark.timeout(900)

WINDOW_S = 10
FAILING_PER_CENT = 1
LOOKS = "0.5"  # seconds between two looks of the guard


@pytest.fixture
def shop(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> Shop:
    return write_shop(tmp_path, topic_name("limits"), {**kafka.client_config(), **QUICK_SESSION})


def limited(shop: Shop, then: str, minimum_records: int = 20, **settings: str) -> None:
    """The hop downwards fails too, for a parcel whose family is Nobody: what goes wrong after a switch."""
    limit = f'above = 0.005, window = "{WINDOW_S}s", then = "{then}", minimum_records = {minimum_records}'
    rewrite_settings(shop, limits=f"{{ error_rate = {{ {limit} }} }}", **settings)
    hop = shop.root / "upcasters" / "parcels" / "v2_to_v3.py"
    failing = '    if record["last"] == "Nobody":\n        raise ValueError("nobody again")\n    return {name: value'
    hop.write_text(hop.read_text().replace("    return {name: value", failing))


class Till:
    """A managed producer of parcels, some 300 a second, wherever authority is. ``fail``: one in 100 is for nobody."""

    def __init__(self, shop: Shop) -> None:
        self.sent, self.failing_since_s = 0, 0.0
        self.error: BaseException | None = None
        self._shop = shop
        self._fails, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="till", daemon=True)

    def fail(self) -> None:
        self.failing_since_s = time.monotonic()
        self._fails.set()

    def __enter__(self) -> "Till":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            ways = {"old": Way(self._shop.old, _bytes(1)), "new": Way(self._shop.new, _bytes(3))}
            with ManagedProducer(self._shop.kafka, self._shop.migration, name="till", wait_s=300, **ways) as producer:
                while not self._stop.wait(0.003):
                    bad = self._fails.is_set() and self.sent % (100 // FAILING_PER_CENT) == 0
                    producer.produce((self.sent, bad), partition=self.sent % 2)
                    self.sent += 1
        except BaseException as error:
            self.error = error


def _bytes(version: int) -> Callable[[tuple[int, bool], SerializationContext], bytes]:
    def serialize(parcel: tuple[int, bool], context: SerializationContext) -> bytes:
        number, bad = parcel
        if isinstance(context.headers, list):
            context.headers.append(("instar-version", f"v{version}".encode()))
        name = ("nobody" if version == 1 else "Ada Nobody") if bad else "Ada Lovelace"
        return json.dumps(body(number, version, name)).encode()

    return serialize


@contextmanager
def guarded(shop: Shop) -> Iterator[CommandProcess]:
    guard = CommandProcess(shop, ("guard", shop.migration, "--every", LOOKS))
    try:
        yield guard
    except BaseException as error:
        error.add_note(f"the guard said:\n{guard.last_words()}")
        raise
    finally:
        guard.kill()


def settled(shop: Shop, direction: Direction = "up") -> None:
    """More than the limit's minimum is carried before a look and after it, so that it can be judged at the next one."""
    carried(shop, direction)
    run(shop, "guard", "--once")
    carried(shop, direction)


def carried(shop: Shop, direction: Direction) -> None:
    goal = counts_of(shop, direction).read + 300
    until(f"the {direction} bridge carries", lambda: counts_of(shop, direction).read > goal)


def acted(shop: Shop, transition: str) -> list[str]:
    """What the limits said when they began a transition."""
    rows = instar("history", shop.migration, "--all", "-o", "json", at=shop.root).json
    begun = [
        row["details"] for row in rows if row["action"] == "limits seen" and row["details"]["underway"] == transition
    ]
    return begun[-1]["limits"] if begun else []


def verdict(shop: Shop) -> LimitVerdict:
    with rolling(load_project(shop.root), shop.migration) as at:
        (found,) = at.keeper.limits()
    return found


def test_it_is_paused_within_the_window(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    limited(shop, "pause")
    move(shop, "apply")
    with Till(shop) as till, worker(shop):
        settled(shop)
        with guarded(shop):
            looked(shop)
            assert not rollout(shop).paused
            till.fail()
            until("the bridge is paused", lambda: bool(paused(shop)))
            took_s = time.monotonic() - till.failing_since_s
        assert till.error is None
    (said,) = acted(shop, "pause")
    assert said.startswith("error_rate: breached: ")
    assert noticed_ms(shop, "pause") <= WINDOW_S * 1000
    tell(capsys, f"paused {took_s:.1f} s after the hop began to fail ({said})")


def test_after_a_switch_it_is_rolled_back_and_the_groups_with_it(
    shop: Shop, topic_name: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    group = topic_name("billing")
    limited(shop, "rollback", rollout=f'{{ groups = [{{ group = "{group}" }}] }}')
    move(shop, "apply")
    produce(shop.kafka, shop.old, [event(number, 1, number % 2) for number in range(20)])
    verify(shop)
    with Till(shop) as till, worker(shop), way_back(shop), reading(shop, group):
        settled(shop)
        until("the group has a position", lambda: shop.cluster.committed(group, shop.old, range(shop.partitions)))
        assert move(shop, "switch", "--wait", "--waive", "limit:error_rate")["result"] == "done"
        assert rollout(shop).moved == (group,)
        settled(shop, "down")
        with guarded(shop):
            looked(shop)
            assert phase(shop) == "switched"
            till.fail()
            until("it is rolled back", lambda: rollout(shop).lesson_due)
            took_s = time.monotonic() - till.failing_since_s
            until("producers write the old topic", lambda: written_by_till(shop))
        assert till.error is None
    state = rollout(shop)
    (said,) = acted(shop, "rollback")
    assert said.startswith("error_rate: breached: ")
    assert noticed_ms(shop, "rollback") <= WINDOW_S * 1000
    assert (state.authority, state.moved, state.epoch) == ("old", (), 2)
    assert move(shop, "switch", expect=4)["code"] == "lesson-due"
    tell(capsys, f"rolled back, with a group that was reading, {took_s:.1f} s after the hop began to fail ({said})")


def test_a_limit_that_cannot_be_judged_pauses(shop: Shop) -> None:
    limited(shop, "rollback", minimum_records=1_000_000)
    move(shop, "apply")
    with Till(shop), worker(shop):
        settled(shop)
        with guarded(shop):
            until("the bridge is paused", lambda: bool(paused(shop)))
    (said,) = acted(shop, "pause")
    assert said.startswith("error_rate: inconclusive: only ")


def test_a_limit_that_only_alerts_changes_nothing(shop: Shop) -> None:
    limited(shop, "alert")
    move(shop, "apply")
    with Till(shop) as till, worker(shop):
        till.fail()
        settled(shop)
        with guarded(shop):
            until("the limit is breached", lambda: verdict(shop).verdict == "breached")
            looked(shop)
            looked(shop)
    state = rollout(shop)
    assert (state.paused, state.underway, acted(shop, "")) == (False, None, [])
    assert not paused(shop)


def test_a_rogue_record_that_a_following_verification_finds_pauses_the_bridge(shop: Shop) -> None:
    limited_mismatches(shop, "pause")
    move(shop, "apply")
    with Till(shop) as till, worker(shop), following(shop):
        carried(shop, "up")
        run(shop, "guard", "--once")
        with guarded(shop):
            looked(shop)
            assert not rollout(shop).paused
            write_again(shop, shop.new, event(0, 3, 0))
            until("the bridge is paused", lambda: bool(paused(shop)))
        assert till.error is None
    (said,) = acted(shop, "pause")
    assert said.startswith("mismatches: breached: 1 mismatches, limit 0")


def test_a_copy_that_a_following_verification_finds_twice_after_a_switch_rolls_it_back(shop: Shop) -> None:
    limited_mismatches(shop, "rollback")
    move(shop, "apply")
    produce(shop.kafka, shop.old, [event(number, 1, number % 2) for number in range(20)])
    verify(shop)
    with worker(shop), way_back(shop):
        assert move(shop, "switch", "--wait", "--waive", "limit:mismatches")["result"] == "done"
        with Till(shop) as till, following(shop, "--direction", "down"):
            carried(shop, "down")
            run(shop, "switch")  # looks, and has nothing to do: what follows is held against this look
            with guarded(shop):
                looked(shop)
                assert phase(shop) == "switched"
                write_again(shop, shop.old, records_of(shop, shop.old)[-1])
                until("it is rolled back", lambda: rollout(shop).lesson_due)
        assert till.error is None
    (said,) = acted(shop, "rollback")
    assert said.startswith("mismatches: breached: 1 mismatches, limit 0")
    assert rollout(shop).authority == "old"


# ------------------------------------------------------------------ means


def limited_mismatches(shop: Shop, then: str) -> None:
    rewrite_settings(shop, limits=f'{{ mismatches = {{ above = 0, window = "60s", then = "{then}" }} }}')


@contextmanager
def following(shop: Shop, *arguments: str) -> Iterator[None]:
    """A verification that follows, from when its first count is kept."""
    process = CommandProcess(shop, ("verify", shop.migration, "--follow", *arguments))
    try:
        with state_of(load_project(shop.root)) as state:
            until("it counts", lambda: any(each.read is None for each in state.samples.since(shop.migration, 0)))
        yield
    except BaseException as error:
        error.add_note(f"the verification said:\n{process.last_words()}")
        raise
    finally:
        process.kill()


def write_again(shop: Shop, topic: str, one: Event | Record) -> None:
    """As somebody who may write the topic, and must not."""
    producer = Producer({**shop.kafka, "log_level": 3})
    producer.produce(topic, one.value, one.key, one.partition, headers=list(one.headers), timestamp=one.timestamp_ms)
    assert producer.flush(60) == 0


def looked(shop: Shop) -> None:
    """The guard has looked once more, and acted upon it."""
    with state_of(load_project(shop.root)) as state:
        for _ in range(2):  # with the second sample the first look is over
            newest = len(state.samples.since(shop.migration, 0))
            until("the guard looks", lambda since=newest: len(state.samples.since(shop.migration, 0)) > since)


def noticed_ms(shop: Shop, transition: str) -> int:
    """From the first look that saw a dead letter to the look that acted: the guard's time, without the machine's.

    At twice the limit half a window of failures breaches it, so one look after a whole window it must have acted.
    """
    with state_of(load_project(shop.root)) as state:
        samples = state.samples.since(shop.migration, 0)
        rows = [row for row in state.ledger.entries(shop.migration) if row.action == "limits seen"]
    (acted_ms,) = [row.at_ms for row in rows if json.loads(row.details)["underway"] == transition]
    first_ms = min(sample.at_ms for sample in samples if sample.dead_lettered)
    return max(sample.at_ms for sample in samples if sample.at_ms <= acted_ms) - first_ms


def paused(shop: Shop) -> bool:
    """Does the control topic ask the up bridge to pause, whose process then stands still?"""
    return f"{shop.migration}/up/pause" in read_entries(shop.cluster, TOPIC)


def written_by_till(shop: Shop) -> bool:
    """Native records in the old topic behind the ends that the rollback recorded."""
    record = rollout(shop).record
    ends = shop.cluster.end_offsets(shop.old, range(shop.partitions))
    return record is not None and sum(ends.values()) > sum(record.begun.values()) + 50


@contextmanager
def reading(shop: Shop, group: str) -> Iterator[None]:
    """A managed consumer that goes where it is sent, polled all the time."""
    ended = threading.Event()
    settings = {**shop.kafka, "auto.offset.reset": "earliest", "isolation.level": "read_committed"}

    def poll() -> None:
        with ManagedConsumer(settings, shop.migration, group=group, old=shop.old, new=shop.new) as consumer:
            while not ended.is_set():
                consumer.poll(0.1)

    thread = threading.Thread(target=poll, name=group, daemon=True)
    thread.start()
    try:
        until("the group reads", lambda: shop.cluster.members(group))
        yield
    finally:
        ended.set()
        thread.join(60)


def tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with capsys.disabled():
        print(f"\nfailing at {FAILING_PER_CENT} %: {text}", end=" ")
