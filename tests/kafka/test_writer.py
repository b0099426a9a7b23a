"""A call that the client never comes back from does not hold a worker for ever."""

import threading
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from instar.kafka import writer
from instar.kafka.cluster import Topic
from instar.kafka.errors import AmbiguousOutcome, Fenced
from instar.kafka.failpoints import Failpoints
from instar.kafka.writer import Writer

OFFSETS = [TopicPartition("orders", 0, 7)]


class Stuck:
    """A producer; with the first of all send_offsets_to_transaction does not return before it is released."""

    made: list["Stuck"]

    def __init__(self, _: Any) -> None:
        self.closed = self.committed = False
        self.released = threading.Event()
        self.answer: Exception | None = None
        Stuck.made.append(self)

    def init_transactions(self, _: float) -> None: ...

    def begin_transaction(self) -> None: ...

    def flush(self, _: float) -> None: ...

    def purge(self, **_: Any) -> None: ...

    def close(self) -> None:
        self.closed = True

    def send_offsets_to_transaction(self, *_: Any) -> None:
        if self is Stuck.made[0]:
            self.released.wait()
        if self.answer is not None:
            raise self.answer

    def commit_transaction(self, _: float) -> None:
        self.committed = True


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Writer:
    Stuck.made = []
    monkeypatch.setattr(writer, "Producer", Stuck)
    topic = Topic("orders.v3", b"0" * 16, 1, {})
    made = Writer({"bootstrap.servers": "127.0.0.1:1"}, (topic,), "instar.orders-v3.up.a-0", Failpoints())
    made.replace()
    made.begin()
    return made


def test_an_overdue_producer_is_left_behind_unclosed_and_the_next_one_commits(
    written: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as hurried:
        hurried.setattr(writer, "CALL_TIMEOUT_S", 0.01)
        hurried.setattr(writer, "OVERDUE_S", 0.05)
        with pytest.raises(AmbiguousOutcome, match="did not return"):
            written.commit(OFFSETS, object())
    written.replace()
    written.begin()
    written.commit(OFFSETS, object())
    first, second = Stuck.made
    assert (first.closed, first.committed, second.committed) == (False, False, True)
    first.released.set()


def test_what_the_call_raises_is_sorted_as_ever(written: Writer) -> None:
    Stuck.made[0].released.set()
    Stuck.made[0].answer = KafkaException(KafkaError(KafkaError.INVALID_PRODUCER_EPOCH, "old epoch", fatal=True))
    with pytest.raises(Fenced):
        written.commit(OFFSETS, object())
