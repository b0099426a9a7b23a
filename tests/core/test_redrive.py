"""The marker of a redriven record and the record of what was done with a letter are read back as they were written."""

from hypothesis import given
from hypothesis import strategies as st
from tests.support.bridging import bridge_of, event_subject, stamp

from instar.core import redrive
from instar.core.record import Record
from instar.core.redrive import LetterPosition, Settled, marker, parse_key, parse_settled, redriven_from
from instar.core.upcasting import exact_json

POSITIONS = st.builds(
    LetterPosition, st.binary(min_size=16, max_size=16), st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1)
)
SETTLED = st.builds(
    Settled,
    st.sampled_from(["redriven", "discarded"]),
    st.integers(0, 2**53),
    st.text(max_size=40),
    st.text(max_size=200),
    st.integers(0, 65_535),
)


@given(POSITIONS)
def test_a_marker_says_which_letter_it_was(position: LetterPosition) -> None:
    assert redriven_from((("a", b"1"), marker(position))) == position
    assert parse_key(position.key) == position


@given(SETTLED)
def test_what_was_done_is_read_back(settled: Settled) -> None:
    assert parse_settled(settled.content()) == settled


@given(st.none() | st.binary())
def test_no_bytes_make_reading_raise(content: bytes | None) -> None:
    parse_key(content)
    parse_settled(content)
    redriven_from(((redrive.HEADER, content),))


def test_a_state_of_a_later_format_is_not_guessed_at() -> None:
    later = Settled("redriven", 0, "ada").content().replace(b'"format":1', b'"format":2')
    assert parse_settled(later) is None


def test_a_reason_is_bounded() -> None:
    read = parse_settled(Settled("discarded", 0, "ada", "x" * 10_000).content())
    assert read is not None
    assert len(read.reason) == redrive.MAX_REASON_CHARS


def test_a_bridge_does_not_copy_a_marker_that_an_application_forwarded() -> None:
    value = exact_json.dumps({"number": 1, "text": "t"})
    headers = (marker(LetterPosition(bytes(16), 0, 1)), ("instar-version", b"v1"))
    (output,) = bridge_of(event_subject(), 2).carry(Record("source", 0, 9, b"k", value, headers, 1), stamp()).outputs
    assert redriven_from(output.headers) is None
