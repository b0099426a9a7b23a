"""Provenance survives its header, and belongs to one key and value only."""

from hypothesis import given
from hypothesis import strategies as st

from instar.core import provenance
from instar.core.provenance import Provenance, Stamp

KEYS = st.none() | st.binary(max_size=20)
NAMES = st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable())


@given(
    name=NAMES,
    direction=st.sampled_from(["up", "down"]),
    topic_id=st.binary(min_size=16, max_size=16),
    partition=st.integers(0, 2**31 - 1),
    offset=st.integers(0, 2**63 - 1),
    count=st.integers(1, provenance.MAX_FAN_OUT),
    key=KEYS,
    value=KEYS,
    data=st.data(),
)
def test_what_is_stamped_is_read_back(name, direction, topic_id, partition, offset, count, key, value, data) -> None:  # type: ignore[no-untyped-def]
    index = data.draw(st.integers(0, count - 1))
    header = Stamp(name, direction, topic_id, partition).header(offset, index, count, key, value)
    found = provenance.of((("a", b"b"), header), key, value)
    crc = provenance.checksum(key, value)
    assert found == Provenance(name, direction, topic_id, partition, offset, index, count, crc)


@given(key=KEYS, value=KEYS, other_key=KEYS, other_value=KEYS)
def test_a_forwarded_header_is_not_the_other_records_own(key, value, other_key, other_value) -> None:  # type: ignore[no-untyped-def]
    header = Stamp("m", "up", bytes(16), 0).header(0, 0, 1, key, value)
    mine = (key, value) == (other_key, other_value)
    assert (provenance.of((header,), other_key, other_value) is not None) == mine


def test_null_and_empty_are_different_keys_and_values() -> None:
    sums = {provenance.checksum(key, value) for key in (None, b"", b"x") for value in (None, b"", b"x")}
    assert len(sums) == 9


@given(st.none() | st.binary(max_size=80))
def test_no_bytes_make_parsing_raise(content: bytes | None) -> None:
    assert provenance.parse(content) is None or isinstance(provenance.parse(content), Provenance)


def test_a_later_format_is_not_read_as_this_one() -> None:
    name, content = Stamp("m", "up", bytes(16), 0).header(0, 0, 1, b"k", b"v")
    assert provenance.of(((name, b"\x02" + content[1:]),), b"k", b"v") is None


def test_the_last_header_counts_since_an_application_may_forward_an_older_one() -> None:
    old = Stamp("m", "up", bytes(16), 0).header(1, 0, 1, b"k", b"v")
    new = Stamp("m", "down", bytes(16), 0).header(2, 0, 1, b"k", b"v")
    found = provenance.of((old, new), b"k", b"v")
    assert found is not None
    assert (found.direction, found.offset) == ("down", 2)
