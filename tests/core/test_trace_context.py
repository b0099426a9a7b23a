"""The header ``traceparent``: what W3C allows is understood, everything else is no trace context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core import trace_context
from instar.core.record import Headers
from instar.core.trace_context import TraceContext, context_of, parse, sampled_context

SAMPLED = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = SAMPLED[:-2] + b"00"
CONTEXT = TraceContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7, sampled=True)

contexts = st.builds(TraceContext, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans())
contents = st.one_of(
    st.none(),
    st.binary(max_size=80),
    st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True),
    contexts.map(TraceContext.header),
)


def test_the_example_of_the_specification_is_understood() -> None:
    assert parse(SAMPLED) == CONTEXT
    assert parse(UNSAMPLED) == CONTEXT._replace(sampled=False)


@given(contexts)
def test_what_is_written_is_read_again(context: TraceContext) -> None:
    assert parse(context.header()) == context
    assert context.header().decode().split("-")[1:3] == list(context.ids.values())


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        SAMPLED[:-1],
        SAMPLED + b"0",
        SAMPLED + b"-more",  # version 00 ends here
        SAMPLED.upper(),  # "vendors MUST ignore the traceparent when ... not lowercase hex"
        b"ff" + SAMPLED[2:],
        b"00-" + b"0" * 32 + SAMPLED[35:],
        SAMPLED[:36] + b"0" * 16 + b"-01",
        SAMPLED.replace(b"-", b"_"),
        SAMPLED + b"\n",
        b"01" + SAMPLED[2:] + b"-" + b"x" * 1_000,
        b"\xff" * 55,
    ],
)
def test_what_is_not_of_the_form_is_no_context(content: bytes | None) -> None:
    assert parse(content) is None


def test_a_later_version_may_say_more_behind_the_flags() -> None:
    assert parse(b"01" + SAMPLED[2:] + b"-more") == CONTEXT
    assert parse(b"01" + SAMPLED[2:]) == CONTEXT
    assert parse(SAMPLED[:-2] + b"03") == CONTEXT  # a flag of level 2: the trace id is random


def test_of_several_headers_the_last_counts() -> None:
    headers: Headers = ((trace_context.HEADER, SAMPLED), ("other", b""), (trace_context.HEADER, UNSAMPLED))
    assert sampled_context(headers) is None
    assert sampled_context(headers[:2]) == CONTEXT
    assert context_of(()) is None


@given(st.lists(st.tuples(st.sampled_from(["traceparent", "Traceparent", "x"]), contents), max_size=4))
def test_the_quick_look_agrees_with_the_thorough_one(headers: list[tuple[str, bytes | None]]) -> None:
    found = context_of(tuple(headers))
    assert sampled_context(tuple(headers)) == (found if found is not None and found.sampled else None)
