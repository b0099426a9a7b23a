"""Topics that a rollout makes and deletes: only those that are its own."""

from collections.abc import Callable
from itertools import count
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from tests.support.effects import Kill, Trial, context, killed, plan

from instar.core.rollout.effect import CreateTopic, DeleteTopic
from instar.kafka.cluster import Cluster
from instar.kafka.errors import AmbiguousOutcome
from instar.rollout.running.topics import CreateTopics, DeleteTopics
from realkafka.broker import KafkaServer
from realkafka.pytest_plugin import Kafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def cluster(kafka: Kafka) -> Cluster:
    return Cluster(kafka.client_config())


def making(cluster: Cluster, **settings: str) -> Trial:
    topic = f"new-{uuid4().hex[:8]}"
    effect = CreateTopic(topic, 2, settings)
    return Trial(lambda between: CreateTopics(cluster, between), effect, context(plan("old", topic)), lambda: None)


def deleting(cluster: Cluster, *, in_flight_s: float = 1.0) -> Trial:
    topic = f"old-{uuid4().hex[:8]}"
    cluster.create(topic, 2, {})
    return Trial(
        lambda between: DeleteTopics(cluster, between, in_flight_s=in_flight_s),
        DeleteTopic(topic),
        context(plan(topic, "new")),
        lambda: cluster.find(topic),
    )


def name(trial: Trial) -> str:
    assert isinstance(trial.effect, CreateTopic | DeleteTopic)
    return trial.effect.topic


def make_again(cluster: Cluster, topic: str) -> bytes:
    cluster.delete(topic)
    cluster.create(topic, 2, {})
    return cluster.topic(topic).id


def write(cluster: Cluster, topic: str) -> None:
    producer = Producer(cluster.kafka)
    producer.produce(topic, b"x")
    assert producer.flush(60) == 0


def test_a_topic_that_somebody_made_again_under_the_name_is_not_deleted(cluster: Cluster) -> None:
    trial = making(cluster).begun().done()
    theirs = make_again(cluster, name(trial))
    outcome = trial.revert()
    assert (outcome.kind, outcome.evidence["deleted"]) == ("done", False)
    assert cluster.topic(name(trial)).id == theirs


def test_the_topic_that_was_made_is_deleted_with_the_records_in_it(cluster: Cluster) -> None:
    trial = making(cluster).begun().done()
    write(cluster, name(trial))
    assert trial.revert().evidence["deleted"] is True
    assert cluster.find(name(trial)) is None


def test_where_making_it_was_only_begun_a_topic_with_records_is_left(cluster: Cluster) -> None:
    trial = making(cluster).begun()
    assert killed(trial.run, 0)
    write(cluster, name(trial))
    assert trial.revert().evidence["deleted"] is False
    assert cluster.find(name(trial)) is not None


def test_a_topic_that_was_there_before_is_used_and_never_deleted(cluster: Cluster) -> None:
    trial = making(cluster)
    cluster.create(name(trial), 2, {})
    done = trial.begun().done()
    assert done.context.evidence["made"] is False
    assert done.revert().evidence["deleted"] is False
    assert cluster.find(name(trial)) is not None


def test_a_topic_that_is_not_as_planned_is_named_with_every_difference_and_left_alone(cluster: Cluster) -> None:
    trial = making(cluster, **{"cleanup.policy": "delete,compact", "max.message.bytes": "5000", "retention.ms": "7"})
    cluster.create(name(trial), 3, {"cleanup.policy": "compact"})
    before = cluster.topic(name(trial))
    outcome = trial.begun().run()
    assert outcome.kind == "failed"
    assert "3 partitions, planned are 2" in outcome.message
    assert "cleanup.policy = compact, planned is delete,compact" in outcome.message
    assert "max.message.bytes" in outcome.message
    assert "retention.ms" not in outcome.message  # held, and set after the switch
    assert cluster.topic(name(trial)) == before


def test_a_policy_written_in_another_order_is_the_same(cluster: Cluster) -> None:
    trial = making(cluster, **{"cleanup.policy": "delete,compact"})
    cluster.create(name(trial), 2, {"cleanup.policy": "compact,delete"})
    assert trial.begun().run().kind == "done"


def test_a_topic_that_was_there_and_is_gone_is_not_made_in_its_place(cluster: Cluster) -> None:
    trial = making(cluster)
    cluster.create(name(trial), 2, {})
    begun = trial.begun()
    cluster.delete(name(trial))
    assert begun.run().kind == "failed"
    assert cluster.find(name(trial)) is None


def test_deleting_killed_anywhere_is_finished_by_deleting_again(cluster: Cluster) -> None:
    for at in count():
        trial = deleting(cluster).begun()
        died = killed(trial.run, at)
        trial.done()
        trial.done()
        assert trial.world() is None
        assert trial.making(Kill()).happened(trial.effect, trial.context) is True
        if not died:
            assert at == 2
            return


def test_another_topic_of_the_name_is_not_deleted(cluster: Cluster) -> None:
    trial = deleting(cluster).begun()
    theirs = make_again(cluster, name(trial))
    assert trial.run().kind == "done"
    assert cluster.topic(name(trial)).id == theirs
    assert trial.making(Kill()).happened(trial.effect, trial.context) is True  # ours is gone


def test_a_topic_that_came_after_the_picture_is_not_deleted(cluster: Cluster) -> None:
    trial = deleting(cluster)
    cluster.delete(name(trial))
    begun = trial.begun()
    cluster.create(name(trial), 2, {})
    assert begun.run().kind == "done"
    assert cluster.find(name(trial)) is not None


def test_a_topic_that_still_stands_when_requests_have_had_their_time_was_not_deleted(cluster: Cluster) -> None:
    trial = deleting(cluster).begun()
    assert trial.making(Kill()).happened(trial.effect, trial.context) is False


def test_the_answer_whether_it_was_deleted_is_still_true_when_a_lost_request_arrives(
    own_kafka: Callable[..., KafkaServer],
) -> None:
    server = own_kafka()
    impatient = Cluster(server.client_config(), timeout_s=2.0)
    trial = deleting(impatient).begun()
    server.suspend()
    try:
        with pytest.raises(AmbiguousOutcome):
            impatient.delete(name(trial))
    finally:
        server.resume()
    handler = DeleteTopics(Cluster(server.client_config()), in_flight_s=20.0)
    answer = handler.happened(trial.effect, trial.context)
    assert answer is (Cluster(server.client_config()).find(name(trial)) is None)
