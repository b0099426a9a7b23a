"""A managed producer under load through the barrier, on a real Kafka: every record in one topic, none after its end."""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message
from confluent_kafka.serialization import SerializationContext
from tests.support.barrier import Barrier, Stage, make_stage
from tests.support.workers import until

from instar.client import Closing, ManagedProducer, SetupError, Way, managed_producer
from instar.core.rollout import effect as do
from instar.core.rollout.effect import Effect
from instar.core.rollout.phase import Side
from instar.kafka.scan import scan
from instar.rollout.ports import Context, Outcome
from realkafka.broker import KafkaServer
from realkafka.pytest_plugin import Kafka


@pytest.fixture
def stage(kafka: Kafka, topic_name: Callable[[str], str]) -> Stage:
    return make_stage(kafka.client_config(), topic_name("managed"))


def way(topic: str, version: str) -> Way:
    def serialize(value: Any, context: SerializationContext) -> bytes:
        assert context.topic == topic
        return f"{version}:{value}".encode()

    return Way(topic, serialize)


def managed(stage: Stage, name: str = "till", **more: Any) -> ManagedProducer:
    return ManagedProducer(
        stage.kafka, stage.migration, name=name, old=way(stage.source, "v1"), new=way(stage.target, "v3"), **more
    )


def offsets_of(stage: Stage, topic: str, *, committed: bool = True) -> dict[int, tuple[int, int]]:
    """Where each number is: partition and offset. Fails where one is there twice."""
    cluster, partitions = stage.cluster, range(stage.partitions)
    ends = cluster.end_offsets(topic, partitions)
    version = "v1" if topic == stage.source else "v3"
    found: dict[int, tuple[int, int]] = {}
    for record in scan(stage.kafka, topic, dict.fromkeys(partitions, 0), ends, committed=committed):
        said, _, number = (record.value or b"").decode().partition(":")
        assert said == version
        assert int(number) not in found
        found[int(number)] = (record.partition, record.offset)
    return found


class Load:
    """Numbers, as fast as they can be written. ``sent`` are those that the producer took, in order."""

    def __init__(self, write: Callable[[int, Callable[[KafkaError | None, Message], None]], None]) -> None:
        self.sent: list[int] = []
        self.failed: list[str] = []
        self.error: BaseException | None = None
        self._write = write
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            for number in itertools.count():
                if self._stop.wait(0.0005):
                    return
                self._write(number, self._delivered)
                self.sent.append(number)
        except BaseException as error:
            self.error = error

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed.append(str(error))

    def goes_on(self) -> None:
        """Until a hundred more are written."""
        wanted = len(self.sent) + 100
        until("more is written", lambda: len(self.sent) >= wanted or self.error)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        assert self.error is None, self.error
        assert not self.failed


def one_by_one(producer: ManagedProducer) -> Load:
    return Load(lambda number, done: _ignore(producer.produce(number, partition=number % 2, on_delivery=done)))


def in_threes(producer: ManagedProducer) -> Load:
    def write(number: int, done: Callable[[KafkaError | None, Message], None]) -> None:
        with producer.transaction() as transaction:
            for each in range(3):
                transaction.produce(number * 3 + each, partition=number % 2, on_delivery=done)

    return Load(write)


def _ignore(_: str) -> None: ...


def settled(barrier: Barrier, effect: Effect, context: Context) -> Outcome:
    """Run it as the coordinator does, until it is no longer waiting."""

    def run() -> Outcome | None:
        outcome = barrier.runner.run(effect, context)
        if "unmanaged" in outcome.message:
            barrier.clock.now_s += 5  # all have acknowledged
        return None if outcome.kind == "waiting" else outcome

    found: Outcome = until(f"{effect} is settled", run)
    return found


def move(stage: Stage, barrier: Barrier, epoch: int, to: Side) -> dict[str, dict[int, int]]:
    """The barrier but for the bridge: the ends B and T."""
    left, begun = (stage.source, stage.target) if to == "new" else (stage.target, stage.source)
    ends: dict[str, dict[int, int]] = {}
    for effect in (
        do.CloseEpoch(epoch, to),
        do.AwaitProducers(epoch, left),
        do.RecordEnds("B", left),
        do.RecordEnds("T", begun),
        do.WriteEpoch(epoch, to),
    ):
        outcome = settled(barrier, effect, stage.context(epoch=epoch, offsets=ends))
        assert outcome.kind == "done", outcome
        if isinstance(effect, do.RecordEnds):
            ends[effect.name] = {int(key): end for key, end in outcome.evidence["offsets"].items()}
    return ends


def below(places: Mapping[int, tuple[int, int]], ends: Mapping[int, int]) -> set[int]:
    return {number for number, (partition, offset) in places.items() if offset < ends[partition]}


@pytest.mark.parametrize("kind", ["plain", "transactional"])
def test_under_load_every_record_is_in_one_topic_and_none_past_the_barrier(stage: Stage, kind: str) -> None:
    """There and back again: v1 up to B, v3 from T on, then v1 again, and each number once."""
    transactional = kind == "transactional"
    more = {"transactional_id": f"{stage.migration}-till"} if transactional else {}
    with managed(stage, **more) as producer:
        load = in_threes(producer) if transactional else one_by_one(producer)
        with stage.coordinator() as barrier, load:
            load.goes_on()
            there = move(stage, barrier, 1, "new")
            load.goes_on()
            assert producer.topic == stage.target
            back = move(stage, barrier, 2, "old")
            load.goes_on()
            assert producer.topic == stage.source
    old, new = offsets_of(stage, stage.source), offsets_of(stage, stage.target)
    assert not set(old) & set(new)
    assert set(old) | set(new) == set(range(len(load.sent) * (3 if transactional else 1)))
    first, last = below(old, there["B"]), set(old) - below(old, there["B"])
    assert below(new, there["T"]) == set()
    assert below(new, back["B"]) == set(new)  # nothing past the end that the way back recorded
    assert below(old, back["T"]) == first  # and nothing in the old topic while the new one had authority
    assert max(first) < min(new) <= max(new) < min(last)


