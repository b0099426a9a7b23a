"""Write permission on a cluster with an authorizer: withdrawn, given back, and a topic locked for everybody."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from tests.support.effects import Kill, Killed, Trial, context, killed, plan
from tests.support.workers import until

from instar.core.fence import ANY_HOST, EVERYBODY, Rule
from instar.core.rollout.effect import GrantWrite, LockTopic
from instar.kafka.access import Access
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.kafka.topic_settings import given
from instar.rollout.running.handler import nothing
from instar.rollout.running.permissions import Grants, Locks, Permissions
from realkafka.broker import KafkaServer
from realkafka.pytest_plugin import Kafka

pytestmark = pytest.mark.kafka

TILL = "User:limited"
_ON_CLUSTER = (
    ResourceType.BROKER,
    "kafka-cluster",
    ResourcePatternType.LITERAL,
    TILL,
    "*",
    AclOperation.ALL,
    AclPermissionType.ALLOW,
)
EVERYTHING, EVERYTHING_THERE = AclBinding(*_ON_CLUSTER), AclBindingFilter(*_ON_CLUSTER)
OPEN = {"allow.everyone.if.no.acl.found": "true"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A broker with an authorizer, for all tests here: each has a topic of its own."""
    with KafkaServer(tmp_path_factory.mktemp("guarded"), authorizer=True) as server:
        yield server


@pytest.fixture
def cluster(guarded: KafkaServer) -> Cluster:
    return Cluster(guarded.client_config())


@pytest.fixture
def topic(cluster: Cluster) -> str:
    """A topic that the till may read and write, by rules that somebody made."""
    name = f"orders-{uuid4().hex[:8]}"
    cluster.create(name, 1, {})
    Access(cluster.kafka).add(name, [allow(TILL, "WRITE"), allow(TILL, "READ"), allow("User:web", "ALL")])
    return name


def unguarded(kafka: Kafka) -> tuple[Cluster, str]:
    """A cluster without an authorizer, with a topic."""
    cluster, name = Cluster(kafka.client_config()), f"orders-{uuid4().hex[:8]}"
    cluster.create(name, 1, {})
    return cluster, name


def allow(principal: str, operation: str) -> Rule:
    return Rule(principal, ANY_HOST, operation, allows=True)


def deny(principal: str) -> Rule:
    return Rule(principal, ANY_HOST, "WRITE", allows=False)


def rules(cluster: Cluster, topic: str) -> set[Rule]:
    return set(Access(cluster.kafka).rules(topic, "literal"))


def permissions(cluster: Cluster, between: Callable[[], None] = nothing) -> Permissions:
    return Permissions(Access(cluster.kafka), between)


def written(kafka: Any, topic: str, value: bytes = b"x" * 200, **settings: Any) -> str:
    """``ok``, or the name of the error that a record comes back with."""
    producer = Producer({**kafka, "log_level": 0, "message.timeout.ms": 60_000, **settings})
    said: list[str] = []
    producer.produce(topic, value, on_delivery=lambda error, _: said.append(error.name() if error else "ok"))
    producer.flush(60)
    return said[0]


