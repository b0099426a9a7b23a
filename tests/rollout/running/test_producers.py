"""The barrier waits for whoever says that it is there, and names whom it cannot stop, on a real Kafka."""

from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from tests.support.barrier import Barrier, MadeUpPermissions, Stage, make_stage
from tests.support.projects import event, produce

from instar.core.fence import Rule
from instar.core.provenance import Stamp
from instar.core.rollout import effect as do
from instar.core.rollout.control_messages import Acknowledgement, ProducerMessage, key_of
from instar.kafka.access import Access
from instar.kafka.entries import write_entries
from instar.rollout.ports import Outcome
from instar.rollout.running.permissions import Permissions
from realkafka.broker import KafkaServer
from realkafka.pytest_plugin import Kafka


@pytest.fixture
def stage(kafka: Kafka, topic_name: Callable[[str], str]) -> Stage:
    return make_stage(kafka.client_config(), topic_name("producers"))


def awaiting(barrier: Barrier, stage: Stage, *waived: str, epoch: int = 1) -> Outcome:
    return barrier.runner.run(do.AwaitProducers(epoch, stage.source, waived), stage.context())


def test_all_have_acknowledged_and_the_topic_stays_quiet(stage: Stage) -> None:
    stage.say(ProducerMessage("till", 1), ProducerMessage("web", 1), Acknowledgement("till", 1, 2))
    with stage.coordinator() as barrier:
        waiting = awaiting(barrier, stage)
        assert (waiting.kind, waiting.evidence["silent"]) == ("waiting", ["web"])
        stage.say(Acknowledgement("web", 1, 3))
        assert awaiting(barrier, stage).kind == "waiting"  # is there anybody else?
        barrier.clock.now_s += 5
        done = awaiting(barrier, stage)
        assert (done.kind, done.evidence["acknowledged"], done.evidence["known_by_rules"]) == (
            "done",
            ["till", "web"],
            False,
        )
        assert awaiting(barrier, stage).kind == "done"


def test_an_acknowledgement_of_an_attempt_that_was_undone_counts_for_nothing(stage: Stage) -> None:
    stage.say(ProducerMessage("till", 1), Acknowledgement("till", 1, 2))
    with stage.coordinator() as barrier:
        assert awaiting(barrier, stage, epoch=2).evidence["silent"] == ["till"]


def test_without_an_authorizer_a_silent_producer_fails_the_barrier_by_name_unless_it_is_waived(stage: Stage) -> None:
    stage.say(ProducerMessage("till", 1))
    with stage.coordinator() as barrier:
        assert awaiting(barrier, stage).kind == "waiting"
        barrier.clock.now_s += 60
        failed = awaiting(barrier, stage)
        assert (failed.kind, failed.evidence["silent"]) == ("failed", ["till"])
        assert "producer:till" in failed.remedy
        assert awaiting(barrier, stage, "till").kind == "waiting"
        barrier.clock.now_s += 5
        assert awaiting(barrier, stage, "till").kind == "done"


def test_a_producer_whose_word_is_damaged_is_silent(stage: Stage) -> None:
    key = key_of(stage.migration, ProducerMessage("till", 1))
    write_entries(stage.cluster, "instar.control", {key: b'{"format": 99}'})
    with stage.coordinator() as barrier:
        barrier.clock.now_s = -60
        awaiting(barrier, stage)
        barrier.clock.now_s = 0
        assert awaiting(barrier, stage).evidence["silent"] == ["till"]


def test_records_of_somebody_unmanaged_fail_the_barrier_and_those_of_a_bridge_do_not(stage: Stage) -> None:
    with stage.coordinator() as barrier:
        assert awaiting(barrier, stage).kind == "waiting"
        copied = event(1, 1, 0)
        stamp = Stamp(stage.migration, "down", bytes(16), 0).header(5, 0, 1, copied.key, copied.value)
        producer = Producer({**stage.kafka, "log_level": 2})
        producer.produce(stage.source, copied.value, copied.key, partition=0, headers=[stamp])
        assert producer.flush(60) == 0
        assert awaiting(barrier, stage).kind == "waiting"
        produce(stage.kafka, stage.source, [event(2, 1, 1), event(3, 1, 1)])
        failed = awaiting(barrier, stage)
        assert (failed.kind, failed.evidence["unmanaged_records"]) == ("failed", {"1": 2})
        assert "producer:unmanaged" in failed.remedy
        assert awaiting(barrier, stage, "unmanaged").kind == "done"


