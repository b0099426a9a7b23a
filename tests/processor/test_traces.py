"""Traces and metrics on a real Kafka, told to a real OTLP receiver: records followed from producer to consumer."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.command import instar
from tests.support.folders import write_files
from tests.support.otlp_receiver import Received, SpanSeen, otlp_receiver
from tests.support.projects import PARCELS, QUICK_SESSION, Shop, body, event, parcels, produce, write_shop
from tests.support.traced_programs import program, receive, send
from tests.support.workers import Ended, records_of, run_worker

from realkafka.pytest_plugin import Kafka

HOP = "upcasters/parcels/v1_to_v2.py"


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    return write_shop(tmp_path, topic_name("traced"), {**kafka.client_config(), **QUICK_SESSION}, partitions=1)


@pytest.fixture
def collector() -> Iterator[Received]:
    with otlp_receiver() as received:
        yield received


def carried(shop: Shop, environment: dict[str, str], *arguments: str) -> Ended:
    return run_worker(shop, "--create", "--until", "now", "-o", "json", *arguments, environment=environment)


def named(spans: list[SpanSeen], name: str) -> SpanSeen:
    (span,) = [one for one in spans if one.name == name]
    return span


def test_a_record_is_followed_from_its_producer_through_the_bridge_to_its_consumer(
    shop: Shop, collector: Received
) -> None:
    with program("shop", collector) as tracer, program("shop", collector, sampled=False) as unsampled:
        trace = send(tracer, shop.kafka, shop.old, event(1, 1, 0))
        quiet = send(unsampled, shop.kafka, shop.old, event(2, 1, 0))
    ended = carried(shop, collector.environment)
    assert ended.rows[0]["published"] == 2, ended.stderr
    with program("billing", collector) as tracer:
        receive(tracer, shop.kafka, shop.new, 0, 2)
    print("\n".join(collector.tree(trace)))
    assert collector.tree(trace) == [
        f"shop: send {shop.old}",
        f"  instar: process {shop.old} [v1_to_v2] [v2_to_v3]",
        f"    instar: send {shop.new}",
        f"  billing: process {shop.new}",
    ]
    assert not [span for span in collector.of_trace(quiet) if span.service == "instar"]
    spans = collector.of_trace(trace)
    process, sent = named(spans, f"process {shop.old}"), named(spans, f"send {shop.new}")
    assert (process.kind, sent.kind) == ("CONSUMER", "PRODUCER")
    assert process.attributes["instar.result"] == "published"
    assert (process.attributes["messaging.kafka.offset"], process.attributes["instar.version"]) == (0, "v1")
    # Both records of the target carry the header of their producer, byte for byte.
    headers = [dict(one.headers)["traceparent"] for one in records_of(shop, shop.old)]
    assert [dict(one.headers)["traceparent"] for one in records_of(shop, shop.new)] == headers

    transaction = named(collector.spans, f"transaction {shop.old}")
    assert transaction.links == ((trace, process.parent),)
    assert process.links == ((transaction.trace_id, transaction.span_id),)
    assert transaction.attributes["messaging.batch.message_count"] == 2
    inside = {span.name for span in collector.of_trace(transaction.trace_id)}
    assert inside == {f"transaction {shop.old}", f"poll {shop.old}", "transform", f"commit {shop.old}"}


def test_a_record_is_followed_into_the_dead_letters_and_back(
    shop: Shop, collector: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    with program("shop", collector) as tracer:
        trace = send(tracer, shop.kafka, shop.old, event(7, 1, 0, body=body(7, 1, "nobody")))
    ended = carried(shop, collector.environment)
    assert ended.rows[0]["dead_lettered"] == 1, ended.stderr
    (shop.root / "instar.lock").unlink(missing_ok=True)
    write_files(shop.root, {HOP: PARCELS[HOP].replace('record["name"] == "nobody"', "False")})
    for name, value in collector.environment.items():
        monkeypatch.setenv(name, value)
    ran = instar("dlq", "redrive", "--migration", shop.migration, "--execute", "-o", "json", at=shop.root)
    assert (ran.code, ran.json[0]["result"]) == (0, "redriven"), ran.err
    with program("billing", collector) as tracer:
        receive(tracer, shop.kafka, shop.new, 0, 1)
    print("\n".join(collector.tree(trace)))
    assert collector.tree(trace) == [
        f"shop: send {shop.old}",
        f"  instar: process {shop.old} [v1_to_v2] ! hop-raised",
        f"    instar: send {shop.letters}",
        f"  instar: redrive {shop.old} [v1_to_v2] [v2_to_v3]",
        f"    instar: send {shop.new}",
        f"  billing: process {shop.new}",
    ]
    redriven = named(collector.of_trace(trace), f"redrive {shop.old}")
    assert redriven.attributes["instar.redrive"] is True
    command = named(collector.spans, "instar dlq redrive")
    print("\n".join(collector.tree(command.trace_id)))
    assert collector.tree(command.trace_id)[:2] == ["instar: instar dlq redrive", f"  instar: transaction {shop.old}"]
    # What the record held, and what the exception said of it, went nowhere.
    assert not any(b"nobody" in raw for raw in collector.raw)
    assert "nobody" not in ended.stderr
    (line,) = [json.loads(line) for line in ended.stderr.splitlines() if '"dead letter"' in line]
    assert (line["trace_id"], line["topic"], line["offset"]) == (trace, shop.old, 0)


def test_a_backfill_is_marked_as_a_replay_and_traced_from_the_command_on(
    shop: Shop, collector: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    with program("shop", collector) as tracer:
        trace = send(tracer, shop.kafka, shop.old, event(1, 1, 0))
    for name, value in collector.environment.items():
        monkeypatch.setenv(name, value)
    ran = instar("backfill", shop.migration, "--create", "-o", "json", at=shop.root)
    assert ran.code == 0, ran.err
    command = named(collector.spans, "instar backfill")
    print("\n".join(collector.tree(command.trace_id)))
    transaction = named(collector.of_trace(command.trace_id), f"transaction {shop.old}")
    assert (command.parent, transaction.parent) == ("", command.span_id)
    assert transaction.attributes["instar.replay"] is True
    assert named(collector.of_trace(trace), f"process {shop.old}").attributes["instar.replay"] is True
    points = len(collector.points)

    ran = instar("verify", shop.migration, "--direction", "up", "-o", "json", at=shop.root)
    assert ran.code == 0, ran.err
    compare = named(collector.spans, "compare")
    assert collector.tree(compare.trace_id) == ["instar: instar verify", "  instar: compare"]
    assert compare.attributes["instar.verification.coverage"] == 1.0
    assert {point.value for point in collector.points[points:] if point.name == "instar.verification.faults"} == {0.0}
    assert collector.values("instar.verification.coverage", "instar.direction") == {("up",): 1.0}
    assert collector.values("instar.verification.records") == {(): 1.0}


def test_metrics_say_what_became_of_the_records(shop: Shop, collector: Received) -> None:
    count = produce(shop.kafka, shop.old, parcels(120, shop.partitions))
    ended = carried(shop, collector.environment)
    row = ended.rows[0]
    records = collector.values("instar.records", "instar.version", "instar.result", "error.type")
    print(records)
    assert sum(records.values()) == count == row["read"]
    assert records[("v1", "dead-lettered", "hop-raised")] == row["dead_lettered"] == 3
    # Tombstones have no version; the three versions of the others are told apart.
    assert {version for version, result, _ in records if result == "published"} == {"v1", "v2", "v3", None}
    sent = collector.values("messaging.client.sent.messages", "messaging.destination.name")
    assert sent == {(shop.new,): row["outputs"], (shop.letters,): 3.0}
    assert collector.values("messaging.client.consumed.messages") == {(): count}
    assert collector.values("instar.lag.records", "messaging.destination.partition.id") == {("0",): 0.0}
    transactions = collector.values("instar.transactions", "instar.transaction.outcome")
    assert transactions[("committed",)] >= 1
    assert collector.values("instar.transaction.duration", "instar.transaction.outcome") == transactions
    assert collector.values("instar.end_to_end.latency")[()] >= 1
    assert collector.values("instar.throttle.active", "instar.throttle.cause") == {
        (cause,): 0.0 for cause in ("pause", "lag", "latency", "rate")
    }
    assert all(point.attributes.get("instar.direction") == "up" for point in collector.points)
    # One line for a cause, with the place of the first, and nothing of what it held.
    (line,) = [one for one in ended.stderr.splitlines() if '"dead letter"' in one]
    assert '"code": "hop-raised"' in line
    assert '"offset": ' in line
    assert "nobody" not in line


def test_worker_processes_are_told_apart(shop: Shop, collector: Received) -> None:
    produce(shop.kafka, shop.old, parcels(40, shop.partitions))
    ended = carried(shop, collector.environment, "--workers", "2")
    assert ended.rows[0]["read"] == 40  # what workers log is on stderr, and the data is whole
    assert '"event": "dead letter"' in ended.stderr
    assert sum(collector.values("messaging.client.consumed.messages").values()) == 40


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT": "x"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_TRACES_SAMPLER": "nonsense", "OTEL_BSP_SCHEDULE_DELAY": "nonsense"},
        {"OTEL_METRICS_EXPORTER": "prometheus", "OTEL_EXPORTER_PROMETHEUS_HOST": "192.0.2.1"},
    ],
)
def test_telemetry_in_trouble_harms_no_record(shop: Shop, environment: dict[str, str]) -> None:
    wrong = [b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", b"\xff" * 55, b"00-" * 10_000, b"", None]
    headers = [(*event(1, 1, 0).headers, ("traceparent", content)) for content in wrong]
    produce(shop.kafka, shop.old, [event(number, 1, 0, headers=each) for number, each in enumerate(headers)])
    ended = carried(shop, environment)
    assert ended.rows[0]["published"] == len(wrong)
    assert [dict(one.headers)["traceparent"] for one in records_of(shop, shop.new)] == wrong
    assert "Traceback" not in ended.stderr
    assert "telemetry" in ended.stderr or "metrics are" in ended.stderr