def read(kafka: Any, topic: str) -> bytes:
    consumer = Consumer({**kafka, "group.id": f"{topic}-reader", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        messages = consumer.consume(1, 60.0)
        assert messages, "nothing came"
        assert messages[0].error() is None, messages[0].error()
        return bytes(messages[0].value() or b"")
    finally:
        consumer.close()


# ------------------------------------------------------------------ withdrawn and given back


def test_whose_permission_is_withdrawn_cannot_write_and_given_back_can(
    guarded: KafkaServer, cluster: Cluster, topic: str
) -> None:
    till = guarded.client_config("limited")
    untouched = rules(cluster, topic)
    assert written(till, topic) == "ok"
    assert permissions(cluster).writers(topic) == [TILL, "User:web"]
    picture = permissions(cluster).withdraw(topic, [TILL])
    assert written(till, topic) == "TOPIC_AUTHORIZATION_FAILED"
    assert permissions(cluster).writers(topic) == ["User:web"]
    assert read(cluster.kafka, topic)
    assert untouched < rules(cluster, topic)  # somebody's own rules are all there
    permissions(cluster).restore(topic, picture)
    assert rules(cluster, topic) == untouched
    assert written(till, topic) == "ok"


def test_a_denial_of_somebody_else_is_never_lifted(cluster: Cluster, topic: str) -> None:
    Access(cluster.kafka).add(topic, [deny(TILL)])
    untouched = rules(cluster, topic)
    picture = permissions(cluster).withdraw(topic, [TILL])
    assert rules(cluster, topic) == untouched
    permissions(cluster).restore(topic, picture)
    assert rules(cluster, topic) == untouched


@pytest.mark.parametrize("finish", ["withdraw", "restore"])
def test_withdrawing_killed_anywhere_is_finished_or_undone(cluster: Cluster, topic: str, finish: str) -> None:
    untouched = rules(cluster, topic)
    for at in count():
        before = permissions(cluster).picture(topic)
        died = False
        try:
            permissions(cluster, Kill(at)).withdraw(topic, [TILL, "User:web"])
        except Killed:
            died = True
        if finish == "withdraw":
            permissions(cluster).withdraw(topic, [TILL, "User:web"])
            assert permissions(cluster).picture(topic) == {"withdrawn": [TILL, "User:web"]}
            assert permissions(cluster).writers(topic) == []
        permissions(cluster).restore(topic, before)
        assert rules(cluster, topic) == untouched
        if not died:
            assert at == 4
            return


def test_write_is_granted_to_those_from_whom_an_earlier_barrier_took_it(cluster: Cluster, topic: str) -> None:
    untouched = rules(cluster, topic)
    for at in count():
        permissions(cluster).withdraw(topic, [TILL, "User:web"])
        taken = rules(cluster, topic)
        trial = grant(cluster, topic).begun()
        assert trial.context.before == {"withdrawn": [TILL, "User:web"]}
        died = killed(trial.run, at)
        assert trial.revert().kind == "done"
        assert rules(cluster, topic) == taken
        killed(trial.run, at)
        trial.done()
        trial.done()
        assert rules(cluster, topic) == untouched
        if not died:
            assert at
            return


def test_granting_where_nothing_was_taken_changes_nothing(cluster: Cluster, topic: str) -> None:
    untouched = rules(cluster, topic)
    trial = grant(cluster, topic).begun().done()
    assert rules(cluster, topic) == untouched
    assert trial.context.evidence == {"given_back": []}


def test_everybody_and_instar_itself_cannot_be_shut_out(cluster: Cluster, topic: str) -> None:
    untouched = rules(cluster, topic)
    for principal, why in ((EVERYBODY, "stop instar too"), ("User:admin", "instar's own principal")):
        with pytest.raises(Refused, match=why):
            permissions(cluster).withdraw(topic, [TILL, principal])
    assert rules(cluster, topic) == untouched


def test_instar_does_not_shut_itself_out_though_it_does_not_know_its_principal(
    guarded: KafkaServer, cluster: Cluster, topic: str
) -> None:
    """As with certificates, which do not say what principal the cluster makes of them."""
    admin = AdminClient(cluster.kafka)
    admin.create_acls([EVERYTHING])[EVERYTHING].result(60)
    try:
        _does_not_shut_itself_out(guarded, cluster, topic)
    finally:
        admin.delete_acls([EVERYTHING_THERE])[EVERYTHING_THERE].result(60)


def _does_not_shut_itself_out(guarded: KafkaServer, cluster: Cluster, topic: str) -> None:
    Access(cluster.kafka).add(topic, [allow(TILL, "ALL")])
    untouched = rules(cluster, topic)
    ours = Access(guarded.client_config("limited"))
    until("we may", lambda: ours.may_write(topic))
    ours.own = None
    with pytest.raises(Refused, match="instar's own principal"):
        Permissions(ours).withdraw(topic, [TILL])
    assert rules(cluster, topic) == untouched
    assert Permissions(ours).withdraw(topic, ["User:web"]) == {"withdrawn": []}
    assert permissions(cluster).picture(topic) == {"withdrawn": ["User:web"]}


def test_without_an_authorizer_nobody_can_be_shut_out(kafka: Kafka) -> None:
    cluster, topic = unguarded(kafka)
    assert permissions(cluster).writers(topic) is None
    assert permissions(cluster).picture(topic) == {"withdrawn": []}
    with pytest.raises(Refused, match="no authorizer") as refused:
        permissions(cluster).withdraw(topic, [TILL])
    assert TILL in refused.value.remedy
    trial = grant(cluster, topic).begun().done()
    assert trial.revert().kind == "done"


def test_where_the_first_rule_would_shut_out_readers_too_it_is_refused(own_kafka: Callable[..., KafkaServer]) -> None:
    server = own_kafka(authorizer=True, extra=OPEN)
    cluster = Cluster(server.client_config())
    cluster.create("orders", 1, {})
    assert permissions(cluster).writers("orders") == [EVERYBODY]
    for principal in (TILL, EVERYBODY):
        with pytest.raises(Refused, match="shut everybody out"):
            permissions(cluster).withdraw("orders", [principal])
    assert rules(cluster, "orders") == set()
    till = server.client_config("limited")
    assert written(till, "orders") == "ok"
    # A lock does without a rule there.
    trial = lock(cluster, "orders").begun()
    trial.done()
    assert written(till, "orders") == "MSG_SIZE_TOO_LARGE"
    assert read(till, "orders")
    assert rules(cluster, "orders") == set()
    trial.revert()
    assert written(till, "orders") == "ok"


def grant(cluster: Cluster, topic: str) -> Trial:
    return Trial(
        lambda between: Grants(permissions(cluster, between)),
        GrantWrite(topic),
        context(plan("old", topic)),
        lambda: rules(cluster, topic),
    )


# ------------------------------------------------------------------ locked


def lock(cluster: Cluster, topic: str) -> Trial:
    access = Access(cluster.kafka)
    return Trial(
        lambda between: Locks(cluster, access, between),
        LockTopic(topic),
        context(plan(topic, "new")),
        lambda: (rules(cluster, topic), given(cluster, topic)),
    )


def test_a_locked_topic_is_written_by_nobody_not_even_a_super_user_and_is_still_read(
    guarded: KafkaServer, cluster: Cluster, topic: str
) -> None:
    till = guarded.client_config("limited")
    assert written(till, topic) == "ok"
    trial = lock(cluster, topic).begun()
    untouched = trial.world()
    done = trial.done()
    assert written(till, topic) == "TOPIC_AUTHORIZATION_FAILED"
    assert written(cluster.kafka, topic) == "MSG_SIZE_TOO_LARGE"
    assert read(cluster.kafka, topic)
    assert done.revert().kind == "done"
    assert trial.world() == untouched
    assert written(till, topic) == "ok"


def test_locking_killed_anywhere_is_finished_or_undone(cluster: Cluster, topic: str) -> None:
    Access(cluster.kafka).add(topic, [deny("User:legacy")])
    trial = lock(cluster, topic).begun()
    untouched = trial.world()
    for at in count():
        died = killed(trial.run, at)
        trial.done()
        finished = trial.world()
        trial.done()
        assert trial.world() == finished != untouched
        killed(trial.revert, at)
        trial.revert()
        assert trial.world() == untouched
        killed(trial.run, at)
        trial.revert()
        assert trial.world() == untouched
        if not died:
            assert at >= 2
            return


def test_a_topic_that_somebody_had_locked_stays_locked_when_ours_is_undone(cluster: Cluster, topic: str) -> None:
    Access(cluster.kafka).add(topic, [deny(EVERYBODY)])
    trial = lock(cluster, topic).begun()
    untouched = trial.world()
    trial.done().revert()
    assert trial.world() == untouched
    assert deny(EVERYBODY) in rules(cluster, topic)


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_without_an_authorizer_settings_refuse_every_producer(kafka: Kafka, acks: str) -> None:
    cluster, topic = unguarded(kafka)
    lock(cluster, topic).begun().done()
    said = written(cluster.kafka, topic, acks=acks)
    assert said == ("ok" if acks == "0" else "MSG_SIZE_TOO_LARGE")  # acks=0 asks for no answer
    assert cluster.end_offsets(topic, [0]) == {0: 0}


def test_what_a_lock_by_settings_lets_pass_is_no_more_than_it_says(kafka: Kafka) -> None:
    cluster, topic = unguarded(kafka)
    done = lock(cluster, topic).begun().done()
    assert "up to 80 bytes still passes" in done.context.evidence["note"]
    assert written(cluster.kafka, topic, b"x" * 12) == "ok"
    assert written(cluster.kafka, topic, b"x" * 13) == "MSG_SIZE_TOO_LARGE"


def test_a_transaction_that_is_open_when_the_topic_is_locked_still_ends(kafka: Kafka) -> None:
    cluster, topic = unguarded(kafka)
    producer = Producer({**cluster.kafka, "transactional.id": topic})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(topic, b"x" * 200)
    assert producer.flush(60) == 0
    lock(cluster, topic).begun().done()
    producer.commit_transaction(60)
    ends_committed(cluster, topic)
    assert read(cluster.kafka, topic) == b"x" * 200


def test_a_transactional_producer_that_meets_the_lock_goes_on_elsewhere(kafka: Kafka) -> None:
    cluster, topic = unguarded(kafka)
    _, other = unguarded(kafka)
    lock(cluster, topic).begun().done()
    producer = Producer({**cluster.kafka, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(other, b"y" * 200)
    producer.produce(topic, b"x" * 200)
    producer.flush(60)
    with pytest.raises(KafkaException) as refused:
        producer.commit_transaction(60)
    assert refused.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE or refused.value.args[0].txn_requires_abort()
    producer.abort_transaction(60)
    producer.begin_transaction()
    producer.produce(other, b"z" * 200)
    producer.commit_transaction(60)
    ends_committed(cluster, other)
    ends_committed(cluster, topic)


def ends_committed(cluster: Cluster, topic: str) -> None:
    """No transaction holds the end back, so readers of committed records come to it."""
    until(
        f"{topic} has no open transaction",
        lambda: cluster.end_offsets(topic, [0], committed=True) == cluster.end_offsets(topic, [0]),
    )
