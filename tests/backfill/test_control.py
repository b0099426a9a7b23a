"""What operators ask reaches workers, and stands while the control topic is looked for again."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from confluent_kafka import Consumer
from tests.support.workers import until

from instar.backfill.control import Control, Follower
from instar.kafka import entries
from instar.kafka.built_in import BuiltInBroker
from instar.kafka.cluster import Cluster
from instar.kafka.errors import KafkaTrouble

PAUSE = b'{"format": 1, "by": "ada", "at_ms": 1, "why": "the disk is full"}'


@pytest.fixture
def built_in() -> Iterator[dict[str, Any]]:
    with BuiltInBroker() as broker:
        yield {"bootstrap.servers": broker.bootstrap}


class Breaking(Consumer):
    """A consumer whose connection can be broken once."""

    broken = threading.Event()

    def consume(self, *arguments: Any, **named: Any) -> Any:
        if Breaking.broken.is_set():
            Breaking.broken.clear()
            raise KafkaTrouble("the connection broke")
        return super().consume(*arguments, **named)


class Remembering(Follower):
    """Keeps whether each state that anybody could have read was paused."""

    def __init__(self, *arguments: Any) -> None:
        self.paused: list[bool] = []
        super().__init__(*arguments)

    def _seen(self, offset: int, entries: Mapping[str, bytes]) -> None:
        super()._seen(offset, entries)
        self.paused.append(self.orders.pause is not None)


def test_an_order_stands_while_the_topic_is_read_again(
    built_in: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "Consumer", Breaking)
    monkeypatch.setattr(entries, "LOOK_AGAIN_S", 0.05)
    Control(Cluster(built_in)).write({"moving/up/pause": PAUSE})
    follower = Remembering(built_in, "moving", "up")
    try:
        follower.catch_up(30)
        assert follower.orders.pause is not None
        seen = len(follower.paused)
        Breaking.broken.set()
        until("the topic was read again", lambda: not Breaking.broken.is_set() and len(follower.paused) > seen)
        Control(Cluster(built_in)).write({"moving/up/rate": b'{"format": 1, "by": "bob", "records_per_s": 5.0}'})
        until("a later order arrives", lambda: follower.orders.rate)
        assert all(follower.paused[seen:])
    finally:
        follower.close()


def test_an_order_that_is_taken_back_stands_no_more(built_in: dict[str, Any]) -> None:
    Control(Cluster(built_in)).write({"moving/up/pause": PAUSE})
    follower = Follower(built_in, "moving", "up")
    try:
        until("the pause arrives", lambda: follower.orders.pause)
        Control(Cluster(built_in)).write({"moving/up/pause": None})
        until("the pause is over", lambda: follower.orders.pause is None)
    finally:
        follower.close()
