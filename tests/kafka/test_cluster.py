"""Topics, offsets and scans, on the broker inside the client and on a real one."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from tests.support.projects import event, produce
from tests.support.workers import until

from instar.core.provenance import NO_TOPIC_ID
from instar.kafka.built_in import BuiltInBroker
from instar.kafka.cluster import Cluster
from instar.kafka.errors import TopicMissing, Unreachable
from instar.kafka.scan import scan
from realkafka.pytest_plugin import Kafka

KEEP = {"retention.ms": "-1"}


@pytest.fixture(scope="module")
def built_in() -> Iterator[Cluster]:
    with BuiltInBroker() as broker:
        yield Cluster({"bootstrap.servers": broker.bootstrap})


@pytest.fixture
def real(kafka: Kafka) -> Cluster:
    return Cluster(kafka.client_config())


@pytest.fixture(params=["built-in", "real"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    found: Cluster = request.getfixturevalue("built_in" if request.param == "built-in" else "real")
    return found


@pytest.fixture
def topic(cluster: Cluster) -> str:
    name = f"cluster-{uuid4().hex[:10]}"
    cluster.create(name, 4, KEEP)
    return name


def test_a_topic_that_is_made_is_found_and_made_only_once(cluster: Cluster, topic: str) -> None:
    found = cluster.topic(topic)
    assert (found.name, found.partitions) == (topic, 4)
    assert (found.id == NO_TOPIC_ID) == cluster.built_in
    cluster.create(topic, 8, KEEP)
    assert cluster.topic(topic) == found
    assert topic in cluster.topics()


def test_what_a_real_topic_is_set_to_is_known(real: Cluster, topic_name: Callable[[str], str]) -> None:
    name = topic_name("settings")
    real.create(name, 1, {"cleanup.policy": "compact", "max.message.bytes": "2000000"})
    found = real.topic(name)
    assert (found.compacted, found.max_message_bytes) == (True, 2_000_000)


def test_a_topic_that_is_not_there_is_named(real: Cluster) -> None:
    assert real.find("nowhere") is None
    with pytest.raises(TopicMissing, match="'nowhere' does not exist"):
        real.topic("nowhere")


def test_a_cluster_that_does_not_answer_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1\b"):
        Cluster({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}, timeout_s=1.0)


def test_offsets_of_a_group_that_never_ran_are_set_and_read_with_their_metadata(cluster: Cluster, topic: str) -> None:
    group = f"group-{topic}"
    assert cluster.committed(group, topic, range(4)) == {}
    cluster.commit(group, topic, {0: (0, "first"), 2: (0, "second")})
    assert cluster.committed(group, topic, range(4)) == {0: (0, "first"), 2: (0, "second")}


def test_a_scan_gives_every_record_of_its_range_in_order(cluster: Cluster, topic: str) -> None:
    produce(cluster.kafka, topic, [event(number, 1, number % 2) for number in range(100)])
    starts, ends = cluster.start_offsets(topic, range(4)), cluster.end_offsets(topic, range(4))
    assert ends == {0: 50, 1: 50, 2: 0, 3: 0}
    found = list(scan(cluster.kafka, topic, starts, ends))
    assert sorted((record.partition, record.offset) for record in found) == [(p, o) for p in (0, 1) for o in range(50)]
    for partition in (0, 1):
        offsets = [record.offset for record in found if record.partition == partition]
        assert offsets == sorted(offsets)
    assert {len(record.headers) for record in found} == {3}
    part = [record.offset for record in scan(cluster.kafka, topic, {0: 10}, {0: 20})]
    assert part == list(range(10, 20))
    assert list(scan(cluster.kafka, topic, {2: 0}, {2: 0})) == []


def test_a_scan_ends_behind_aborted_records_and_markers(real: Cluster, topic_name: Callable[[str], str]) -> None:
    topic = topic_name("aborted")
    real.create(topic, 1, KEEP)
    producer = Producer({**real.kafka, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(30)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(topic, b"value", partition=0)
        producer.flush(30)
        end(30)
    ends = {0: 4}  # two records, two markers, which are written a moment after the call that asks for them
    until("both markers are there", lambda: real.end_offsets(topic, [0]) == ends)
    assert [record.offset for record in scan(real.kafka, topic, {0: 0}, ends)] == [0]
    assert [record.offset for record in scan(real.kafka, topic, {0: 0}, ends, committed=False)] == [0, 2]
    producer.begin_transaction()
    producer.produce(topic, b"open", partition=0)
    producer.flush(30)
    # Read committed, the end stands still at an open transaction; the bound does not, and the scan says why it waits.
    assert real.end_offsets(topic, [0]) == {0: 5}
    assert real.end_offsets(topic, [0], committed=True) == {0: 4}
    with pytest.raises(Unreachable, match="open transaction"):
        list(scan(real.kafka, topic, {0: 0}, {0: 5}, silence_timeout_s=0.5))
    producer.abort_transaction(30)
    producer.close()
