"""Rewriting a topic in place, on a real Kafka: behind a fence, killed in the middle, and stopped when it falls."""

import json
import signal
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from tests.support.keyed import decoded, reference, state
from tests.support.projects import Event, Shop, body, event, produce, write_shop
from tests.support.workers import committed_offsets, counts_of, records_of, run_worker, until, worker

from instar.core.record import Record
from realkafka.broker import KafkaServer
from realkafka.pytest_plugin import Kafka

COMPACTED = {"cleanup.policy": "compact"}
SHORT_SESSION = {"session.timeout.ms": 2_000, "heartbeat.interval.ms": 300}
ACKNOWLEDGED = ("--fence", "acknowledged", "--fence-reason", "the shop is closed")
EVENTS, KEYS = 1_200, 700
ADMIN_S = 30.0


def in_place_shop(root: Path, name: str, kafka: Mapping[str, Any], **options: Any) -> Shop:
    target = f'{{ topic = "{name}.old", version = "v3" }}'
    settings: dict[str, Any] = {"target": target, "reverse": "", "dead_letters": f'"{name}.new.dlq"'}
    topics = options.pop("topics", {"old": COMPACTED})
    return write_shop(root, name, {**kafka, **SHORT_SESSION}, topics=topics, **settings, **options)


def many_keys(partitions: int) -> Iterable[Event]:
    """Some keys once and some twice, so that every batch has something to rewrite and something that is overtaken."""
    for number in range(EVENTS):
        key_number = number % KEYS
        changed: dict[str, Any] = {"key": f"key-{key_number}".encode()}
        if number % 41 == 7:
            changed["value"] = None
        if number % 37 == 11:
            changed["body"] = body(number, 1, "nobody")
        version = 1 if "body" in changed else number % 3 + 1
        yield event(number, version, key_number % partitions, **changed)


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    shop = in_place_shop(tmp_path, topic_name("place"), kafka.client_config())
    produce(shop.kafka, shop.old, many_keys(shop.partitions))
    return shop


def wanted(records: list[Record]) -> dict[tuple[int, bytes | None], Any]:
    """Each key's last record in the new version; one that no hop takes stays as it is."""
    lasts = state(records)
    refused = {at: json.loads(value or b"") for at, value in lasts.items() if b"nobody" in (value or b"")}
    taken = [one for one in records if lasts[one.partition, one.key] == one.value]
    return {**reference(taken), **refused}


def test_each_key_keeps_its_last_value_in_the_new_version_though_it_is_killed(shop: Shop) -> None:
    before = wanted(records_of(shop, shop.old))
    for failpoint in ("produced=kill@2", "offsets-sent=kill"):
        with worker(shop, "--create", *ACKNOWLEDGED, failpoint=failpoint) as process:
            assert process.ended().code == -signal.SIGKILL, process.stderr
    ended = run_worker(shop, *ACKNOWLEDGED)  # ends by itself: what is rewritten is not read again
    assert "the shop is closed" in ended.stderr
    assert decoded(state(records_of(shop, shop.old))) == before
    counts = counts_of(shop)
    assert counts.balanced
    # A transaction's marker is of today and the records are old, so the broker begins a new segment with it, and may
    # have compacted the one before by the time that it is read.
    assert KEYS <= counts.read <= EVENTS
    assert counts.published > 0
    assert counts.overtaken >= counts.read - KEYS - 1
    assert counts.current > 0
    ends = shop.cluster.end_offsets(shop.old, range(shop.partitions))
    run_worker(shop, *ACKNOWLEDGED)
    assert shop.cluster.end_offsets(shop.old, range(shop.partitions)) == ends


def test_without_a_fence_nothing_is_begun(shop: Shop) -> None:
    ended = run_worker(shop, "--create", expect=4)
    assert "needs a write fence" in ended.stderr
    assert committed_offsets(shop) == {}
    assert "has no authorizer" in run_worker(shop, "--create", "--fence", "acl", expect=4).stderr
    assert "needs a reason" in run_worker(shop, "--create", "--fence", "acknowledged", expect=2).stderr


def test_a_record_of_somebody_else_is_never_replaced_and_stops_the_worker(shop: Shop) -> None:
    with worker(shop, "--create", *ACKNOWLEDGED, failpoint="produced=pause") as process:
        process.wait_stopped()
        numbers = range(5_000, 5_000 + KEYS)
        newer = [event(number, 1, number % KEYS % 2, key=f"key-{number % KEYS}".encode()) for number in numbers]
        produce(shop.kafka, shop.old, newer)
        expected = wanted(records_of(shop, shop.old))
        process.signal(signal.SIGCONT)
        ended = process.ended()
    assert ended.code == 4, ended.stderr
    assert "Somebody wrote" in ended.stderr
    found = state(records_of(shop, shop.old))
    assert found.keys() == expected.keys()
    assert all(json.loads(found[one.partition, one.key] or b"") == json.loads(one.value or b"") for one in newer)


def test_a_topic_that_is_not_compacted_is_refused(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]
) -> None:
    shop = in_place_shop(tmp_path, topic_name("place"), kafka.client_config(), topics={"old": {}})
    assert "in place needs a compacted topic" in run_worker(shop, "--create", *ACKNOWLEDGED, expect=4).stderr


def test_the_fence_of_access_rules_is_seen_to_stand_and_to_fall(
    own_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    server = own_kafka(authorizer=True)
    shop = in_place_shop(tmp_path, "fenced", server.client_config())
    produce(shop.kafka, shop.old, many_keys(shop.partitions))
    before = wanted(records_of(shop, shop.old))
    admin = AdminClient({**shop.admin_kafka, "log_level": 0})
    let_write(admin, shop.old)
    ended = run_worker(shop, "--create", "--fence", "acl", expect=4)
    assert "User:limited may write it" in ended.stderr
    forbid(admin, shop.old)
    with worker(shop, "--create", "--fence", "acl", failpoint="produced=pause@2") as process:
        process.wait_stopped()
        committed = committed_offsets(shop)
        let_write(admin, shop.old)
        process.signal(signal.SIGCONT)
        ended = process.ended()
    assert ended.code == 4, ended.stderr
    assert "User:limited may write it" in ended.stderr
    assert committed_offsets(shop) == committed
    assert set(state(records_of(shop, shop.old))) == set(before)
    forbid(admin, shop.old)
    run_worker(shop, "--fence", "acl")
    assert decoded(state(records_of(shop, shop.old))) == before


def rule(topic: str) -> AclBinding:
    return AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        "User:limited",
        "*",
        AclOperation.WRITE,
        AclPermissionType.ALLOW,
    )


def let_write(admin: AdminClient, topic: str) -> None:
    for future in admin.create_acls([rule(topic)]).values():
        future.result(ADMIN_S)
    until("the rule stands", lambda: _rules(admin, topic))


def forbid(admin: AdminClient, topic: str) -> None:
    for future in admin.delete_acls([_filter(topic)]).values():
        future.result(ADMIN_S)
    until("the rule is gone", lambda: not _rules(admin, topic))


def _filter(topic: str) -> AclBindingFilter:
    any_rule = (None, None, AclOperation.ANY, AclPermissionType.ANY)
    return AclBindingFilter(ResourceType.TOPIC, topic, ResourcePatternType.MATCH, *any_rule)  # type: ignore[arg-type]


def _rules(admin: AdminClient, topic: str) -> list[Any]:
    found: list[Any] = admin.describe_acls(_filter(topic), request_timeout=ADMIN_S).result()
    return found
