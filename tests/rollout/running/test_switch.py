"""A whole switch and the way back on a real Kafka, under load, with a coordinator that dies at every step."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.projects import QUICK_SESSION, Shop, body, rewrite_settings, write_shop
from tests.support.rollout_runner import Killed
from tests.support.rollout_store import TTL_MS, MemoryStore
from tests.support.rollouts import Keeper
from tests.support.workers import both_caught_up, caught_up, until, verified, worker

from instar.client import InstarSerializer, ManagedConsumer, ManagedProducer, Way
from instar.core.rollout.event import (
    Apply,
    BridgeSeen,
    Circumstances,
    Command,
    LagMeasured,
    Rollback,
    Switch,
    VerificationSeen,
)
from instar.core.rollout.phase import Phase
from instar.core.rollout.plan import GroupPlan, Plan, TopicPlan
from instar.operations.effects import runner
from instar.project.project import load_project
from instar.rollout.coordinator import Coordinator, Result
from realkafka.pytest_plugin import Kafka

PRINT = "f" * 64
# A coordinator's process dies at its third store write, one behind it and the next before it: so one leaves a step on
# record that is not begun, and one leaves a step done that is not on record.
WRITES_OF_A_LIFE = 3


@dataclass
class Clock:
    """Real time, which leaps where a dead process's lease is waited for."""

    leapt_ms: int = 0

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000 + self.leapt_ms

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass
class Rollout:
    """One migration's rollout, moved by one process after the other."""

    shop: Shop
    plan: Plan
    clock: Clock = field(default_factory=Clock)
    deaths: int = 0

    def __post_init__(self) -> None:
        self.store = MemoryStore(self.clock)  # type: ignore[arg-type]

    @contextmanager
    def process(self) -> Iterator[Coordinator]:
        project = load_project(self.shop.root)
        with runner(project, self.shop.migration, self.shop.kafka, self.shop.cluster) as effects:
            yield Coordinator(self.store, effects, Keeper(), self.clock, environment="local", owner="ada")

    def command(self, kind: type[Command]) -> Command:
        at = Circumstances(self.clock.now_ms(), PRINT)
        return Apply("ada", "a new format", at, self.plan) if kind is Apply else kind("ada", "because", at)

    def move(self, kind: type[Command], *, dying: bool = False) -> None:
        """Give the command again and again, until its transition is done."""

        def tried() -> bool:
            left = [WRITES_OF_A_LIFE * 2 - self.deaths % 2]

            def tick() -> None:
                left[0] -= 1
                if dying and left[0] <= 0:
                    raise Killed

            self.store.tick = tick
            try:
                with self.process() as coordinator:
                    result: Result = coordinator.command(self.shop.migration, self.command(kind))
            except Killed:
                self.deaths += 1
                self.clock.leapt_ms += TTL_MS + 1
                return False
            assert result.kind in ("done", "waiting", "nothing"), result
            return result.kind != "waiting"

        until(f"{kind.__name__} is done", tried, 240)

    def verify(self) -> None:
        """What people and workers see, up to verified."""
        self.store.tick = lambda: None
        lag = LagMeasured(dict.fromkeys(range(self.shop.partitions), 0), 100)
        seen = VerificationSeen(PRINT, True, 2**53, self.clock.now_ms())
        with self.process() as coordinator:
            for event in (BridgeSeen(), lag, seen):
                coordinator.observe(self.shop.migration, [event])
            assert coordinator.state(self.shop.migration).phase is Phase.VERIFIED

    @property
    def phase(self) -> Phase:
        with self.process() as coordinator:
            return coordinator.state(self.shop.migration).phase


class Program(threading.Thread):
    """Somebody's program, until it is stopped; what ended it is raised then."""

    def __init__(self, turn: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._turn = turn
        self._stop_it = threading.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stop_it.is_set():
                self._turn()
        except BaseException as error:
            self._error = error

    def __enter__(self) -> "Program":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_it.set()
        self.join(150)
        assert not self.is_alive()
        if self._error is not None:
            raise self._error


@pytest.fixture
def shop(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> Shop:
    return write_shop(tmp_path, topic_name("switched"), {**kafka.client_config(), **QUICK_SESSION})


def plan_of(shop: Shop, group: str) -> Plan:
    settings = {"retention.ms": "-1", "cleanup.policy": "delete"}
    letters = {"retention.ms": "-1", "max.message.bytes": "2000000"}
    return Plan(
        migration=shop.migration,
        fingerprint=PRINT,
        source=shop.old,
        target=shop.new,
        partitions=shop.partitions,
        risk="transforming",
        lossy=False,
        has_reverse=True,
        topics=(
            TopicPlan(shop.new, shop.partitions, settings, hold_retention=True),
            TopicPlan(shop.letters, shop.partitions, letters),
        ),
        schemas=(("parcels", 3),),
        groups=(GroupPlan(group),),
    )


@pytest.mark.timeout(900)
def test_everything_is_read_once_there_and_back_though_the_coordinator_dies_at_every_step(shop: Shop) -> None:
    group = f"billing-{shop.migration}"
    rollout = Rollout(shop, plan_of(shop, group))
    rollout.move(Apply)
    connection = {"bootstrap.servers": shop.kafka["bootstrap.servers"], "log_level": 2}
    sent: list[int] = []
    read: Counter[int] = Counter()
    producer = ManagedProducer(
        connection,
        shop.migration,
        name="till",
        old=Way(shop.old, InstarSerializer(shop.root, subject="parcels", version="v1")),
        new=Way(shop.new, InstarSerializer(shop.root, subject="parcels", version="v3", given="v1")),
        wait_s=300,
    )
    consumer = ManagedConsumer(
        {**connection, "auto.offset.reset": "earliest"}, shop.migration, group=group, old=shop.old, new=shop.new
    )

    def write() -> None:
        producer.produce(body(len(sent), 1), key=b"key", partition=len(sent) % shop.partitions)
        sent.append(len(sent))
        time.sleep(0.002)  # the machine is small

    def consume() -> None:
        message = consumer.poll(0.1)
        if message is not None:
            assert message.error() is None, message.error()
            read[json.loads(message.value() or b"")["id"]] += 1

    def goes_on() -> None:
        wanted = len(sent) + 100
        until("more is written and read", lambda: len(sent) >= wanted and len(read) >= wanted)

    with (
        producer,
        worker(shop, "--direction", "down", "--when-asked"),
        worker(shop, "--direction", "up"),
        Program(consume),
    ):
        with Program(write):
            until("the up bridge works", lambda: caught_up(shop) or len(sent) > 300)
            rollout.verify()
            rollout.move(Switch, dying=True)
            assert rollout.phase is Phase.SWITCHED
            assert rollout.deaths > 5
            assert producer.topic == shop.new
            goes_on()
            assert consumer.topic == shop.new
            rollout.move(Rollback, dying=True)
            assert rollout.phase is Phase.VERIFIED
            assert producer.topic == shop.old
            goes_on()
            assert consumer.topic == shop.old
        assert producer.flush(60) == 0
        until("all that was written is read", lambda: len(read) == len(sent))
        until("both bridges have carried all", lambda: both_caught_up(shop))
    consumer.close()
    print(f"{len(sent)} records, {rollout.deaths} coordinators died")
    assert {number: times for number, times in read.items() if times != 1} == {}
    assert set(read) == set(sent)
    rewrite_settings(shop, producers='"both"')  # both topics have had authority, so both hold native records
    verified(shop, "up")
    verified(shop, "down", counts=False)  # it began at T, and what stands before is its twin's
