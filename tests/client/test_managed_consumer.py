"""A managed consumer leaves when its group is asked to, and goes on in the topic that it is sent to."""

from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from tests.support.barrier import Stage, make_stage
from tests.support.workers import until

from instar.client import ManagedConsumer, SetupError
from instar.core.rollout.control_messages import GroupMessage
from realkafka.pytest_plugin import Kafka


@pytest.fixture
def stage(kafka: Kafka, topic_name: Callable[[str], str]) -> Stage:
    return make_stage(kafka.client_config(), topic_name("consumed"))


def write(stage: Stage, topic: str, *values: bytes) -> None:
    producer = Producer({**stage.kafka, "log_level": 2})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(60) == 0


def reader(stage: Stage, group: str) -> ManagedConsumer:
    settings = {**stage.kafka, "auto.offset.reset": "earliest", "enable.auto.commit": True, "log_level": 2}
    return ManagedConsumer(settings, stage.migration, group=group, old=stage.source, new=stage.target)


def values(consumer: ManagedConsumer, count: int) -> list[bytes]:
    found: list[bytes] = []

    def enough() -> bool:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            found.append(message.value() or b"")
        return len(found) >= count

    until(f"{count} records come", enough)
    return found


def test_a_group_leaves_with_its_offsets_committed_and_reads_where_it_is_sent(stage: Stage) -> None:
    group = f"billing-{stage.migration}"
    write(stage, stage.source, b"1", b"2")
    write(stage, stage.target, b"one", b"two", b"three")
    with reader(stage, group) as consumer:
        assert values(consumer, 2) == [b"1", b"2"]
        stage.say(GroupMessage(group, "leave", "new", 1, 1))
        until("it leaves", lambda: consumer.poll(0.2) is None and consumer.topic is None)
        assert stage.cluster.members(group) == []
        assert stage.cluster.committed(group, stage.source, [0])[0][0] == 2
        stage.cluster.commit(group, stage.target, {0: (2, "")})  # as the translation does
        stage.say(GroupMessage(group, "read", "new", 1, 2))
        assert values(consumer, 1) == [b"three"]
        assert consumer.topic == stage.target


def test_who_starts_while_its_group_is_asked_to_leave_does_not_join(stage: Stage) -> None:
    group = f"billing-{stage.migration}"
    stage.say(GroupMessage(group, "leave", "new", 1, 1))
    with reader(stage, group) as consumer:
        assert consumer.poll(0.2) is None
        assert (consumer.topic, consumer.consumer) == (None, None)
        assert stage.cluster.members(group) == []


def test_the_group_is_named_once(stage: Stage) -> None:
    with pytest.raises(SetupError, match=r"group\.id"):
        ManagedConsumer({**stage.kafka, "group.id": "x"}, stage.migration, group="y", old="a", new="b")
