"""A producer and a consumer that somebody instrumented with OpenTelemetry: they know nothing of instar."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from tests.support.otlp_receiver import Received
from tests.support.projects import Event, produce

PROPAGATOR = TraceContextTextMapPropagator()
WAIT_S = 60.0


@contextmanager
def program(name: str, collector: Received, *, sampled: bool = True) -> Iterator[Tracer]:
    """A tracer whose spans go to the collector at once."""
    provider = TracerProvider(
        ALWAYS_ON if sampled else ALWAYS_OFF, Resource({"service.name": name}), shutdown_on_exit=False
    )
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{collector.url}/v1/traces")))
    yield provider.get_tracer(name)
    provider.shutdown()


def send(tracer: Tracer, kafka: Mapping[str, Any], topic: str, event: Event) -> str:
    """Write the event with the context of a span of its own in its headers; the trace's id in hexadecimal."""
    with tracer.start_as_current_span(f"send {topic}", kind=SpanKind.PRODUCER) as span:
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier)
        added = tuple((name, content.encode()) for name, content in carrier.items())
        produce(kafka, topic, [replace(event, headers=event.headers + added)])
        return f"{span.get_span_context().trace_id:032x}"


def receive(tracer: Tracer, kafka: Mapping[str, Any], topic: str, partition: int, count: int) -> None:
    """Read that many committed records, each in a span under whoever sent it."""
    consumer = Consumer({**kafka, "group.id": "reader", "enable.auto.commit": False, "log_level": 0})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
    try:
        for _ in range(count):
            message = consumer.poll(WAIT_S)
            assert message is not None, f"nothing came of {topic} in {WAIT_S:.0f} s"
            assert message.error() is None, message.error()
            headers = {name: (content or b"").decode("latin-1") for name, content in message.headers() or []}
            with tracer.start_as_current_span(f"process {topic}", PROPAGATOR.extract(headers), SpanKind.CONSUMER):
                pass
    finally:
        consumer.close()
