from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from tests.support.command import Ran, instar
from tests.support.folders import write_files
from tests.support.registry_server import serving
from tests.support.sales import body, produce
from tests.support.shop import FILES, sale

from instar.kafka.built_in import BuiltInBroker
from instar.kafka.cluster import Topic
from instar.kafka.inspection import Broker, Client
from instar.operations.diagnosis import (
    Topics,
    broker_lines,
    client_lines,
    moving_needs_of,
    needs_of,
    permission_line,
    topic_lines,
)
from instar.project.migration import Migration
from instar.project.project import load_project

FOREVER = {"message.timestamp.before.max.ms": str(2**63 - 1), "retention.ms": "-1", "cleanup.policy": "delete"}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_files(tmp_path, FILES)


def migration(root: Path, more: str = "") -> Migration:
    if more:
        write_files(root, {"instar.toml": dedent(FILES["instar.toml"]) + more})
    return load_project(root).settings.migrations["sales-v3"]


def said(ran: Ran, status: str) -> list[str]:
    return [row["message"] for row in ran.json if row["status"] == status]


def test_a_sound_setup_exits_0(shop: Path) -> None:
    with BuiltInBroker() as broker:
        for topic in ("sales", "sales.v3", "sales.v3.dlq"):
            produce({"bootstrap.servers": broker.bootstrap}, topic, body(sale(1)))
        ran = instar("doctor", "--bootstrap", broker.bootstrap, at=shop)
    assert ran.code == 0, ran.out
    assert "  ok   source sales: 4 partitions" in ran.out
    assert "built into librdkafka" in ran.out
    assert "  ok   files answers" in ran.out


def test_everything_that_is_missing_is_told_at_once_and_exits_3(shop: Path) -> None:
    write_files(
        shop,
        {
            "instar.toml": FILES["instar.toml"].replace('"files"', '"http://127.0.0.1:1", "max.retries" = 0'),
            "upcasters/sales/v1_to_v2.py": None,
        },
    )
    ran = instar("doctor", "-o", "json", at=shop)
    assert ran.code == 3
    sections = {row["section"] for row in ran.json if row["status"] == "fail"}
    assert sections == {"project", "broker", "registry"}
    assert all(row["remedy"] for row in ran.json if row["status"] == "fail")


def test_a_registry_that_answers_is_ok(shop: Path) -> None:
    with serving() as registry, BuiltInBroker() as broker:
        settings = FILES["instar.toml"].replace('"files"', f'"{registry.url}"')
        write_files(shop, {"instar.toml": settings})
        ran = instar("doctor", "-o", "ndjson", "--bootstrap", broker.bootstrap, at=shop)
    (line,) = [row for row in ran.lines if row["section"] == "registry"]
    assert line["status"] == "ok"
    assert registry.url in line["message"]


def test_an_unknown_migration_is_a_failed_line(shop: Path) -> None:
    with BuiltInBroker() as broker:
        ran = instar("doctor", "sales-v4", "-o", "json", "--bootstrap", broker.bootstrap, at=shop)
    assert ran.code == 3
    assert "the settings have no migration 'sales-v4'" in said(ran, "fail")


@pytest.mark.parametrize(
    ("kafka", "missing"),
    [
        ({"security.protocol": "SASL_SSL", "sasl.mechanisms": "GSSAPI"}, "sasl_gssapi"),
        ({"security.protocol": "sasl_plaintext", "sasl.mechanism": "SCRAM-SHA-512"}, "sasl_scram"),
        ({"security.protocol": "ssl"}, "ssl"),
    ],
)
def test_a_client_that_cannot_speak_as_the_settings_ask_fails(kafka: dict[str, str], missing: str) -> None:
    everything = {"gzip", "snappy", "lz4", "zstd", "ssl", "sasl_plain", "sasl_scram", "sasl_gssapi"}
    assert not _failed(client_lines(Client("2", "2", frozenset(everything)), kafka))
    (line,) = _failed(client_lines(Client("2", "2", frozenset(everything - {missing})), kafka))
    assert missing in line.message


