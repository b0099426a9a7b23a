"""The old topic in an archive before it goes, held against the log."""

import threading
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from tests.support.effects import Trial, context, plan

from instar.archives.topic_manifest import read_manifest
from instar.core.rollout.effect import ArchiveTopic, LockTopic
from instar.kafka.access import Access
from instar.kafka.cluster import Cluster
from instar.operations.archiving import TopicArchiver
from instar.rollout.running.archives import Archives
from instar.rollout.running.permissions import Locks
from realkafka.pytest_plugin import Kafka

pytestmark = pytest.mark.kafka

RECORDS = 500


@pytest.fixture
def cluster(kafka: Kafka) -> Cluster:
    return Cluster(kafka.client_config())


@pytest.fixture
def topic(cluster: Cluster) -> str:
    name = f"old-{uuid4().hex[:8]}"
    cluster.create(name, 2, {})
    write(cluster, name, RECORDS)
    return name


def write(cluster: Cluster, topic: str, records: int) -> None:
    producer = Producer(cluster.kafka)
    for number in range(records):
        producer.produce(topic, b"%d" % number, partition=number % 2)
    assert producer.flush(60) == 0


def archiving(cluster: Cluster, topic: str, root: Path, stop: threading.Event | None = None) -> Trial:
    archiver = TopicArchiver(cluster, root, stop)
    facts = context(plan(topic, f"{topic}.v3", settings={"max.message.bytes": "2000000"}))
    return Trial(lambda _: Archives(archiver), ArchiveTopic(topic, "kept/old"), facts, lambda: None).begun()


def test_the_archive_is_whole_and_writing_it_again_is_only_looking(
    cluster: Cluster, topic: str, tmp_path: Path
) -> None:
    trial = archiving(cluster, topic, tmp_path).done()
    assert trial.context.evidence["records"] == RECORDS
    assert trial.context.evidence["not_read_again"] == []
    files = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    assert trial.done().context.evidence == trial.context.evidence
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == files
    assert trial.revert().kind == "done"
    assert read_manifest(tmp_path / "kept/old").records == RECORDS


def test_an_archive_of_a_locked_topic_is_not_locked(cluster: Cluster, topic: str, tmp_path: Path) -> None:
    access = Access(cluster.kafka)
    trial = archiving(cluster, topic, tmp_path)
    locking = Trial(lambda between: Locks(cluster, access, between), LockTopic(topic), trial.context, lambda: None)
    locking.begun().done()
    trial.done()
    assert read_manifest(tmp_path / "kept/old").scope.settings["max.message.bytes"] == "2000000"


def test_stopped_on_the_way_it_goes_on_when_it_is_run_again(cluster: Cluster, topic: str, tmp_path: Path) -> None:
    write(cluster, topic, 10_000)
    stop = threading.Event()
    stop.set()
    assert archiving(cluster, topic, tmp_path, stop).run().kind == "waiting"
    assert archiving(cluster, topic, tmp_path).done().context.evidence["records"] == RECORDS + 10_000


def test_an_archive_from_before_the_last_records_is_refused(cluster: Cluster, topic: str, tmp_path: Path) -> None:
    archiving(cluster, topic, tmp_path).done()
    write(cluster, topic, 2)
    outcome = archiving(cluster, topic, tmp_path).run()
    assert outcome.kind == "failed"
    assert "partition 1 is in it from 0 to 250, and the log has 0 to 251" in outcome.message


def test_an_archive_of_another_topic_of_the_name_is_refused(cluster: Cluster, topic: str, tmp_path: Path) -> None:
    archiving(cluster, topic, tmp_path).done()
    cluster.delete(topic)
    cluster.create(topic, 2, {})
    write(cluster, topic, RECORDS)
    outcome = archiving(cluster, topic, tmp_path).run()
    assert outcome.kind == "failed"
    assert "topic id" in outcome.message


def test_an_archive_that_was_damaged_is_refused(cluster: Cluster, topic: str, tmp_path: Path) -> None:
    archiving(cluster, topic, tmp_path).done()
    segment = next(path for path in sorted(tmp_path.rglob("*")) if path.is_file() and path.name != "manifest.json")
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(bytes(content))
    outcome = archiving(cluster, topic, tmp_path).run()
    assert outcome.kind == "failed"
    assert segment.name in outcome.message
