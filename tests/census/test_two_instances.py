"""Two instances of the census on the real Kafka, one of which is killed."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.census.counting import FullCount, Instance, Place, publish, tables
from tests.support.command import instar
from tests.support.workers import until

from instar.census.following import Followed, Follower
from instar.census.reading import Reading, read_census
from instar.core.census_message import CensusMessage
from instar.core.census_result import counted, started
from instar.kafka.cluster import Cluster
from instar.state.opening import State, open_state

pytestmark = pytest.mark.kafka

WINDOW_S = 60.0
WAIT_S = 90.0
STORE = "the state store"


@pytest.fixture
def place(kafka: Any, topic_name: Callable[[str], str], tmp_path: Path) -> Place:
    return Place.make(tmp_path, kafka.client_config(), topic_name("census"))


@pytest.fixture
def start(place: Place) -> Iterator[Callable[..., Instance]]:
    started: list[Instance] = []

    def one(*arguments: str) -> Instance:
        started.append(Instance(place, f"instance-{len(started)}", *arguments))
        return started[-1]

    yield one
    for instance in started:
        if instance.process.poll() is None:
            instance.process.kill()
        instance.process.wait()


def messages(now_ms: int) -> Iterator[CensusMessage]:
    """Summaries of workers of eight partitions and of five clients, over the last five minutes."""
    for number in itertools.count():
        at_ms = now_ms - 300_000 + number % 300 * 1000
        if number % 3:
            yield CensusMessage(
                "mix",
                "orders",
                "orders",
                {"v1": number % 5, "v2": 1},
                at_ms,
                at_ms + 900,
                partition=number % 8,
                client=("shop", "app", "")[number % 7 % 3],
            )
        else:
            name = f"client-{number % 5}"
            kind, group = ("reads", "billing") if number % 2 else ("writes", "")
            yield CensusMessage(
                kind,  # type: ignore[arg-type]
                "orders",
                "orders",
                {"v2": 1 + number % 3},
                at_ms,
                at_ms + 30_000,
                client=name,
                group=group,
                owner="team a",
                found={"v1": 1} if kind == "reads" else {},
            )


def seen(place: Place) -> Reading:
    return read_census(place.kafka, place.topics)


def followed(place: Place, state: State) -> Followed:
    """What somebody comes to who begins to follow now, with what the state store keeps."""
    follower = Follower(place.topics, window_ms=60_000, keep_ms=30 * 86_400_000)
    return follower.read(Cluster(place.kafka), time.time_ns() // 1_000_000, state.census)


def shared(place: Place, members: int) -> bool:
    """Does every one of that many instances have partitions of the summaries?"""
    found = Cluster(place.kafka).members(place.topics.group) or []
    working = [one for one in found if any(topic == place.topics.summaries for topic, _ in one.partitions)]
    return len(found) == len(working) == members


def test_tables_agree_with_a_full_count_within_a_window_of_a_kill(place: Place, start: Callable[..., Instance]) -> None:
    doomed = start("--create", "--keep")
    until("the topics are made", lambda: Cluster(place.kafka).find(place.topics.clients_changelog), WAIT_S)
    survivor = start("--keep")
    until("both instances have partitions", lambda: shared(place, 2), WAIT_S)

    producer = Producer({**place.kafka, "enable.idempotence": True})
    source, whole = messages(time.time_ns() // 1_000_000), FullCount()

    def send(count: int) -> None:
        some = list(itertools.islice(source, count))
        publish(producer, place.topics.summaries, some)
        for message in some:
            whole.take(message)

    send(400)
    until("the instances have counted", lambda: whole.agrees(tables(place)), WAIT_S)
    # Killed in the middle of its work: some of this is counted and not committed, some not even read.
    send(400)
    until("it works", lambda: FullCount.of(tables(place)).records > whole.records * 0.6, WAIT_S)
    doomed.process.kill()
    killed_s = time.monotonic()
    send(400)
    # Whoever reads the census counts for himself what nobody has counted yet.
    assert whole.agrees(seen(place).census)
    until("the tables agree with the full count", lambda: whole.agrees(tables(place)), WAIT_S)
    agreed_s = time.monotonic() - killed_s
    print(f"the tables agreed with the full count {agreed_s:.1f} s after the kill")

    assert agreed_s < WINDOW_S
    assert doomed.process.wait() == -9
    with open_state("sqlite:///.instar/state.db", "local", place.root) as state:
        until("the state store agrees", lambda: whole.agrees(state.census.read()), WAIT_S)
    until("the survivor has committed", lambda: seen(place).behind == 0, WAIT_S)
    with open_state("sqlite:///.instar/state.db", "local", place.root) as state:
        until("what is committed of the results is kept", lambda: followed(place, state).begun_with == STORE, WAIT_S)
        assert whole.agrees(followed(place, state).census)
    survivor.process.terminate()
    assert survivor.process.wait(60) == 143, survivor.said
    assert whole.agrees(tables(place))

    shown = instar("census", "show", "orders", "-o", "json", at=place.root)
    assert shown.code == 0
    assert shown.json["summaries_not_counted"] == 0
    assert sum(sum(each["versions"].values()) for each in shown.json["mix"]) == sum(
        counter.total() for counter in whole.mix.values()
    )


def test_a_census_that_starts_again_goes_on_where_it_stood(place: Place, start: Callable[..., Instance]) -> None:
    producer = Producer(place.kafka)
    source, whole = messages(time.time_ns() // 1_000_000), FullCount()
    for _ in range(2):
        instance = start("--create", "--partitions", "2")
        until("its topics are made", lambda: Cluster(place.kafka).find(place.topics.clients_changelog), WAIT_S)
        some = list(itertools.islice(source, 60))
        publish(producer, place.topics.summaries, [*some[:30]])
        # What nobody can read must not stand in the way of the rest.
        producer.produce(place.topics.summaries, b"not JSON")
        publish(producer, place.topics.summaries, some[30:])
        for message in some:
            whole.take(message)
        until("the tables agree with the full count", lambda: whole.agrees(tables(place)), WAIT_S)
        instance.process.terminate()
        assert instance.process.wait(60) == 143, instance.said
        assert "a summary cannot be used" in instance.said


def test_what_the_store_keeps_is_forgotten_once_it_no_longer_counts(
    place: Place, start: Callable[..., Instance]
) -> None:
    with (place.root / "instar.toml").open("a", encoding="utf-8") as settings:
        settings.write('forget_after = "1d"\n')
    now_ms = time.time_ns() // 1_000_000
    told = {
        name: CensusMessage("reads", "orders", "orders", {"v1": 1}, at_ms, at_ms, client=name)
        for name, at_ms in (("silent", now_ms - 2 * 86_400_000), ("heard", now_ms))
    }
    with open_state("sqlite:///.instar/state.db", "local", place.root) as state:
        state.census.keep(counted(started(each, 0), each, 1) for each in told.values())
        start("--create", "--keep")
        until("it is forgotten", lambda: [each.client for each in state.census.read().clients] == ["heard"], WAIT_S)


def test_missing_topics_are_named(place: Place) -> None:
    ran = instar("census", "run", at=place.root)

    assert ran.code == 1
    assert place.topics.summaries in ran.err
    assert "--create" in ran.err
