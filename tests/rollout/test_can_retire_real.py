"""`can-retire` on a real Kafka with authorisation: from a yes, each reason alone makes a no, each missing source an
unknown. One migrated topic for all: each case changes one thing and puts it back.

What cannot be made missing is `subject.toml`: a project that cannot be read is refused as a whole, before.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from tests.support.command import instar
from tests.support.projects import QUICK_SESSION, Shop, event, produce, rewrite_settings, write_shop
from tests.support.rolled_out import move, run, verify, way_back
from tests.support.workers import until

from instar.core.census_message import TOPIC as CENSUS
from instar.core.census_message import CensusMessage
from instar.kafka import groups
from instar.operations import rolling
from realkafka.availability import why_no_own_kafka
from realkafka.broker import KafkaServer
from realkafka.settings import LIMITED

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

Verdict = tuple[str, dict[str, str]]
YES: Verdict = ("yes", {})
UNREACHABLE = 5
DAY_MS = 86_400_000
NAME = "parcels-v3"
LIMITED_MAY = (
    (ResourceType.BROKER, "kafka-cluster", AclOperation.DESCRIBE),
    (ResourceType.TOPIC, "*", AclOperation.READ),
    (ResourceType.TOPIC, "*", AclOperation.DESCRIBE_CONFIGS),
    (ResourceType.GROUP, "*", AclOperation.DESCRIBE),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    reason = why_no_own_kafka()
    if reason is not None:
        pytest.skip(reason)
    server = KafkaServer(tmp_path_factory.mktemp("kafka"), authorizer=True)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def switched(server: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A migration that has switched, whose old version may be retired."""
    kafka = {**server.client_config("admin"), **QUICK_SESSION}
    shop = write_shop(tmp_path_factory.mktemp("project"), NAME, kafka)
    produce(shop.kafka, shop.old, [event(number, 1, number % 2) for number in range(20)])
    said = instar(
        "schema", "deprecate", "parcels", "v1", "--sunset", "2024-01-31", "--reason", "two names", at=shop.root
    )
    assert said.code == 0
    assert answer(shop) == ("no", {"rollout": "no", "way back": "unknown", "verification": "no"})
    move(shop, "apply")
    verify(shop)
    assert answer(shop) == ("no", {"rollout": "no"})
    with way_back(shop):
        assert move(shop, "switch", expect=3)["result"] == "waiting"
        assert answer(shop) == ("no", {"rollout": "no"})  # the switch is in progress
        assert move(shop, "switch", "--wait")["result"] == "done"
    for resource, name, operation in LIMITED_MAY:
        add_rule(shop, resource, name, operation, AclPermissionType.ALLOW)
    return shop


@pytest.fixture
def shop(switched: Shop) -> Iterator[Shop]:
    """It says yes before a case, and again after it."""
    assert answer(switched) == YES
    yield switched
    until("what the case has changed is put back", lambda: answer(switched) == YES)


def answer(shop: Shop) -> Verdict:
    """The answer, and the answer of each source that has reasons."""
    ran = instar("can-retire", "parcels", "v1", "-o", "json", at=shop.root)
    (verdict,) = ran.json
    assert ran.code == (0 if verdict["answer"] == "yes" else 3)
    assert all(each["reason"] and each["remedy"] for each in verdict["reasons"])
    return verdict["answer"], {each["source"]: each["answer"] for each in verdict["reasons"]}


def no(*sources: str) -> Verdict:
    return "no", dict.fromkeys(sources, "no")


def unknown(*sources: str) -> Verdict:
    return "unknown", dict.fromkeys(sources, "unknown")


# ------------------------------------------------------------------ each reason alone


def test_a_group_with_offsets_in_the_old_topic_is_a_reader(shop: Shop) -> None:
    shop.cluster.commit("billing", shop.old, {0: (3, "")})
    assert answer(shop) == no("groups")
    groups.delete(shop.admin_kafka, "billing")


def test_a_group_without_offsets_is_a_reader_while_a_member_of_it_reads_the_old_topic(shop: Shop) -> None:
    consumer = Consumer({**shop.kafka, "group.id": "search", "enable.auto.commit": False})
    try:
        consumer.subscribe([shop.old])
        until("it has joined", lambda: consumer.poll(0.1) is not None or consumer.assignment())
        assert answer(shop) == no("groups")
    finally:
        consumer.close()
    until("it has left", lambda: not shop.cluster.members("search"))


