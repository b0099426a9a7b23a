"""The span of a transaction, poll to commit, with links to the sampled records in it."""

import time
from contextvars import Token

from opentelemetry import context as current
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)

from instar.core.trace_context import TraceContext
from instar.telemetry import names
from instar.telemetry.records import ABORTED, remote, under
from instar.telemetry.work import Work

LIMIT_LINKS = 128  # what the SDK keeps of a span by default, too
# A backfill of a billion records has tens of thousands of transactions, and no trace viewer opens that many spans: the
# later ones begin traces of their own, linked to the command's span.
LIMIT_CHILDREN = 500


class TransactionSpan:
    """One transaction after another. While one is open its span is the thread's current one, so that log lines name it.

    ``command`` is the span of the command that the worker belongs to, where it has one.
    """

    def __init__(self, tracer: Tracer, work: Work, command: TraceContext | None) -> None:
        self._tracer = tracer
        self._work = work
        self._command = command
        self._begun = 0
        self._span: Span | None = None
        self._token: Token[Context] | None = None
        self._transform: Span | None = None
        self._linked = self._sampled = self._records = 0

    @property
    def context(self) -> SpanContext | None:
        return None if self._span is None else self._span.get_span_context()

    def polled(self, records: int, began_ns: int) -> None:
        """So many records came; waiting for them began then. The first ones begin the transaction."""
        if self._span is None:
            self._begin(began_ns)
        self._records += records
        poll = self._child(f"{names.POLL} {self._work.source}", SpanKind.CLIENT, names.POLL, "receive", began_ns)
        poll.set_attribute(names.MESSAGING_BATCH_MESSAGE_COUNT, records)
        poll.end()
        self._transform = self._tracer.start_span(names.TRANSFORM, self._here)

    def sampled(self, context: TraceContext) -> None:
        """A record of the transaction was sampled by its producer."""
        self._sampled += 1
        if self._span is not None and self._linked < LIMIT_LINKS:
            self._linked += 1
            self._span.add_link(remote(context))

    def transformed(self) -> None:
        if self._transform is not None:
            self._transform.end()
            self._transform = None

    def committed(self, began_ns: int, dead_lettered: int) -> None:
        """``began_ns`` is when the commit began."""
        if self._span is None:
            return
        self._child(f"{names.COMMIT} {self._work.source}", SpanKind.CLIENT, names.COMMIT, "settle", began_ns).end()
        if dead_lettered:
            self._span.set_attribute(names.DEAD_LETTERED, dead_lettered)
        self._end("committed")

    def aborted(self, reason: str) -> None:
        if self._span is None:
            return
        self._span.set_status(Status(StatusCode.ERROR, reason))
        self._span.set_attribute(names.ERROR_TYPE, ABORTED)
        self._end("aborted")

    def _begin(self, began_ns: int) -> None:
        work, command = self._work, self._command
        self._begun += 1
        own = command is not None and self._begun <= LIMIT_CHILDREN
        self._span = self._tracer.start_span(
            f"transaction {work.source}",
            under(command) if command is not None and own else Context(),
            SpanKind.CONSUMER,
            work.consuming
            | work.marks
            | {names.MESSAGING_OPERATION_NAME: "transaction", names.MESSAGING_OPERATION_TYPE: "process"},
            [Link(remote(command))] if command is not None and not own else [],
            began_ns,
        )
        self._token = current.attach(self._here)
        self._linked = self._sampled = self._records = 0

    @property
    def _here(self) -> Context:
        assert self._span is not None  # noqa: S101 - asked for while one is open
        return set_span_in_context(self._span, Context())

    def _child(self, name: str, kind: SpanKind, operation: str, operation_type: str, began_ns: int) -> Span:
        attributes = self._work.consuming | {
            names.MESSAGING_OPERATION_NAME: operation,
            names.MESSAGING_OPERATION_TYPE: operation_type,
        }
        return self._tracer.start_span(name, self._here, kind, attributes, start_time=began_ns)

    def _end(self, outcome: str) -> None:
        self.transformed()
        span, self._span = self._span, None
        if self._token is not None:
            current.detach(self._token)
            self._token = None
        if span is not None:
            span.set_attributes(
                {
                    names.OUTCOME: outcome,
                    names.MESSAGING_BATCH_MESSAGE_COUNT: self._records,
                    names.SAMPLED_RECORDS: self._sampled,
                }
            )
            span.end()


def ago_ns(monotonic_s: float) -> int:
    """A moment of the monotonic clock as nanoseconds since 1970 UTC, by the wall clock of now."""
    return time.time_ns() - int((time.monotonic() - monotonic_s) * 1e9)
