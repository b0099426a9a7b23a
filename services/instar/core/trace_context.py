"""The trace that a record belongs to: the header ``traceparent`` of W3C Trace Context (level 1 and later versions).

    00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
    version, trace id, id of the producer's span, flags

Anybody may have written it. What is not exactly of this form is no trace context, and the record is treated like one
without it. A bridge copies the header as it is, so that consumers see the producer's own span as their parent.
"""

import re
from typing import NamedTuple

from instar.core.record import Headers

HEADER = "traceparent"
_LENGTH = 55
_LIMIT_BYTES = 512  # of a later version, which may say more behind the flags
_FORM = re.compile(rb"(?P<version>[0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?P<rest>-.*)?\Z", re.DOTALL)
_SAMPLED = 0x01


class TraceContext(NamedTuple):
    """``trace_id`` is of 128 bits, ``span_id`` of 64; neither is zero."""

    trace_id: int
    span_id: int
    sampled: bool

    @property
    def ids(self) -> dict[str, str]:
        """As fields of a log line."""
        return {"trace_id": f"{self.trace_id:032x}", "span_id": f"{self.span_id:016x}"}

    def header(self) -> bytes:
        """As the content of a ``traceparent``."""
        return b"00-%032x-%016x-%02x" % (self.trace_id, self.span_id, self.sampled)


def parse(content: bytes | None) -> TraceContext | None:
    """A header's content; None when it is not a trace context (W3C Trace Context, section 3.2)."""
    if content is None or not _LENGTH <= len(content) <= _LIMIT_BYTES:
        return None
    match = _FORM.match(content)
    if match is None:
        return None
    version = match["version"]
    if version == b"ff" or (version == b"00" and match["rest"] is not None):
        return None
    trace_id, span_id = int(match[2], 16), int(match[3], 16)
    if trace_id == 0 or span_id == 0:
        return None
    return TraceContext(trace_id, span_id, bool(int(match[4], 16) & _SAMPLED))


def context_of(headers: Headers) -> TraceContext | None:
    """The record's trace context. Of several headers the last counts, as in OpenTelemetry's own Kafka clients."""
    for name, content in reversed(headers):
        if name == HEADER:
            return parse(content)
    return None


def sampled_context(headers: Headers) -> TraceContext | None:
    """The record's trace context, if its producer sampled it; for every record, so quick where it did not."""
    for name, content in reversed(headers):
        if name == HEADER:
            # The last digit of the flags is odd where the lowest bit is set; most records end here.
            if content is None or len(content) < _LENGTH or content[54] not in b"13579bdf":
                return None
            context = parse(content)
            return context if context is not None and context.sampled else None
    return None