def test_a_declared_reader_counts_until_it_is_withdrawn(shop: Shop) -> None:
    declared = ("--reads", "parcels:v1", "--owner", "billing", "--expires", "2100-01-01")
    assert instar("consumers", "declare", "ledger", *declared, at=shop.root).code == 0
    assert answer(shop) == no("declared readers")
    withdrawn = ("--subject", "parcels", "--reason", "it was rewritten")
    assert instar("consumers", "withdraw", "ledger", *withdrawn, at=shop.root).code == 0


def test_a_program_that_told_the_census_that_it_asks_for_the_version_is_a_client(shop: Shop) -> None:
    now_ms = rolling.now_ms()
    said = CensusMessage("reads", shop.old, "parcels", {"v1": 7}, now_ms - 60_000, now_ms, client="label-printer")
    shop.cluster.create(CENSUS, 1, {})
    with admin(shop) as client:
        producer = Producer(shop.kafka)
        producer.produce(CENSUS, said.encode(), said.key, partition=0)
        assert producer.flush(60) == 0
        assert answer(shop) == no("clients")
        for done in client.delete_records([TopicPartition(CENSUS, 0, OFFSET_END)]).values():
            done.result(30)


def test_a_record_that_a_producer_writes_to_the_old_topic_after_the_switch_is_a_producer(shop: Shop) -> None:
    produce(shop.kafka, shop.old, [event(100, 1, 0)])
    assert answer(shop) == no("producers", "way back")  # nobody has carried it yet, which is a reason of its own
    run(shop, "worker", "--until", "now")
    assert answer(shop) == no("producers")
    forget(shop)


def test_a_record_that_came_back_waits_for_nobody(shop: Shop) -> None:
    come_back(shop)
    assert answer(shop) == ("yes", {})
    run(shop, "worker", "--until", "now")


def test_a_dead_letter_that_nobody_has_settled_is_a_reason(shop: Shop) -> None:
    produce(shop.kafka, shop.old, [event(102, 1, 0, body={"id": 102, "name": "nobody", "cents": 1})])
    run(shop, "worker", "--until", "now")
    forget(shop)
    assert answer(shop) == no("dead letters")
    asked = ("--migration", NAME, "--confirm", NAME, "--reason", "a joke", "--execute")
    said = instar("dlq", "discard", *asked, at=shop.root)
    assert said.code == 0, said.err


def test_an_expired_verification_is_a_reason(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    then_ms = rolling.now_ms() + 2 * DAY_MS
    with monkeypatch.context() as later:
        later.setattr(rolling, "now_ms", lambda: then_ms)
        assert answer(shop) == no("verification")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", no("sunset")),
        ('v1 = { deprecated = "two names", sunset = 2100-01-01 }', no("sunset")),
        ('v1 = { deprecated = "some day" }', unknown("sunset")),
    ],
    ids=["not deprecated", "before the day", "without a day"],
)
def test_readers_were_told_and_their_time_is_over(shop: Shop, said: str, expected: Verdict) -> None:
    notes = shop.root / "schemas" / "parcels" / "subject.toml"
    with put_back(notes):
        notes.write_text(f'owner = "shipping"\n\n[versions]\n{said}\n')
        assert answer(shop) == expected


def test_what_the_way_up_loses_must_be_archived(shop: Shop) -> None:
    hop = shop.root / "upcasters" / "parcels" / "v1_to_v2.py"
    with put_back(hop), put_back(shop.root / "instar.toml"):
        hop.write_text(hop.read_text().replace("def upcast", 'lost = {"up": ["name"]}\n\n\ndef upcast', 1))
        assert answer(shop) == no("archive")
        rewrite_settings(shop, rollout='{ archive = "kept" }')
        assert answer(shop) == YES


# ------------------------------------------------------------------ each missing source


def test_without_the_state_store_nothing_is_known_of_the_rollout_and_all_that_rests_on_it(shop: Shop) -> None:
    settings = shop.root / "instar.toml"
    with put_back(settings):
        text = settings.read_text().replace("registry =", 'state = "sqlite:///instar.toml"\nregistry =', 1)
        settings.write_text(text)  # a file that is no database
        assert answer(shop) == unknown("rollout", "declared readers", "producers", "verification")


