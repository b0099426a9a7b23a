"""Many short ranges of one topic through one consumer, on a real Kafka."""

from collections.abc import Callable, Mapping
from threading import Timer
from typing import Any

import pytest
from confluent_kafka import Producer

from instar.kafka.cluster import Cluster
from instar.kafka.errors import Unreachable
from instar.kafka.partition_reader import PartitionReader
from realkafka.pytest_plugin import Kafka


def transactional(kafka: Mapping[str, Any], name: str) -> Producer:
    producer = Producer({**kafka, "transactional.id": name, "transaction.timeout.ms": 20_000})
    producer.init_transactions(20)
    return producer


def write(producer: Producer, topic: str, count: int, *, commit: bool) -> None:
    producer.begin_transaction()
    for number in range(count):
        producer.produce(topic, value=b"%d" % number, partition=0)
    producer.flush(20)
    if commit:
        producer.commit_transaction(20)
    else:
        producer.abort_transaction(20)


def test_ranges_are_exact_over_markers_and_aborted_records(kafka: Kafka, new_topic: Callable[..., str]) -> None:
    topic, settings = new_topic("ranges", partitions=1), kafka.client_config()
    producer = transactional(settings, topic)
    for commit in (True, False, True):
        write(producer, topic, 5, commit=commit)  # offsets 0-4 and marker 5, 6-10 aborted and 11, 12-16 and 17
    end = Cluster(settings).end_offsets(topic, [0])[0]
    visible = [0, 1, 2, 3, 4, 12, 13, 14, 15, 16]
    with PartitionReader(settings, topic) as reader:
        for start in range(end + 1):
            for bound in {start, min(start + 1, end), min(start + 7, end), end}:
                found = [record.offset for record in reader.read(0, start, bound)]
                assert found == [offset for offset in visible if start <= offset < bound], (start, bound)


def test_a_range_that_is_left_early_does_not_disturb_the_next(kafka: Kafka, new_topic: Callable[..., str]) -> None:
    topic, settings = new_topic("ranges", partitions=1), kafka.client_config()
    write(transactional(settings, topic), topic, 50, commit=True)
    with PartitionReader(settings, topic) as reader:
        left = reader.read(0, 10, 50)
        assert next(left).offset == 10
        assert [record.offset for record in reader.read(0, 5, 8)] == [5, 6, 7]
        with pytest.raises(RuntimeError, match="another was begun"):
            next(left)


def test_an_open_transaction_below_the_bound_is_waited_for(kafka: Kafka, new_topic: Callable[..., str]) -> None:
    topic, settings = new_topic("ranges", partitions=1), kafka.client_config()
    producer = transactional(settings, topic)
    producer.begin_transaction()
    producer.produce(topic, value=b"open", partition=0)
    producer.flush(20)
    end = Cluster(settings).end_offsets(topic, [0])[0]
    with PartitionReader(settings, topic, silence_timeout_s=1) as reader, pytest.raises(Unreachable, match="open"):
        list(reader.read(0, 0, end))
    with PartitionReader(settings, topic) as reader:
        found = reader.read(0, 0, end)
        timer = Timer(0.5, producer.commit_transaction)
        timer.start()
        assert [record.value for record in found] == [b"open"]
        timer.join()
