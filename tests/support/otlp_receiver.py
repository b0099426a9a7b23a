"""A collector for tests: OTLP over HTTP, decoded with OpenTelemetry's own protobuf messages."""

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


@dataclass(frozen=True, slots=True)
class SpanSeen:
    """One span as it came. Ids are hexadecimal; ``parent`` is empty for the root; times are nanoseconds."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent: str
    attributes: Mapping[str, Any]
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    links: tuple[tuple[str, str], ...]
    error: str | None
    began_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class PointSeen:
    """One point of a metric: its value, or the count of a histogram."""

    name: str
    unit: str
    attributes: Mapping[str, Any]
    value: float


@dataclass(slots=True)
class Received:
    url: str
    spans: list[SpanSeen] = field(default_factory=list)
    points: list[PointSeen] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)  # whole requests, uncompressed

    @property
    def environment(self) -> dict[str, str]:
        """What makes a program send here."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url}

    def of_trace(self, trace_id: str) -> list[SpanSeen]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def tree(self, trace_id: str) -> list[str]:
        """The trace as lines, each as deep as its span, in the order in which they began."""
        spans = sorted(self.of_trace(trace_id), key=lambda span: (span.began_ns, span.ended_ns))
        known = {span.span_id for span in spans}

        def lines(parent: str | None, depth: int) -> Iterator[str]:
            for span in spans:
                if span.parent == parent or (parent is None and span.parent not in known):
                    yield "  " * depth + _line(span)
                    yield from lines(span.span_id, depth + 1)

        return list(lines(None, 0))

    def values(self, name: str, *by: str) -> dict[tuple[Any, ...], float]:
        """The last values of a metric, by these of its attributes."""
        return {
            tuple(point.attributes.get(each) for each in by): point.value for point in self.points if point.name == name
        }


def _line(span: SpanSeen) -> str:
    hops = "".join(f" [{said.get('instar.hop', name)}]" for name, said in span.events)
    return f"{span.service}: {span.name}{hops}" + (f" ! {span.error}" if span.error is not None else "")


@contextmanager
def otlp_receiver(status: int = 200) -> Iterator[Received]:
    """A collector for the time of the block; with another status it takes nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if status == 200:
                _take(received, self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - its own name

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _take(received: Received, path: str, body: bytes) -> None:
    received.raw.append(body)
    if path.endswith("/v1/traces"):
        traces = ExportTraceServiceRequest.FromString(body)
        for resource in traces.resource_spans:
            service = _attributes(resource.resource.attributes)["service.name"]
            received.spans += [_span(service, span) for scope in resource.scope_spans for span in scope.spans]
        return
    metrics = ExportMetricsServiceRequest.FromString(body)
    for resource_metrics in metrics.resource_metrics:
        for scope in resource_metrics.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                for point in getattr(metric, kind).data_points:
                    value = point.count if kind == "histogram" else getattr(point, point.WhichOneof("value"))
                    received.points.append(
                        PointSeen(metric.name, metric.unit, _attributes(point.attributes), float(value))
                    )


def _span(service: str, span: Span) -> SpanSeen:
    return SpanSeen(
        service,
        span.name,
        Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        _attributes(span.attributes),
        tuple((event.name, _attributes(event.attributes)) for event in span.events),
        tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        span.status.message if span.status.code == Status.STATUS_CODE_ERROR else None,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