def test_a_cluster_that_does_not_answer_at_all_gives_no_answer(shop: Shop) -> None:
    with put_back(shop.root / "instar.toml"):
        rewrite_settings(replace(shop, kafka={"bootstrap.servers": "127.0.0.1:1"}))
        ran = instar("can-retire", "parcels", "v1", at=shop.root)
        assert (ran.code, ran.out) == (UNREACHABLE, "")


@pytest.mark.parametrize(
    ("denied", "expected"),
    [
        ((ResourceType.BROKER, "kafka-cluster", AclOperation.DESCRIBE), unknown("groups")),
        ((ResourceType.TOPIC, f"{NAME}.old", AclOperation.READ), unknown("producers")),
        ((ResourceType.GROUP, f"instar.{NAME}.up", AclOperation.DESCRIBE), unknown("way back")),
        ((ResourceType.TOPIC, f"{NAME}.new.dlq", AclOperation.READ), unknown("dead letters")),
        ((ResourceType.TOPIC, CENSUS, AclOperation.DESCRIBE), unknown("clients")),
        ((ResourceType.GROUP, "audit", AclOperation.DESCRIBE), no("groups")),
    ],
    ids=[
        "list groups",
        "read the old topic",
        "the bridge's checkpoint",
        "read the dead letters",
        "read the census",
        "one group",
    ],
)
def test_a_permission_that_is_missing_makes_its_source_unknown(
    shop: Shop, server: KafkaServer, denied: tuple[Any, str, Any], expected: Verdict
) -> None:
    resource, name, operation = denied
    shop.cluster.create(CENSUS, 1, {})  # left as it is where it is there
    come_back(shop)  # so that there is something to read
    run(shop, "worker", "--until", "now")
    shop.cluster.commit("audit", shop.new, {0: (1, "")})  # a group that has nothing to do with the old topic
    with put_back(shop.root / "instar.toml"):
        rewrite_settings(replace(shop, kafka={**QUICK_SESSION, **server.client_config(LIMITED)}))
        until("the rules that allow are in force", lambda: answer(shop) == YES)
        add_rule(shop, resource, name, operation, AclPermissionType.DENY)
        until(f"{expected}", lambda: answer(shop) == expected)
        remove_rules(shop, resource, name, AclPermissionType.DENY)
        until("the rules that allow are in force again", lambda: answer(shop) == YES)


# ------------------------------------------------------------------ means


@contextlib.contextmanager
def admin(shop: Shop) -> Iterator[AdminClient]:
    """Its answers are waited for inside: it must not be collected before."""
    yield AdminClient({**shop.admin_kafka, "log_level": 0})


def come_back(shop: Shop) -> None:
    """A record of the new topic is carried back to the old one, where nobody has looked at it yet."""
    produce(shop.kafka, shop.new, [event(101, 3, 0)])
    run(shop, "worker", "--direction", "down", "--until", "now")


def forget(shop: Shop) -> None:
    """Retention takes the old topic's records."""
    ends = shop.cluster.end_offsets(shop.old, range(shop.partitions))
    wanted = [TopicPartition(shop.old, number, end) for number, end in ends.items()]
    with admin(shop) as client:
        for done in client.delete_records(wanted).values():
            done.result(30)


def add_rule(shop: Shop, resource: Any, name: str, operation: Any, permission: Any) -> None:
    rule = AclBinding(resource, name, ResourcePatternType.LITERAL, f"User:{LIMITED}", "*", operation, permission)
    with admin(shop) as client:
        for done in client.create_acls([rule]).values():
            done.result(30)


def remove_rules(shop: Shop, resource: Any, name: str, permission: Any) -> None:
    wanted = AclBindingFilter(
        resource, name, ResourcePatternType.LITERAL, f"User:{LIMITED}", "*", AclOperation.ANY, permission
    )
    with admin(shop) as client:
        for done in client.delete_acls([wanted]).values():
            done.result(30)


@contextlib.contextmanager
def put_back(file: Path) -> Iterator[None]:
    before = file.read_bytes()
    try:
        yield
    finally:
        file.write_bytes(before)
