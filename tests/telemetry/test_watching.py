"""What is told of transactions and of single records, without a broker: the SDK's own exporters that keep it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import pytest
import structlog
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler
from opentelemetry.trace import Tracer
from tests.support.bridging import bridge_of, event_subject, lossy_down_subject, stamp

from instar.core.bridge import Bridge
from instar.core.checkpoint import Counts
from instar.core.record import Record
from instar.core.trace_context import TraceContext
from instar.core.upcasting import exact_json
from instar.telemetry import names, records, transaction
from instar.telemetry.instruments import Instruments
from instar.telemetry.settings import Settings
from instar.telemetry.setup import Telemetry
from instar.telemetry.watching import Watching
from instar.telemetry.work import Work

WORK = Work("orders-v3", "up", "orders", "instar.orders-v3.up", "orders.v3.dlq")
CONTEXT = TraceContext(0xABC, 0x123, sampled=True)


class Kept:
    """Telemetry whose spans and metrics are kept here."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self._provider = TracerProvider(sampler, shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.tracing = self.measuring = True
        self.tracer: Tracer = self._provider.get_tracer("test")
        self.instruments = Instruments(self._meters.get_meter("test"))

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._spans.get_finished_spans() if span.name == name]

    def values(self, name: str) -> dict[tuple[Any, ...], float]:
        data = self._reader.get_metrics_data()
        found: dict[tuple[Any, ...], float] = {}
        for resource in data.resource_metrics if data is not None else ():
            for metric in resource.scope_metrics[0].metrics:
                if metric.name == name:
                    for point in metric.data.data_points:
                        said = dict(point.attributes or {})
                        value = getattr(point, "value", None)
                        key = tuple(said[each] for each in sorted(said) if each not in WORK.consuming)
                        found[key] = point.count if value is None else value  # type: ignore[union-attr]
        return found

    def close(self) -> None:
        self._provider.shutdown()
        self._meters.shutdown()


@pytest.fixture
def kept() -> Iterator[Kept]:
    kept = Kept()
    yield kept
    kept.close()


def record(number: int, context: TraceContext | None = CONTEXT, version: int = 1) -> Record:
    headers = (("instar-version", b"v%d" % version),)
    if context is not None:
        headers += (("traceparent", context.header()),)
    value = {1: {"number": number, "text": "x"}, 2: {"number": number, "note": "x"}}[version]
    return Record("orders", 0, number, b"k", exact_json.dumps(value), headers, 1_000)


def carry(watching: Watching, bridge: Bridge, some: Sequence[Record], began_s: float = 0.0) -> list[Any]:
    """One batch, as a worker carries it."""
    carry = watching.carrying(bridge, lambda _: "orders.v3")
    watching.polled(some, began_s)
    carried = [carry(one, stamp()) for one in some]
    outputs = [output for one in carried for output in one.outputs]
    watching.transformed(100, {("orders.v3", 0): outputs})
    return carried


def commit(watching: Watching, read: int) -> None:
    watching.committed(Counts(read=read), [0], 0.0, 0.1)


def test_a_watched_bridge_makes_what_the_bridge_makes(kept: Kept) -> None:
    bridge, numbers = bridge_of(event_subject(), 2), [1, 5, 7, 13, 20]
    watching = Watching(kept, WORK)  # type: ignore[arg-type]
    seen = carry(watching, bridge, [record(number) for number in numbers])
    assert seen == [bridge.carry(record(number), stamp()) for number in numbers]
    commit(watching, len(numbers))
    spans = kept.spans("process orders")
    results = [(span.attributes or {})["instar.result"] for span in spans]
    assert results == ["published", "dead-lettered", "published", "dropped", "published"]
    assert [len(span.events) for span in spans] == [1] * 5
    assert [span.name for span in kept.spans("send orders.v3.dlq")] == ["send orders.v3.dlq"]
    fan_out = [(span.attributes or {}).get("messaging.batch.message_count") for span in kept.spans("send orders.v3")]
    assert fan_out == [None, 3, None]
    assert all(span.context.trace_id == CONTEXT.trace_id for span in spans if span.context)
    assert kept.values("instar.records") == {
        ("published", "orders", "v1"): 3,
        ("hop-raised", "dead-lettered", "orders", "v1"): 1,
        ("dropped", "orders", "v1"): 1,
    }


def test_on_the_way_down_only_the_way_down_is_told(kept: Kept) -> None:
    bridge = bridge_of(lossy_down_subject(), 1, "down", carry_lost=True)
    watching = Watching(kept, WORK)  # type: ignore[arg-type]
    (carried,) = carry(watching, bridge, [record(1, version=2)])
    assert carried.result == "published"
    commit(watching, 1)
    (span,) = kept.spans("process orders")
    assert [(event.attributes or {})["instar.version.to"] for event in span.events] == ["v1"]


def test_records_that_nobody_sampled_have_no_spans(kept: Kept) -> None:
    watching = Watching(kept, WORK)  # type: ignore[arg-type]
    carry(watching, bridge_of(event_subject(), 2), [record(1, None), record(2, CONTEXT._replace(sampled=False))])
    commit(watching, 2)
    assert kept.spans("process orders") == []
    (span,) = kept.spans("transaction orders")
    assert span.links == ()


