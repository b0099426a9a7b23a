"""Brokers, registries and twins that fail a worker: at its start, in the middle, and while it stands still."""

import json
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient, ResourcePatternType
from confluent_kafka.admin import ResourceType as Resource
from tests.support.projects import PARCELS, QUICK_SESSION, body, event, parcels, produce, write_shop
from tests.support.registry_server import serving
from tests.support.workers import (
    Ended,
    caught_up,
    committed_offsets,
    counts_of,
    members,
    records_of,
    run_until_now,
    run_worker,
    until,
    verified,
    worker,
)

from instar.core.formats.framing.registry_prefix import MAGIC, PREFIX
from realkafka import KafkaServer
from realkafka.pytest_plugin import Kafka

ADMIN_S = 30.0
OwnKafka = Callable[..., KafkaServer]
# The registry's client retries by itself; here it is the worker that must.
QUICK_REGISTRY = '"max.retries" = 0, "timeout" = 2'


@pytest.fixture
def closed_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def worker_pids(parent: int) -> list[int]:
    """The worker processes that a supervisor has started; multiprocessing's own helper is none of them."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


# ------------------------------------------------------------------ stopping


def test_sigterm_in_the_middle_keeps_what_is_done(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]
) -> None:
    shop = write_shop(tmp_path, topic_name("term"), {**kafka.client_config(), **QUICK_SESSION})
    count = produce(shop.kafka, shop.old, parcels(3_000, shop.partitions))
    # Stopped by a signal of its own in the middle of an open transaction.
    with worker(shop, "--create", "--until", "now", failpoint="produced=pause@3") as process:
        process.wait_stopped()
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGCONT)
        assert process.ended().code == 143, process.stderr
    done = sum(committed_offsets(shop).values())
    assert 0 < done < count
    assert verified(shop).read == counts_of(shop).read
    run_until_now(shop)
    assert verified(shop).read == count


def test_a_worker_process_that_dies_is_started_again_by_its_supervisor(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]
) -> None:
    shop = write_shop(tmp_path, topic_name("child"), {**kafka.client_config(), **QUICK_SESSION})
    count = produce(shop.kafka, shop.old, parcels(400, shop.partitions))
    with worker(shop, "--create", "--workers", "2") as process:
        until("all is carried", lambda: caught_up(shop))
        before = until("both workers run", lambda: found if len(found := worker_pids(process.pid)) == 2 else None)
        os.kill(before[0], signal.SIGKILL)
        until("another took its place", lambda: len(set(worker_pids(process.pid)) - set(before)) == 1)
        count += produce(shop.kafka, shop.old, parcels(400, shop.partitions, start=count))
        until("all is carried", lambda: caught_up(shop))
        ended = process.terminate()
    assert ended.code == 143, ended.stderr
    assert "signal SIGKILL" in ended.stderr
    assert verified(shop).read == count


def test_a_zombie_is_fenced_and_writes_nothing(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> None:
    # Beyond the transaction's timeout the coordinator aborts by itself, which looks the same to the zombie as a fence.
    limits = {"transaction.timeout.ms": 3_000, "message.timeout.ms": 2_000}
    shop = write_shop(tmp_path, topic_name("zombie"), {**kafka.client_config(), **QUICK_SESSION, **limits})
    count = produce(shop.admin_kafka, shop.old, parcels(2_000, shop.partitions))
    with worker(shop, "--create", failpoint="produced=pause@2") as zombie:
        zombie.wait_stopped()
        until("the group misses its member", lambda: not members(shop))
        with worker(shop) as heir:
            until("all is carried", lambda: caught_up(shop))
            shown = records_of(shop, shop.new, committed=False)
            zombie.signal(signal.SIGCONT)
            ended = zombie.ended()
            assert ended.code == 4, ended.stderr
            assert "fenced" in ended.stderr
            assert records_of(shop, shop.new, committed=False) == shown
            assert heir.running
            count += produce(shop.admin_kafka, shop.old, parcels(40, shop.partitions, start=count))
            until("the heir goes on", lambda: caught_up(shop))
            assert heir.terminate().code == 143
    assert verified(shop).read == count


# ------------------------------------------------------------------ brokers


def test_a_broker_that_is_not_there_is_said_in_time(tmp_path: Path, closed_port: int) -> None:
    shop = write_shop(tmp_path, "nowhere", {"bootstrap.servers": f"127.0.0.1:{closed_port}"}, topics={})
    ended = run_worker(shop, expect=5, timeout_s=40)
    assert f"no broker answered (127.0.0.1:{closed_port})" in ended.stderr
    assert "bootstrap.servers" in ended.stderr
    assert len(ended.stderr.splitlines()) < 6


def test_a_broker_that_dies_and_comes_back_is_waited_for(own_kafka: OwnKafka, tmp_path: Path) -> None:
    server = own_kafka()
    shop = write_shop(tmp_path, "outage", {**server.client_config(), **QUICK_SESSION})
    count = produce(shop.kafka, shop.old, parcels(2_000, shop.partitions))
    with worker(shop, "--create", failpoint="flushed=pause@2") as process:
        process.wait_stopped()
        server.kill()
        process.signal(signal.SIGCONT)
        until("the worker notices", lambda: "outcome unknown" in process.stderr)
        server.start()
        until("all is carried", lambda: caught_up(shop))
        server.kill()  # once more, while it is idle
        server.start()
        count += produce(shop.kafka, shop.old, parcels(400, shop.partitions, start=count))
        until("all is carried", lambda: caught_up(shop))
        assert process.terminate().code == 143, process.stderr
    assert verified(shop).read == count


def test_each_missing_permission_is_named(own_kafka: OwnKafka, tmp_path: Path) -> None:
    server = own_kafka(authorizer=True)
    everything = server.client_config()
    limited = {**server.client_config("limited"), **QUICK_SESSION}
    shop = write_shop(tmp_path, "limits", limited, admin_kafka=everything)
    for topic in (shop.new, shop.letters):
        shop.cluster.create(topic, shop.partitions, {"max.message.bytes": "1200000"})
    produce(everything, shop.old, parcels(40, shop.partitions))
    admin = AdminClient(everything)

    def allow(resource: Resource, name: str, *operations: AclOperation) -> None:
        bindings = [
            AclBinding(
                resource, name, ResourcePatternType.PREFIXED, "User:limited", "*", operation, AclPermissionType.ALLOW
            )
            for operation in operations
        ]
        for future in admin.create_acls(bindings).values():
            future.result(ADMIN_S)

    def refused() -> Ended:
        ended = run_worker(shop, "--until", "now", expect=4)
        assert "denied permission" in ended.stderr
        assert "instar doctor" in ended.stderr
        return ended

    assert shop.old in refused().stderr
    allow(Resource.TOPIC, "limits.", AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS, AclOperation.READ)
    assert shop.group() in refused().stderr
    allow(Resource.GROUP, "instar.", AclOperation.READ)
    assert "transactional" in refused().stderr
    allow(Resource.TRANSACTIONAL_ID, "instar.", AclOperation.WRITE, AclOperation.DESCRIBE)
    assert "Topic authorization failed" in refused().stderr
    assert committed_offsets(shop) == {0: 0, 1: 0}
    allow(Resource.TOPIC, "limits.new", AclOperation.WRITE)
    run_worker(shop, "--until", "now")
    assert verified(shop).read == 40


# ------------------------------------------------------------------ registries


def framed(number: int, version: int, schema_id: int, partition: int) -> bytes:
    return PREFIX.pack(MAGIC, schema_id) + json.dumps(body(number, version)).encode()


def test_a_registry_that_is_not_there_at_the_start_is_said(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str], closed_port: int
) -> None:
    shop = write_shop(
        tmp_path,
        topic_name("registry"),
        kafka.client_config(),
        framing='"registry-prefix"',
        registry=f'{{ url = "http://127.0.0.1:{closed_port}", {QUICK_REGISTRY} }}',
    )
    ended = run_worker(shop, "--create", expect=5)
    assert f"http://127.0.0.1:{closed_port}" in ended.stderr


def test_while_the_registry_is_down_nothing_is_dead_lettered(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]
) -> None:
    with serving() as registry:
        shop = write_shop(
            tmp_path,
            topic_name("registry"),
            {**kafka.client_config(), **QUICK_SESSION},
            framing='"registry-prefix"',
            registry=f'{{ url = "{registry.url}", {QUICK_REGISTRY} }}',
        )
        first = registry.add("producers-v2", json.dumps(PARCELS["schemas/parcels/v2.json"]), "JSON")
        with worker(shop, "--create") as process:
            events = [event(number, 2, 0, value=framed(number, 2, first, 0)) for number in range(20)]
            produce(shop.admin_kafka, shop.old, events)
            until("all is carried", lambda: caught_up(shop) and sum(committed_offsets(shop).values()))
            second = registry.add("producers-v1", json.dumps(PARCELS["schemas/parcels/v1.json"]), "JSON")
            registry.fault = lambda _method, _path: (503, {"error_code": 50301, "message": "no leader"})
            stood = committed_offsets(shop)
            events = [event(number, 1, 0, value=framed(number, 1, second, 0)) for number in range(20, 40)]
            produce(shop.admin_kafka, shop.old, events)
            until("the worker asks again", lambda: process.stderr.count("outcome unknown") >= 2)
            assert committed_offsets(shop) == stood
            registry.fault = lambda _method, _path: None
            until("all is carried", lambda: caught_up(shop))
            assert process.terminate().code == 143
        result = verified(shop)
    assert (result.read, result.dead_lettered) == (40, 0)