def test_a_broker_too_old_for_transactions_fails() -> None:
    new = {0: 13, 9: 9, 22: 5, 26: 5}
    assert not _failed(broker_lines(Broker("c", 1, new, {})))
    assert _failed(broker_lines(Broker("c", 1, {0: 2, 9: 3}, {})))
    assert _failed(broker_lines(Broker("c", 1, new | {9: 6}, {})))
    assert _failed(broker_lines(Broker("c", 1, new, {"transaction.max.timeout.ms": "10000"})))


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ({"message.timestamp.type": "LogAppendTime"}, "fail", "CreateTime"),
        ({"retention.ms": "604800000"}, "warn", "7 days"),
        ({"message.timestamp.before.max.ms": "86400000"}, "warn", "1 days"),
        ({"max.message.bytes": "1000"}, "warn", "max.message.bytes"),
        ({"retention.ms": "604800000", "cleanup.policy": "compact"}, "ok", ""),
        ({}, "ok", ""),
    ],
)
def test_a_target_that_would_change_or_lose_old_records_is_told(
    shop: Path, target: dict[str, str], status: str, words: str
) -> None:
    topics = Topics(
        Topic("sales", b"\1" * 16, 4, FOREVER),
        Topic("sales.v3", b"\2" * 16, 4, FOREVER | target),
        Topic("sales.v3.dlq", b"\3" * 16, 4, FOREVER | {"max.message.bytes": "2000000"}),
    )
    lines = list(topic_lines("sales-v3", migration(shop), topics))
    worst = [line for line in lines if line.status != "ok"]
    assert [line.status for line in worst] == ([] if status == "ok" else [status])
    assert all(words in line.message + line.remedy for line in worst)


def test_too_few_partitions_and_too_small_dead_letters_fail(shop: Path) -> None:
    source = Topic("sales", b"\1" * 16, 4, FOREVER)
    topics = Topics(source, Topic("sales.v3", b"\2" * 16, 3, FOREVER), Topic("sales.v3.dlq", b"\3" * 16, 4, FOREVER))
    failed = _failed(topic_lines("sales-v3", migration(shop), topics))
    assert [line.message.split(" ")[0] for line in failed] == ["target", "sales.v3.dlq"]


def test_what_is_missing_is_granted_by_one_command(shop: Path) -> None:
    need = next(each for each in needs_of("sales-v3", migration(shop), ("up",)) if each.name == "sales")
    line = permission_line("m", need, frozenset({"DESCRIBE"}), "kafka:9092")
    assert line.status == "fail"
    assert line.remedy == (
        "kafka-acls --bootstrap-server kafka:9092 --add --allow-principal User:NAME "
        "--operation DescribeConfigs --operation Read --topic sales"
    )


def test_only_the_way_back_writes_the_source(shop: Path) -> None:
    def writes(*directions: Any) -> set[str]:
        needs = needs_of("sales-v3", migration(shop), directions)
        return {need.name for need in needs if need.kind == "topic" and "WRITE" in need.operations}

    assert writes("up") == {"sales.v3", "sales.v3.dlq"}
    assert writes("up", "down") == {"sales", "sales.v3", "sales.v3.dlq"}


def test_whoever_moves_a_rollout_needs_more_than_its_workers(shop: Path) -> None:
    needs = {str(need): need for need in moving_needs_of("sales-v3", migration(shop))}
    assert needs["topic sales"].operations == {"ALTER_CONFIGS", "DESCRIBE_CONFIGS", "DELETE"}
    assert needs["the cluster"].operations == {"ALTER", "DESCRIBE", "DESCRIBE_CONFIGS"}
    assert "DELETE" in needs["group instar.sales-v3.up"].operations
    more = 'reverse = { version = "v1" }\nrollout = { groups = [{ group = "billing" }] }\n'
    back = migration(shop, more)
    needs = {str(need): need for need in moving_needs_of("sales-v3", back)}
    assert "WRITE" in needs["topic sales"].operations
    assert {"group instar.sales-v3.down", "group billing"} <= needs.keys()


def _failed(lines: Any) -> list[Any]:
    return [line for line in lines if line.status == "fail"]


