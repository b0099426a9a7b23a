"""A checkpoint and its counts survive the metadata of a committed offset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core import checkpoint
from instar.core.checkpoint import COUNT_NAMES, Checkpoint, Counts, Split

COUNTS = st.builds(Counts, *(st.integers(0, 2**62) for _ in COUNT_NAMES))


@given(offset=st.integers(0, 2**62), topic_id=st.binary(min_size=16, max_size=16), counts=COUNTS)
def test_metadata_is_read_back_and_stays_below_what_kafka_allows(offset: int, topic_id: bytes, counts: Counts) -> None:
    point = Checkpoint(offset, topic_id.hex(), counts, "f" * 64)
    metadata = point.metadata()
    assert len(metadata) < 4096
    assert checkpoint.parse(offset, metadata) == Checkpoint(offset, topic_id.hex(), counts, "f" * 16)


@given(st.none() | st.text(max_size=40))
def test_an_offset_that_another_tool_committed_has_no_counts(metadata: str | None) -> None:
    assert checkpoint.parse(7, metadata) == Checkpoint(7, "", Counts())


@given(COUNTS, COUNTS)
def test_counts_add_up_and_subtract(one: Counts, other: Counts) -> None:
    assert one.plus(other).minus(other) == one


def test_the_balance_holds_when_every_record_read_ended_somewhere() -> None:
    assert Counts(read=6, published=1, outputs=9, dead_lettered=2, dropped=1, current=1, echoed=1).balanced
    assert not Counts(read=6, published=1).balanced


@pytest.mark.parametrize("metadata", ['{"f":1,"read":"many"}', '{"f":1,"at":null}', '{"f":1,"bytes":[]}'])
def test_metadata_that_only_looks_like_ours_counts_nothing(metadata: str) -> None:
    assert checkpoint.parse(7, metadata) == Checkpoint(7, "", Counts())


@given(at=st.integers(0, 2**62), past=st.integers(0, 2**62), counts=COUNTS, note=st.text(max_size=300))
def test_a_split_is_read_back_and_stays_below_what_kafka_allows(at: int, past: int, counts: Counts, note: str) -> None:
    split = Split("live-first", at, past, 1_750_000_000_000, note)
    metadata = Checkpoint(7, "ab" * 16, counts, "f" * 64, split=split).metadata()
    assert len(metadata.encode()) < 4096
    found = checkpoint.parse(7, metadata)
    assert (found.split, found.counts) == (Split("live-first", at, past, 1_750_000_000_000, note[:120]), counts)
    assert found.history_left == max(0, at - past)


def test_a_release_that_knows_no_split_finds_no_checkpoint_of_its_own() -> None:
    metadata = Checkpoint(7, "ab" * 16, Counts(), split=Split("live-first", 9, 3)).metadata()
    assert '"f":2' in metadata
    assert '"f":1' in Checkpoint(7, "ab" * 16, Counts()).metadata()


def test_a_split_that_cannot_be_read_is_no_checkpoint_of_ours() -> None:
    assert checkpoint.parse(7, '{"f":2,"t":"ab"}') == Checkpoint(7, "", Counts())
    assert checkpoint.parse(7, '{"f":2,"t":"ab","split":[1,2]}') == Checkpoint(7, "", Counts())