def test_a_producer_that_samples_everything_is_bounded(kept: Kept) -> None:
    watching = Watching(kept, WORK)  # type: ignore[arg-type]
    bridge = bridge_of(event_subject(), 2)
    carry(watching, bridge, [record(1)] * 1_000)
    commit(watching, 1_000)
    assert len(kept.spans("process orders")) == records.LIMIT_RECORDS
    (span,) = kept.spans("transaction orders")
    assert len(span.links) == transaction.LIMIT_LINKS
    assert (span.attributes or {})["instar.records.sampled"] == 1_000
    carry(watching, bridge, [record(1)])  # the next transaction has room again
    commit(watching, 1)
    assert len(kept.spans("process orders")) == records.LIMIT_RECORDS + 1


def test_what_is_aborted_is_told_as_such_and_not_counted(kept: Kept) -> None:
    watching = Watching(kept, WORK)  # type: ignore[arg-type]
    bridge = bridge_of(event_subject(), 2)
    carry(watching, bridge, [record(1)])
    watching.aborted("the broker said no")
    (span,), (process,) = kept.spans("transaction orders"), kept.spans("process orders")
    assert (span.status.description, process.status.description) == ("the broker said no", records.ABORTED)
    assert kept.values("instar.records") == {}
    carry(watching, bridge, [record(1)])
    commit(watching, 1)
    assert kept.values("instar.records") == {("published", "orders", "v1"): 1}
    assert kept.values("instar.transactions") == {("aborted",): 1, ("committed",): 1}
    assert len(kept.spans("process orders")) == 2


def test_a_backfill_of_many_transactions_does_not_make_one_endless_trace(kept: Kept) -> None:
    command = TraceContext(0xC0, 0x77, sampled=True)
    watching = Watching(kept, WORK, command)  # type: ignore[arg-type]
    bridge = bridge_of(event_subject(), 2)
    for _ in range(transaction.LIMIT_CHILDREN + 1):
        carry(watching, bridge, [record(1, None)])
        commit(watching, 1)
    first, *_, last = kept.spans("transaction orders")
    assert first.parent is not None
    assert first.parent.span_id == command.span_id
    assert last.parent is None
    assert [link.context.trace_id for link in last.links] == [command.trace_id]


def test_a_sampler_that_takes_no_transactions_still_takes_what_producers_sampled() -> None:
    kept = Kept(ParentBased(ALWAYS_OFF))
    watching = Watching(kept, WORK)  # type: ignore[arg-type]
    carry(watching, bridge_of(event_subject(), 2), [record(1)])
    commit(watching, 1)
    assert (len(kept.spans("transaction orders")), len(kept.spans("process orders"))) == (0, 1)
    kept.close()


def test_a_lag_is_shown_in_records_and_in_time(kept: Kept) -> None:
    watching = Watching(kept, WORK)  # type: ignore[arg-type]
    carry(watching, bridge_of(event_subject(), 2), [record(1)])
    commit(watching, 1)
    watching.stands(lambda: {0: 17, 1: 0}, "lag")
    assert kept.values("instar.lag.records") == {("0",): 17, ("1",): 0}
    ages = kept.values("instar.lag.time")
    assert ages[("0",)] > 10 * 365 * 86_400  # the record is of 1970
    assert ages[("1",)] == 0
    assert kept.values("instar.throttle.active") == {("pause",): 0, ("lag",): 1, ("latency",): 0, ("rate",): 0}
    assert set(kept.values("instar.checkpoint.age")) == {("0",), ("1",)}


def test_telemetry_that_fails_is_off_and_the_work_goes_on(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no more memory")

    watching = Watching(kept, WORK)  # type: ignore[arg-type]
    bridge = bridge_of(event_subject(), 2)
    monkeypatch.setattr(records.RecordSpans, "finish", fail)
    with structlog.testing.capture_logs() as lines:
        seen = carry(watching, bridge, [record(1), record(2)])
        commit(watching, 2)
        watching.close()
    assert [one.result for one in seen] == ["published", "published"]
    assert [line["event"] for line in lines] == ["telemetry failed and is off from here on"]


@contextmanager
def started(settings: Settings) -> Iterator[Telemetry]:
    telemetry = Telemetry(settings, "here")
    yield telemetry
    telemetry.close()


def test_prometheus_finds_the_metrics_on_this_machine() -> None:
    with structlog.testing.capture_logs() as lines, started(Settings(metrics="prometheus", port=0)) as telemetry:
        watching = Watching(telemetry, WORK)
        carry(watching, bridge_of(event_subject(), 2), [record(1)])
        commit(watching, 1)
        url = lines[0]["url"]
        assert url.startswith("http://127.0.0.1:")
        with urlopen(url, timeout=60) as answer:  # noqa: S310 - our own page
            page = answer.read().decode()
        # The port is taken now: the second one measures for nobody and says so.
        with started(Settings(metrics="prometheus", port=int(url.split(":")[2].split("/")[0]))) as second:
            carry(Watching(second, WORK), bridge_of(event_subject(), 2), [record(1)])
    (line,) = [line for line in page.splitlines() if line.startswith("instar_records_total{")]
    assert 'instar_direction="up",instar_migration="orders-v3",instar_result="published"' in line
    assert [line["event"] for line in lines] == ["metrics are served", "metrics are not served"]


def test_a_variable_that_the_sdk_stumbles_over_turns_telemetry_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "-1")
    with structlog.testing.capture_logs() as lines, started(Settings("otlp", "otlp")) as telemetry:
        carry(Watching(telemetry, WORK), bridge_of(event_subject(), 2), [record(1)])
    assert [line["event"] for line in lines] == ["traces are off", "metrics are off"]


def test_nothing_of_what_records_hold_is_an_attribute() -> None:
    assert not {name for name in vars(names) if "KEY" in name or "BODY" in name or "VALUE" in name}