def test_missing_permissions_are_named_with_the_command_that_grants_them(
    shop: Path, own_kafka: Callable[..., Any]
) -> None:
    server = own_kafka(authorizer=True)
    admin = AdminClient(server.client_config("admin"))
    wanted = [NewTopic(name, 2, 1) for name in ("sales", "sales.v3", "sales.v3.dlq")]
    for future in admin.create_topics(wanted).values():
        future.result(30)
    limited = server.client_config("limited")
    keys = ", ".join(f'"{name}" = "{value}"' for name, value in limited.items())
    settings = FILES["instar.toml"].replace('"bootstrap.servers" = "127.0.0.1:1"', keys)
    write_files(shop, {"instar.toml": settings})

    bare = instar("doctor", "-o", "json", at=shop)
    assert bare.code == 3
    assert any("--operation Read" in row["remedy"] for row in bare.json if row["status"] == "fail"), bare.out

    _allow(admin, "limited", ResourceType.TOPIC, "sales", ("DESCRIBE", "DESCRIBE_CONFIGS", "READ"))
    for topic in ("sales.v3", "sales.v3.dlq"):
        _allow(admin, "limited", ResourceType.TOPIC, topic, ("DESCRIBE", "DESCRIBE_CONFIGS", "READ"))
    some = instar("doctor", "-o", "json", at=shop)
    assert some.code == 3
    assert "may describe, describe configs, read topic sales" in said(some, "ok")
    assert {"may not write topic sales.v3", "may not write topic sales.v3.dlq"} <= set(said(some, "fail"))
    assert "may not describe, read group instar.sales-v3.up" in said(some, "fail")

    for topic in ("sales.v3", "sales.v3.dlq"):
        _allow(admin, "limited", ResourceType.TOPIC, topic, ("WRITE",))
    _allow(admin, "limited", ResourceType.GROUP, "instar.sales-v3.up", ("DESCRIBE", "READ"))
    whole = instar("doctor", "-o", "json", at=shop)
    permissions = [row for row in whole.json if " may " in f" {row['message']}"]
    assert [row["message"] for row in permissions if row["status"] == "fail"] == []

    # What only those need who move the rollout is a warning, with what for.
    warned = said(whole, "warn")
    assert (
        "may not alter, describe, describe configs the cluster: to withdraw write permission from producers that stay "
        "silent, and to lock the old topic"
    ) in warned
    assert "may not alter configs, delete topic sales: retire locks and deletes it" in warned
    (remedy,) = (row["remedy"] for row in whole.json if row["message"].startswith("may not alter, describe"))
    assert remedy.endswith("--operation Alter --operation Describe --operation DescribeConfigs --cluster")
    _allow(admin, "limited", ResourceType.BROKER, "kafka-cluster", ("ALTER", "DESCRIBE", "DESCRIBE_CONFIGS"))
    _allow(admin, "limited", ResourceType.TOPIC, "sales", ("ALTER_CONFIGS", "DELETE"))
    mover = said(instar("doctor", "-o", "json", at=shop), "ok")
    assert any(message.startswith("may alter, describe, describe configs the cluster") for message in mover)
    assert any(message.startswith("may alter configs, delete, describe configs topic sales:") for message in mover)


def _allow(admin: AdminClient, user: str, kind: ResourceType, name: str, operations: tuple[str, ...]) -> None:
    allowed = AclPermissionType.ALLOW
    bindings = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", AclOperation[operation], allowed)
        for operation in operations
    ]
    for future in admin.create_acls(bindings).values():
        future.result(30)


def test_a_real_cluster_tells_its_release_and_its_topics(shop: Path, kafka: Any, new_topic: Callable[..., str]) -> None:
    topic = new_topic("sales", partitions=3)
    settings = FILES["instar.toml"].replace('topic = "sales",', f'topic = "{topic}",')
    ran = instar(
        "doctor", "--bootstrap", kafka.bootstrap, "-o", "json", at=write_files(shop, {"instar.toml": settings})
    )
    assert any("speaks the protocol of Kafka" in message for message in said(ran, "ok"))
    assert any(message.startswith(f"source {topic}: 3 partitions, id ") for message in said(ran, "ok"))
    assert any("sales.v3 (target) does not exist yet" in message for message in said(ran, "warn"))
