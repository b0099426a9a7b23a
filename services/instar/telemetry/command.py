"""The span of a command, from its start to its end, and what happens inside."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_current_span

from instar.core.trace_context import TraceContext
from instar.telemetry import names


@contextmanager
def spanned(tracer: Tracer, name: str, attributes: Mapping[str, Any]) -> Iterator[Span]:
    """The current span for the time of the block. An exception is told by its type: its text can quote a record."""
    with tracer.start_as_current_span(
        name, kind=SpanKind.INTERNAL, attributes=dict(attributes), record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def here() -> TraceContext | None:
    """The current span, for what runs in another process or thread."""
    context = get_current_span().get_span_context()
    return TraceContext(context.trace_id, context.span_id, context.trace_flags.sampled) if context.is_valid else None


def trace_of_now() -> dict[str, str]:
    """Trace and span ids of the current span, for a log line; nothing where there is none."""
    context = here()
    return {} if context is None else context.ids
