"""Orders from draft to retired by the real commands, with producers and consumers at work all the time.

Show 1 of the rollout: what the consumers themselves counted, by the numbers that the producers wrote into a header.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.serialization import MessageField, SerializationContext
from tests.support.command_process import CommandProcess
from tests.support.projects import QUICK_SESSION, Shop, rewrite_settings, write_orders
from tests.support.rolled_out import approved, move, phase, run, way_back
from tests.support.workers import until, worker

from instar.client import InstarSerializer, ManagedConsumer, ManagedProducer, Way
from realkafka.pytest_plugin import Kafka

NUMBER = "number"
CANARY, OTHER = "search", "billing"
TOLD = "told.ndjson"  # what the environment's program was told
MANAGED, UNMANAGED = 0, 1_000_000  # each producer counts from here
ORDERS_IN_A_WHILE = 150


def order(number: int) -> dict[str, object]:
    """A good order at v1."""
    return {
        "order_id": f"O-{number}",
        "customer_name": "Ada Lovelace",
        "street": "12 Analytical Row",
        "city": "London",
        "created": "2024-01-31T09:15:00.25Z",
        "status": "PAID",
        "items": [{"sku": "tea-assam-250g", "qty": 1 + number % 3, "price_cents": 745}],
        "coupon": None,
    }


class Program(threading.Thread):
    """Somebody's program that takes one turn after the other until it is stopped; what ended it is raised then."""

    def __init__(self, turn: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._turn, self._stop_it = turn, threading.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._stop_it.is_set():
                self._turn()
        except BaseException as error:
            self._error = error

    def stop(self) -> None:
        self._stop_it.set()
        self.join(150)
        assert not self.is_alive()
        if self._error is not None:
            raise self._error


class Street:
    """A shop's street: a managed till, a till that only its owner can stop, and two groups that count."""

    def __init__(self, shop: Shop, stack: ExitStack) -> None:
        self.shop = shop
        self.kafka = {"bootstrap.servers": shop.kafka["bootstrap.servers"], "log_level": 2}
        self.sent: list[int] = []
        self.read = {group: Counter[int]() for group in (CANARY, OTHER)}
        self._old = InstarSerializer(shop.root, subject="orders", version="v1", register=True)
        self._new = InstarSerializer(shop.root, subject="orders", version="v3", given="v1", register=True)
        self._unmanaged: Program | None = None
        for group in (CANARY, OTHER):
            stack.enter_context(self._reading(group))
        stack.enter_context(self._till())

    def goes_on(self) -> None:
        """A while passes: so many orders are written and read by everybody."""
        wanted = len(self.sent) + ORDERS_IN_A_WHILE
        until("more is written", lambda: len(self.sent) >= wanted)
        sent = set(self.sent)
        until("everybody has read it", lambda: all(sent <= read.keys() for read in self.read.values()), 120)

    def open_unmanaged(self, topic: str) -> None:
        """Start the till that knows nothing of rollouts, in the format of that topic."""
        serialize = self._old if topic == self.shop.old else self._new
        producer = Producer({**self.kafka, "enable.idempotence": True, "message.timeout.ms": 60_000})
        context = SerializationContext(topic, MessageField.VALUE, [])

        def write() -> None:
            number = UNMANAGED + sum(each >= UNMANAGED for each in self.sent)
            value = serialize(order(number), context)
            producer.produce(topic, value, headers=[(NUMBER, str(number).encode())], partition=number % 2)
            assert producer.flush(60) == 0
            self.sent.append(number)
            time.sleep(0.02)

        self._unmanaged = Program(write)
        self._unmanaged.start()

    def close_unmanaged(self) -> None:
        if self._unmanaged is not None:
            self._unmanaged.stop()
        self._unmanaged = None

    def counted(self) -> dict[str, tuple[int, int]]:
        """By group: how many orders it has not read, and how many more than once."""
        return {
            group: (
                sum(1 for number in self.sent if not read[number]),
                sum(1 for count in read.values() if count > 1),
            )
            for group, read in self.read.items()
        }

    @contextmanager
    def _till(self) -> Iterator[None]:
        shop = self.shop
        ways = Way(shop.old, self._old), Way(shop.new, self._new)
        with ManagedProducer(self.kafka, shop.migration, name="till", old=ways[0], new=ways[1], wait_s=300) as producer:

            def write() -> None:
                number = MANAGED + sum(each < UNMANAGED for each in self.sent)
                producer.produce(order(number), partition=number % 2, headers=[(NUMBER, str(number).encode())])
                self.sent.append(number)
                time.sleep(0.01)

            program = Program(write)
            program.start()
            try:
                yield
            finally:
                program.stop()
                assert producer.flush(60) == 0

    @contextmanager
    def _reading(self, group: str) -> Iterator[None]:
        shop, read = self.shop, self.read[group]
        settings = {**self.kafka, "auto.offset.reset": "earliest", "isolation.level": "read_committed"}
        name = f"{group}-{shop.migration}"
        with ManagedConsumer(settings, shop.migration, group=name, old=shop.old, new=shop.new) as consumer:

            def take() -> None:
                message = consumer.poll(0.1)
                if message is not None:
                    assert message.error() is None, message.error()
                    headers = message.headers()
                    assert isinstance(headers, list)
                    read[int(dict(headers)[NUMBER] or b"")] += 1

            program = Program(take)
            program.start()
            try:
                yield
            finally:
                until("everybody has read everything", lambda: set(self.sent) <= read.keys(), 180)
                program.stop()


@pytest.fixture
def shop(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> Shop:
    settings = {**kafka.client_config(), **QUICK_SESSION}
    made = write_orders(tmp_path, topic_name("life"), settings, partitions=2, topics={"old": {}})
    groups = ", ".join(f'{{ group = "{name}-{made.migration}"{canary} }}' for name, canary in GROUPS)
    archive = tmp_path / "archive"
    rollout = f'{{ groups = [{groups}], archive = "{archive}" }}'
    rewrite_settings(
        made,
        subjects='["orders"]',
        framing='"registry-prefix"',
        reverse='{ version = "v1", carry_lost = true }',
        rollout=rollout,
        registry=f'{{ url = "files" }}\nnotify = {{ command = ["sh", "-c", "cat >> {TOLD} && echo >> {TOLD}"] }}',
    )
    run_schema = CommandProcess(
        made, ("schema", "deprecate", "orders", "v1", "--sunset", "2020-01-01", "--reason", "v3")
    )
    assert run_schema.ended().code == 0
    return made


GROUPS = ((CANARY, ", canary = true"), (OTHER, ""))


@contextmanager
def guarded(shop: Shop) -> Iterator[CommandProcess]:
    process = CommandProcess(shop, ("guard", shop.migration, "--every", "0.5"))
    try:
        yield process
    finally:
        process.kill()


def switched(shop: Shop, street: Street) -> None:
    """One switch, with what is asked of unmanaged programs: stopped before, started in the new format after."""
    street.close_unmanaged()
    approved(shop, "switch")
    done = move(shop, "switch", "--wait")
    assert (done["result"], done["phase"], done["authority"]) == ("done", "switched", "new")
    street.open_unmanaged(shop.new)
    street.goes_on()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("back_and_forward", [False, True], ids=["forward", "back and forward again"])
def test_orders_go_from_draft_to_retired_and_nobody_misses_or_doubles_one(shop: Shop, back_and_forward: bool) -> None:
    with ExitStack() as stack:
        street = Street(shop, stack)
        street.open_unmanaged(shop.old)
        street.goes_on()
        run(shop, "plan", "--out", "plan.json", expect=3)
        approved(shop, "apply")
        assert move(shop, "apply")["phase"] == "expanded"
        stack.enter_context(worker(shop, "--direction", "up"))
        stack.enter_context(way_back(shop))
        stack.enter_context(guarded(shop))
        until("the bridge has caught up", lambda: phase(shop) in ("caught-up", "verified"), 120)
        run(shop, "verify")
        until("it is verified", lambda: phase(shop) == "verified", 60)
        switched(shop, street)
        if back_and_forward:
            street.close_unmanaged()
            assert move(shop, "rollback", "--wait", "--reason", "wrong totals")["authority"] == "old"
            street.open_unmanaged(shop.old)
            street.goes_on()
            assert move(shop, "switch", expect=4)["code"] == "lesson-due"
            run(shop, "lesson", "--cause", "a hop", "--fix", "none", "--lesson", "look first")
            until("it is verified again", lambda: phase(shop) == "verified", 60)
            switched(shop, street)
            run(shop, "verify")
        approved(shop, "retire")
        done = move(shop, "retire", "--wait", "--confirm", shop.migration)
        assert (done["result"], done["phase"]) == ("done", "retired")
        assert shop.cluster.find(shop.old) is None
        street.goes_on()
        street.close_unmanaged()
    counted = street.counted()
    print(f"\n{len(street.sent):,} orders written; lost and doubled by group: {counted}")
    assert counted == {CANARY: (0, 0), OTHER: (0, 0)}
    told = [json.loads(line)["subject"] for line in (shop.root / TOLD).read_text(encoding="utf-8").splitlines()]
    assert told == [*(["switched", "rolled back"] if back_and_forward else []), "switched", "retired"]
    assert run(shop, "history", "--verify", "-o", "json").code == 0
    report = run(shop, "report", "-o", "json").json
    assert report["complete"]
    assert set(report["record"]["T"]) == {"0", "1"}
    assert [each["transition"] for each in report["transitions"]][-1] == "retire"
