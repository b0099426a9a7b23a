"""Following the census: look by look it comes to what a whole reading comes to, wherever each look had to stop."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.census.counting import publish
from tests.census.test_two_instances import messages

from instar.census import following
from instar.census.following import Followed, Follower, Writer
from instar.census.reading import NoCensus, read_census
from instar.census.topics import CensusTopics
from instar.core.census_message import CensusMessage
from instar.core.census_result import Result, counted, parse_result, started
from instar.core.rejected import Rejected
from instar.kafka.built_in import BuiltInBroker
from instar.kafka.cluster import Cluster
from instar.kafka.errors import KafkaTrouble
from instar.kafka.scan import scan
from instar.state.opening import open_state

DAY_MS = 86_400_000
KEEP_MS = 30 * DAY_MS
NOW_MS = time.time_ns() // 1_000_000


class Place:
    """A census of its own on the real Kafka, counted by hand where a test says so."""

    def __init__(self, kafka: dict[str, Any], topic: str) -> None:
        self.kafka, self.topics, self.cluster = kafka, CensusTopics(topic), Cluster(kafka)
        self.producer = Producer(kafka)
        self.states: dict[bytes, Result] = {}

    def follower(self) -> Follower:
        return Follower(self.topics, window_ms=60_000, keep_ms=KEEP_MS)

    def tell(self, told: list[CensusMessage]) -> None:
        publish(self.producer, self.topics.summaries, told)

    def count(self) -> None:
        """What a running census does: results of all summaries, then its offsets."""
        partitions = range(self.cluster.topic(self.topics.summaries).partitions)
        ends = self.cluster.end_offsets(self.topics.summaries, partitions)
        for record in scan(self.kafka, self.topics.summaries, dict.fromkeys(partitions, 0), ends):
            message = CensusMessage(**_fields(record.value))
            blank = started(message, record.partition)
            state = counted(self.states.get(blank.key, blank), message, record.offset)
            self.states[blank.key] = state
            self.producer.produce(self.topics.results, state.encode(), state.key, partition=record.partition)
        assert self.producer.flush(60) == 0
        self.cluster.commit(self.topics.group, self.topics.summaries, {each: (end, "") for each, end in ends.items()})

    def kept(self) -> None:
        """What an instance with --keep commits: all results are in the store."""
        partitions = range(self.cluster.topic(self.topics.results).partitions)
        ends = self.cluster.end_offsets(self.topics.results, partitions)
        self.cluster.commit(self.topics.group, self.topics.results, {each: (end, "") for each, end in ends.items()})


def _fields(value: bytes | None) -> dict[str, Any]:
    message = following.parse(value or b"")
    assert not isinstance(message, Rejected)
    return {name: getattr(message, name) for name in message.__slots__}


def read(follower: Follower, place: Place, **more: Any) -> Followed:
    return follower.read(place.cluster, NOW_MS, **more)


@pytest.fixture
def place(kafka: Any, topic_name: Callable[[str], str]) -> Place:
    place = Place(kafka.client_config(), topic_name("census"))
    place.cluster.create(place.topics.summaries, 2, {})
    return place


def test_without_topics_there_is_no_census(kafka: Any, topic_name: Callable[[str], str]) -> None:
    place = Place(kafka.client_config(), topic_name("none"))
    with pytest.raises(NoCensus, match="There is no census"):
        read(place.follower(), place)


def test_it_agrees_with_a_whole_reading_at_every_look_with_and_without_a_running_census(place: Place) -> None:
    source = messages(NOW_MS)
    follower = place.follower()
    for running in (False, False, True, False, True):
        place.tell(list(itertools.islice(source, 40)))
        if running:
            place.cluster.create(place.topics.results, 2, {})
            place.count()
        whole = read_census(place.kafka, place.topics).census
        for each in (follower, place.follower()):  # one that followed, and one that begins here
            found = read(each, place)
            assert found.part_read == 1
            assert found.census == whole


def test_a_look_that_is_cut_off_goes_on_where_it_stood_and_says_so(place: Place) -> None:
    place.cluster.create(place.topics.results, 2, {})
    place.tell(list(itertools.islice(messages(NOW_MS), 60)))
    place.count()
    place.tell(list(itertools.islice(messages(NOW_MS), 60)))
    whole = read_census(place.kafka, place.topics).census
    follower, parts = place.follower(), list[float]()
    while not parts or parts[-1] < 1:
        found = read(follower, place, limit_s=0.0)
        parts.append(found.part_read)
    assert len(parts) > 100  # a record a look
    assert parts == sorted(parts)
    assert found.census == whole


def test_what_the_state_store_keeps_is_not_read_again_from_kafka(place: Place, tmp_path: Path) -> None:
    place.cluster.create(place.topics.results, 2, {})
    place.tell(list(itertools.islice(messages(NOW_MS), 60)))
    place.count()
    with open_state("sqlite:///state.db", "local", tmp_path) as state:
        state.census.keep(place.states.values())
        assert read(place.follower(), place, kept=state.census).begun_with == f"the topic {place.topics.results}"
        place.kept()
        place.tell(list(itertools.islice(messages(NOW_MS), 30)))
        place.count()  # these results nobody has kept yet
        place.tell(list(itertools.islice(messages(NOW_MS), 30)))
        found = read(place.follower(), place, kept=state.census)
    assert found.begun_with == "the state store"
    assert found.census == read_census(place.kafka, place.topics).census


def test_topics_that_are_made_anew_are_read_anew(place: Place) -> None:
    follower = place.follower()
    place.tell(list(itertools.islice(messages(NOW_MS), 30)))
    assert read(follower, place).census.clients
    place.cluster.delete(place.topics.summaries)
    place.cluster.create(place.topics.summaries, 2, {})
    assert read(follower, place).census.clients == ()


def test_old_windows_are_forgotten_and_who_wrote_in_them_is_not(place: Place) -> None:
    at_ms = NOW_MS - 3 * DAY_MS
    place.tell([CensusMessage("mix", "orders", "orders", {"v1": 5}, at_ms, at_ms + 1, partition=0, client="till")])
    found = read(place.follower(), place)
    assert found.census.mixes == {}
    window_ms = at_ms // 60_000 * 60_000
    assert found.writers == {Writer("orders", "orders", "till", "v1"): window_ms + 60_000}


def test_the_newest_windows_are_kept_where_there_are_too_many(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LIMIT_WINDOWS", 10)
    told = [
        CensusMessage("mix", "orders", "orders", {"v1": 1}, NOW_MS - n * 60_000, NOW_MS - n * 60_000, partition=0)
        for n in range(50)
    ]
    place.tell(told)
    found = read(place.follower(), place)
    starts = [key.window_start_ms for key in found.census.mixes]
    assert len(starts) == 10
    assert max(starts) == NOW_MS // 60_000 * 60_000
    assert found.windows_since_ms > min(starts)


def test_too_many_programs_are_a_trouble_and_none_is_left_out(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LIMIT_CLIENTS", 3)
    place.tell([CensusMessage("reads", "o", "o", {"v1": 1}, NOW_MS, NOW_MS, client=f"pod-{n}") for n in range(4)])
    with pytest.raises(KafkaTrouble, match="more than 3 programs"):
        read(place.follower(), place)


def test_a_program_that_was_silent_for_too_long_is_forgotten(place: Place) -> None:
    follower = place.follower()
    place.tell([CensusMessage("reads", "o", "o", {"v1": 1}, NOW_MS, NOW_MS, client="billing")])
    assert read(follower, place).census.clients
    assert follower.read(place.cluster, NOW_MS + KEEP_MS + 1).census.clients == ()


def test_on_the_built_in_broker_programs_are_counted_too() -> None:
    with BuiltInBroker() as broker:
        place = Place({"bootstrap.servers": broker.bootstrap}, "instar.census")
        place.cluster.create(place.topics.summaries, 4, {})
        place.tell(list(itertools.islice(messages(NOW_MS), 30)))
        found = read(place.follower(), place)
        assert found.census == read_census(place.kafka, place.topics).census
        assert found.census.clients


def test_a_result_that_nobody_can_read_stands_in_nobodys_way(place: Place) -> None:
    place.cluster.create(place.topics.results, 2, {})
    place.producer.produce(place.topics.results, b"not JSON", b"k")
    place.tell(list(itertools.islice(messages(NOW_MS), 10)))
    found = read(place.follower(), place)
    assert found.unusable == 1
    assert isinstance(parse_result(b"not JSON"), Rejected)
    assert found.census.clients