def test_a_barrier_that_is_undone_leaves_everything_in_the_old_topic(stage: Stage) -> None:
    with managed(stage) as producer, stage.coordinator() as barrier, one_by_one(producer) as load:
        load.goes_on()
        close = do.CloseEpoch(1, "new")
        context = stage.context(before=barrier.runner.before(close, stage.context()))
        assert barrier.runner.run(close, context).kind == "done"
        assert settled(barrier, do.AwaitProducers(1, stage.source), context).kind == "done"
        assert producer.topic is None
        assert barrier.runner.revert(close, context).kind == "done"
        load.goes_on()
    assert set(offsets_of(stage, stage.source)) == set(load.sent)
    assert offsets_of(stage, stage.target) == {}


def test_the_next_barrier_waits_for_who_comes_while_it_is_closing(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        assert barrier.runner.run(do.CloseEpoch(1, "new"), stage.context()).kind == "done"
        with managed(stage, wait_s=0) as producer:
            with pytest.raises(Closing, match=r"authority of .* moves to the new topic \(epoch 1\)"):
                producer.produce(1)
            outcome = settled(barrier, do.AwaitProducers(1, stage.source), stage.context())
            assert outcome.evidence["acknowledged"] == ["till"]
        assert stage.said().producers == {}  # signed off


@contextmanager
def unheard(producer: ManagedProducer) -> Iterator[None]:
    """Its control topic goes out of reach, while the topic that it writes does not."""
    producer._authority._follower.close()
    yield


def test_who_cannot_read_the_control_topic_does_not_write(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with managed(stage, wait_s=0.5) as producer:
        until("it may write", lambda: producer.topic)
        producer.produce(1)
        monkeypatch.setattr(managed_producer, "DOUBT_AFTER_S", 0.3)
        with unheard(producer), pytest.raises(Closing, match="could not be read"):
            until("it is in doubt", lambda: producer.produce(2) is None)
        assert producer.topic is None


def test_who_may_have_a_record_on_its_way_does_not_acknowledge(stage: Stage) -> None:
    """The broker has not answered for it, so it may still arrive after the barrier's ends were read."""
    with managed(stage) as producer, stage.coordinator() as barrier:
        until("it may write", lambda: producer.topic)
        record = producer._record("old", 1, None, 0, None, 0, None)
        record["on_delivery"](KafkaError(KafkaError._MSG_TIMED_OUT), None)
        assert barrier.runner.run(do.CloseEpoch(1, "new"), stage.context()).kind == "done"
        until("it has stopped", lambda: producer.topic is None)
        assert producer._acknowledged(1) is False
        assert barrier.runner.run(do.AwaitProducers(1, stage.source), stage.context()).evidence["silent"] == ["till"]
        producer._unanswered_s = -float("inf")
        assert settled(barrier, do.AwaitProducers(1, stage.source), stage.context()).kind == "done"


def test_a_transaction_is_whole_or_not_at_all(stage: Stage) -> None:
    with managed(stage, transactional_id=f"{stage.migration}-till") as producer:
        with pytest.raises(SetupError, match="in transactions"):
            producer.produce(1)

        def broken() -> None:
            with producer.transaction() as transaction:
                transaction.produce(1, partition=0)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            broken()
        with producer.transaction() as transaction:
            transaction.produce(2, partition=0)
            with pytest.raises(SetupError, match="open already"), producer.transaction():
                pass
    assert set(offsets_of(stage, stage.source)) == {2}


def test_a_callback_that_raises_does_not_keep_a_producer_from_acknowledging(stage: Stage) -> None:
    def raises(error: KafkaError | None, message: Message) -> None:
        raise ZeroDivisionError

    with managed(stage) as producer, stage.coordinator() as barrier:
        producer.produce(1, on_delivery=raises)
        assert barrier.runner.run(do.CloseEpoch(1, "new"), stage.context()).kind == "done"
        assert settled(barrier, do.AwaitProducers(1, stage.source), stage.context()).kind == "done"


def test_a_broker_that_dies_and_comes_back_costs_no_record_and_the_barrier_still_works(
    own_kafka: Callable[..., KafkaServer],
) -> None:
    server = own_kafka()
    stage = make_stage(server.client_config(), "orders-v3")
    settings = {"message.timeout.ms": 120_000}
    with managed(stage, producer=settings) as producer, one_by_one(producer) as load:
        load.goes_on()
        server.kill()
        server.start()
        load.goes_on()
        assert producer.flush(60) == 0
        with stage.coordinator() as barrier:
            move(stage, barrier, 1, "new")
        load.goes_on()
    old, new = offsets_of(stage, stage.source), offsets_of(stage, stage.target)
    assert not set(old) & set(new)
    assert set(old) | set(new) == set(load.sent)
    assert max(old) < min(new)
