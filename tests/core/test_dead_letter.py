"""A dead letter is the original record and a verdict."""

from hypothesis import given
from hypothesis import strategies as st

from instar.core import dead_letter
from instar.core.record import Record
from instar.core.rejected import HOP_RAISED, Rejected

REJECTED = Rejected(HOP_RAISED, "ValueError: no", "orders", "v1_to_v2", "items[0].price", "v1", "v2")
HEADERS = st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=20)), max_size=4).map(tuple)


@given(key=st.none() | st.binary(), value=st.none() | st.binary(), headers=HEADERS)
def test_the_original_bytes_and_headers_are_kept(key, value, headers) -> None:  # type: ignore[no-untyped-def]
    record = Record("orders", 3, 42, key, value, headers, 1_700_000_000_000)
    letter = dead_letter.dead_letter(record, bytes(range(16)), REJECTED, "orders-v3", "up")
    assert (letter.key, letter.value) == (key, value)
    parsed = dead_letter.parse(letter.headers)
    assert parsed is not None
    verdict, original = parsed
    assert original == headers
    assert verdict.rejected == REJECTED
    assert verdict.source == dead_letter.Position("orders", bytes(range(16)).hex(), 3, 42, 1_700_000_000_000)


def test_a_dead_letter_of_a_dead_letter_keeps_the_older_verdict_among_its_headers() -> None:
    record = Record("orders", 0, 1, b"k", b"v", (), 5)
    first = dead_letter.dead_letter(record, bytes(16), REJECTED, "a", "up")
    second = dead_letter.dead_letter(record._replace(headers=first.headers), bytes(16), REJECTED, "b", "up")
    parsed = dead_letter.parse(second.headers)
    assert parsed is not None
    assert parsed[0].migration == "b"
    assert parsed[1] == first.headers


def test_its_timestamp_is_left_to_the_producer_so_that_retention_counts_from_its_arrival() -> None:
    record = Record("orders", 0, 1, b"k", b"v", (), 5)
    assert dead_letter.dead_letter(record, bytes(16), REJECTED, "a", "up").timestamp_ms == -1


def test_an_exceptions_endless_text_is_cut() -> None:
    record = Record("orders", 0, 1, b"k", b"v", (), 5)
    endless = Rejected(HOP_RAISED, "x" * 1_000_000)
    letter = dead_letter.dead_letter(record, bytes(16), endless, "a", "up")
    assert sum(len(content or b"") for _, content in letter.headers) < 4_000


def test_a_verdict_with_half_a_surrogate_pair_or_an_endless_path_is_still_a_letter() -> None:
    record = Record("orders", 0, 1, b"k", b"v", (), 5)
    odd = Rejected(HOP_RAISED, "ValueError: \ud800", path="attributes{" + "\udfff" * 1_000_000 + "}")
    letter = dead_letter.dead_letter(record, bytes(16), odd, "a", "up")
    parsed = dead_letter.parse(letter.headers)
    assert parsed is not None
    assert parsed[0].rejected.message == "ValueError: ?"
    assert sum(len(content or b"") for _, content in letter.headers) < 4_000


@given(HEADERS)
def test_no_headers_make_parsing_raise(headers) -> None:  # type: ignore[no-untyped-def]
    dead_letter.parse(headers)
    dead_letter.parse((*headers, (dead_letter.HEADER, b"{}")))
    dead_letter.parse((*headers, (dead_letter.HEADER, b"[1]")))
