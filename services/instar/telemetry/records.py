"""The spans of single records: only of those that their producers sampled, as children of their producers' spans.

    send orders                   the producer's own span
    ├─ process orders             from the transform to the commit; an event for each hop
    │  └─ send orders.v3          from the produce to the commit, which makes the record visible
    └─ process orders.v3          the consumer's own span: ``traceparent`` reaches it as the producer wrote it

What a record holds is in none of them: no key, no value, no message of a hop's exception, no path into a map.
"""

import time
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from instar.core.bridge import Bridge, Carried
from instar.core.record import Record
from instar.core.trace_context import TraceContext
from instar.core.upcasting import chain
from instar.core.version import label
from instar.telemetry import names
from instar.telemetry.work import Work

LIMIT_RECORDS = 200  # in a transaction: a producer that samples everything must not slow the migration down
ABORTED = "transaction_aborted"


def remote(context: TraceContext) -> SpanContext:
    """A producer's span."""
    return SpanContext(context.trace_id, context.span_id, is_remote=True, trace_flags=TraceFlags(context.sampled))


def under(context: TraceContext) -> Context:
    """Where a span is a child of a producer's."""
    return set_span_in_context(NonRecordingSpan(remote(context)), Context())


class RecordSpans:
    """The records of one transaction, again and again."""

    def __init__(self, tracer: Tracer, work: Work) -> None:
        self._tracer = tracer
        self._consuming = work.consuming | work.marks
        self._work = work
        self._open: list[tuple[Span, Span | None]] = []
        self._hops: dict[str, tuple[chain.Link, int]] = {}

    @property
    def full(self) -> bool:
        return len(self._open) >= LIMIT_RECORDS

    def telling(self, bridge: Bridge) -> Bridge:
        """The bridge that sampled records go through."""
        return bridge.telling(self._tell)

    def begin(self, record: Record, context: TraceContext, transaction: SpanContext | None) -> Span:
        """``transaction`` is the span of the transaction that the record is in."""
        self._hops.clear()
        work = self._work
        attributes: dict[str, Any] = self._consuming | {
            names.MESSAGING_OPERATION_NAME: work.operation,
            names.MESSAGING_OPERATION_TYPE: "process",
            names.MESSAGING_DESTINATION_PARTITION_ID: str(record.partition),
            names.MESSAGING_KAFKA_OFFSET: record.offset,
        }
        if record.value is None:
            attributes[names.MESSAGING_KAFKA_MESSAGE_TOMBSTONE] = True
        span = self._tracer.start_span(
            f"{work.operation} {work.source}",
            under(context),
            SpanKind.CONSUMER,
            attributes,
            [] if transaction is None else [Link(transaction)],
        )
        self._open.append((span, None))
        return span

    def finish(self, span: Span, record: Record, carried: Carried, into: str) -> None:
        """The record that was begun last is transformed; its outputs are about to be produced to ``into``."""
        became: dict[str, Any] = {names.RESULT: carried.result}
        if carried.source is not None:
            became |= {names.SUBJECT: carried.source[0], names.VERSION: label(carried.source[1])}
        rejected, topic, count = carried.rejected, into, len(carried.outputs)
        for link, at_ns in self._hops.values():
            said = {
                names.HOP: link.hop.name,
                names.FROM_VERSION: label(link.from_version),
                names.TO_VERSION: label(link.to_version),
            }
            if rejected is not None and rejected.hop == link.hop.name:
                said[names.ERROR_TYPE] = rejected.code
            span.add_event(names.EVENT_HOP, said, at_ns)
        if rejected is not None:
            span.set_status(Status(StatusCode.ERROR, rejected.code))
            became[names.ERROR_TYPE] = rejected.code
            topic, count = self._work.dead_letters or "", 1
        span.set_attributes(became)
        if topic and count:
            self._open[-1] = (span, self._send(span, record, topic, count))

    def commit(self) -> None:
        now_ns = time.time_ns()
        for span, send in self._open:
            if send is not None:
                send.end(now_ns)
            span.end(now_ns)
        self._open.clear()

    def abort(self) -> None:
        """Nothing of it is visible; the records are read again and have other spans then."""
        for span, send in self._open:
            for one in (send, span):
                if one is not None:
                    one.set_status(Status(StatusCode.ERROR, ABORTED))
                    one.set_attribute(names.ERROR_TYPE, ABORTED)
        self.commit()

    def _send(self, span: Span, record: Record, topic: str, count: int) -> Span:
        attributes: dict[str, Any] = {
            names.MESSAGING_SYSTEM: names.SYSTEM,
            names.MESSAGING_OPERATION_NAME: names.SEND,
            names.MESSAGING_OPERATION_TYPE: "send",
            names.MESSAGING_DESTINATION_NAME: topic,
            names.MESSAGING_DESTINATION_PARTITION_ID: str(record.partition),
        }
        if count > 1:
            attributes[names.MESSAGING_BATCH_MESSAGE_COUNT] = count
        return self._tracer.start_span(
            f"{names.SEND} {topic}", set_span_in_context(span, Context()), SpanKind.PRODUCER, attributes
        )

    def _tell(self, link: chain.Link) -> None:
        """Of a fan-out the last part counts: only then the hop is over."""
        self._hops[link.hop.name] = (link, time.time_ns())