def test_with_an_authorizer_all_lose_the_permission_who_have_not_acknowledged(stage: Stage) -> None:
    permissions = MadeUpPermissions({"User:till", "User:web", "User:batch", "User:report"})
    stage.say(
        ProducerMessage("till", 1, principal="User:till"),
        ProducerMessage("web", 1, principal="User:web"),
        Acknowledgement("till", 1, 2),
    )
    with stage.coordinator(permissions=permissions) as barrier:
        effect = do.AwaitProducers(1, stage.source, ("User:report",))
        context = stage.context(before=barrier.runner.before(effect, stage.context()))
        assert barrier.runner.run(effect, context).kind == "waiting"
        assert permissions.withdrawn == set()
        barrier.clock.now_s += 60
        for withdrawn in (["User:batch", "User:web"], []):  # the second time there is nothing left to take
            done = barrier.runner.run(effect, context)
            assert (done.kind, done.evidence["withdrawn"]) == ("done", withdrawn)
        assert permissions.withdrawn == {"User:batch", "User:web"}
        for _ in range(2):
            assert barrier.runner.revert(effect, context).kind == "done"
        assert permissions.withdrawn == set()


def test_a_principal_that_a_silent_producer_shares_is_not_kept(stage: Stage) -> None:
    permissions = MadeUpPermissions({"User:shop"})
    stage.say(
        ProducerMessage("till", 1, principal="User:shop"),
        ProducerMessage("web", 1, principal="User:shop"),
        Acknowledgement("till", 1, 2),
    )
    with stage.coordinator(permissions=permissions) as barrier:
        awaiting(barrier, stage)
        barrier.clock.now_s += 60
        assert awaiting(barrier, stage).kind == "done"
        assert permissions.withdrawn == {"User:shop"}


@pytest.mark.parametrize("principal", ["", "User:super"])
def test_a_silent_producer_that_no_rule_can_stop_fails_the_barrier_by_name(stage: Stage, principal: str) -> None:
    """Its principal is not known, or passes every rule: whoever else is stopped, it still may write."""
    permissions = MadeUpPermissions({"User:batch"})
    stage.say(ProducerMessage("till", 1, principal=principal))
    with stage.coordinator(permissions=permissions) as barrier:
        awaiting(barrier, stage)
        barrier.clock.now_s += 60
        failed = awaiting(barrier, stage)
        assert (failed.kind, f"till ({principal or 'unknown'})" in failed.message) == ("failed", True)
        assert permissions.withdrawn == set()
        assert awaiting(barrier, stage, "till").kind == "done"
        assert permissions.withdrawn == {"User:batch"}


def test_on_a_cluster_with_access_rules_who_is_silent_can_write_no_more(own_kafka: Callable[..., KafkaServer]) -> None:
    server = own_kafka(authorizer=True)
    stage = make_stage(server.client_config(), "orders-v3")
    access = Access(stage.kafka)
    limited = server.client_config("limited")
    principal = f"User:{limited['sasl.username']}"
    access.add(stage.source, [Rule(principal, "*", "WRITE", allows=True)])
    # Without WRITE on any topic there is no idempotence to be had, and its refusal would be what is seen.
    limited["enable.idempotence"] = False
    produce(limited, stage.source, [event(1, 1, 0)])
    stage.say(ProducerMessage("till", 1, principal=principal))
    with stage.coordinator(permissions=Permissions(access)) as barrier:
        effect = do.AwaitProducers(1, stage.source)
        context = stage.context(before=barrier.runner.before(effect, stage.context()))
        assert barrier.runner.run(effect, context).kind == "waiting"
        produce(limited, stage.source, [event(2, 1, 0)])
        barrier.clock.now_s += 60
        for _ in range(2):
            done = barrier.runner.run(effect, context)
            assert (done.kind, done.evidence["silent"]) == ("done", ["till"])
        with pytest.raises(AssertionError, match="TOPIC_AUTHORIZATION_FAILED"):
            produce(limited, stage.source, [event(3, 1, 0)])
        assert barrier.runner.revert(effect, context).kind == "done"
        produce(limited, stage.source, [event(4, 1, 0)])
    assert sum(stage.cluster.end_offsets(stage.source, range(2)).values()) == 3


def test_ends_are_those_of_open_transactions_too(stage: Stage) -> None:
    produce(stage.kafka, stage.source, [event(1, 1, 0)])
    producer = Producer({**stage.kafka, "transactional.id": f"{stage.migration}-till", "log_level": 2})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(stage.source, b"{}", b"key", partition=1)
    assert producer.flush(60) == 0
    with stage.coordinator() as barrier:
        outcome = barrier.runner.run(do.RecordEnds("B", stage.source), stage.context())
        assert (outcome.kind, outcome.evidence) == ("done", {"offsets": {"0": 1, "1": 1}})
    producer.abort_transaction(60)
