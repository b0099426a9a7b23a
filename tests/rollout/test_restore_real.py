"""The control topic is deleted in the middle of a rollout, told again from the ledger, and everything goes on."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.serialization import SerializationContext
from tests.support.command import instar
from tests.support.projects import QUICK_SESSION, Shop, body, event, produce, write_shop
from tests.support.rolled_out import move, phase, rollout, run, verify, way_back
from tests.support.states import tampered
from tests.support.workers import until, worker

from instar.client import ManagedProducer, Way
from instar.core.control import TOPIC
from instar.core.rollout.control_messages import Said, said_of
from instar.kafka.entries import SETTINGS, read_entries, write_entries
from instar.operations.stating import state_of
from instar.project.project import load_project
from instar.state.tables import ledger
from realkafka.broker import KafkaServer

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(900)]


@pytest.fixture
def shop(own_kafka: Callable[..., KafkaServer], topic_name: Callable[[str], str], tmp_path: Path) -> Shop:
    """On a broker of its own: the topic that is deleted is everybody's."""
    kafka = {"bootstrap.servers": own_kafka().bootstrap, **QUICK_SESSION}
    made = write_shop(tmp_path, topic_name("restored"), kafka)
    produce(made.kafka, made.old, [event(number, 1, number % 2) for number in range(20)])
    return made


class Till:
    """A managed producer of parcels, wherever authority is. ``sent`` are those that were acknowledged, by topic."""

    def __init__(self, shop: Shop) -> None:
        self.sent: dict[str, int] = {shop.old: 0, shop.new: 0}
        self.error: BaseException | None = None
        self._shop = shop
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="till", daemon=True)

    def __enter__(self) -> "Till":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert self.error is None, self.error

    def goes_on(self, topic: str) -> None:
        before = self.sent[topic]
        until(f"it writes {topic}", lambda: self.error is not None or self.sent[topic] > before + 20)
        assert self.error is None, self.error

    def _run(self) -> None:
        try:
            ways = {"old": Way(self._shop.old, _bytes(1)), "new": Way(self._shop.new, _bytes(3))}
            with ManagedProducer(self._shop.kafka, self._shop.migration, name="till", wait_s=300, **ways) as producer:
                number = 100
                while not self._stop.wait(0.01):
                    topic = producer.produce(number, partition=number % 2)
                    self.sent[topic] += 1
                    number += 1
        except BaseException as error:
            self.error = error


def _bytes(version: int) -> Callable[[int, SerializationContext], bytes]:
    def serialize(number: int, context: SerializationContext) -> bytes:
        if isinstance(context.headers, list):
            context.headers.append(("instar-version", f"v{version}".encode()))
        return json.dumps(body(number, version)).encode()

    return serialize


def said(shop: Shop) -> Said:
    return said_of(shop.migration, read_entries(shop.cluster, TOPIC))


def reasons(shop: Shop) -> Any:
    """What `can-retire` answers, by source."""
    [found] = instar("can-retire", "parcels", "v1", "-o", "json", at=shop.root).json
    return {(each["source"], each["answer"]) for each in found["reasons"]}


def restore(shop: Shop, *more: str, expect: int = 0) -> Any:
    ran = instar("control", "restore", shop.migration, *more, "-o", "json", at=shop.root)
    assert ran.code == expect, ran.out + ran.err
    return ran.json if expect == 0 else ran.err


def looked_at(shop: Shop) -> str:
    run(shop, "guard", "--once")
    return phase(shop)


def actions(shop: Shop) -> list[str]:
    with state_of(load_project(shop.root)) as state:
        return [entry.action for entry in state.ledger.entries(shop.migration)]


def test_after_its_control_topic_was_deleted_a_switched_rollout_goes_on_at_the_same_epoch(shop: Shop) -> None:
    assert move(shop, "apply")["phase"] == "expanded"
    with Till(shop) as till, worker(shop), way_back(shop):
        till.goes_on(shop.old)
        until("the bridge has caught up", lambda: looked_at(shop) in ("caught-up", "verified"))
        run(shop, "verify")
        assert move(shop, "switch", "--wait")["phase"] == "switched"
        till.goes_on(shop.new)
        before, retirable = said(shop), reasons(shop)
        assert restore(shop)["result"] == "nothing"

        shop.cluster.delete(TOPIC)
        until("it is gone", lambda: shop.cluster.find(TOPIC) is None)
        # Somebody's command makes it anew, empty: nobody takes that for word that the old topic has authority.
        old = till.sent[shop.old]
        shop.cluster.create(TOPIC, 1, SETTINGS)
        refused = move(shop, "rollback", "--reason", "a test", expect=None)
        assert refused["result"] == "failed"
        assert "control restore" in json.dumps(refused)

        shown = restore(shop)
        assert shown["result"] == "missing"
        assert any(line.startswith("epoch 1, open: the new topic has authority") for line in shown["lines"])
        assert said(shop).epoch is None
        restore(shop, "--execute", "--reason", "a test", "--confirm", "another", expect=2)
        began_s = time.monotonic()
        done = restore(shop, "--execute", "--reason", "the topic was deleted", "--confirm", shop.migration)
        assert done["result"] == "restored"
        print(f"\nrestored in {time.monotonic() - began_s:.1f} s: {done['keys']}")

        after = said(shop)
        assert before.epoch is not None
        assert after.epoch is not None
        same = ("epoch", "authority", "state", "left", "begun", "windows", "at_ms")
        assert {name: getattr(after.epoch, name) for name in same} == {
            name: getattr(before.epoch, name) for name in same
        }
        assert {side: each.order for side, each in after.bridges.items()} == {
            side: each.order for side, each in before.bridges.items()
        }
        assert set(after.producers) == {"till"}  # it has registered again, so that the next barrier waits for it
        till.goes_on(shop.new)
        assert till.sent[shop.old] == old
        assert restore(shop)["result"] == "nothing"
        assert move(shop, "rollback", "--revert", "--reason", "it was only tried")["result"] == "undone"
        assert reasons(shop) == retirable
        run(shop, "verify")
        assert actions(shop).count("control topic: restored") == 1
        assert move(shop, "rollback", "--wait", "--reason", "and back")["authority"] == "old"
        till.goes_on(shop.old)
    assert (phase(shop), rollout(shop).epoch) == ("verified", 3)  # the attempt that was undone has used up 2
    after = said(shop)
    assert after.epoch is not None
    assert len(after.epoch.windows) == 1
    run(shop, "history", "--verify")


def test_nothing_is_written_against_a_topic_that_knows_more_nor_from_a_ledger_that_was_edited(shop: Shop) -> None:
    assert move(shop, "apply")["phase"] == "expanded"
    verify(shop)
    epoch = said(shop).epoch
    entries = read_entries(shop.cluster, TOPIC)
    name = f"{shop.migration}/rollout/epoch"
    later = {"format": 1, "epoch": 3, "authority": "new", "state": "open", "token": 1, "at_ms": 0, "B": {}, "T": {}}
    write_entries(shop.cluster, TOPIC, {name: json.dumps(later).encode()})
    why = restore(shop, expect=4)
    assert "does not know" in why
    assert "older than the topic" in why
    write_entries(shop.cluster, TOPIC, {name: entries.get(name)})
    assert said(shop).epoch == epoch
    with state_of(load_project(shop.root)) as state:
        tampered(state, ledger.update().where(ledger.c.number == 2).values(actor="nobody"))
    assert "The ledger is broken at entry 2" in restore(shop, expect=4)
