"""Which source records a correction carries, and what its group remembers of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core.checkpoint import Counts
from instar.core.correction import Mark, Range, checked_run_id, default_run_id, parse_mark, parse_ranges

OFFSETS = st.integers(0, 10**18 - 1)
RANGES = st.tuples(st.integers(0, 1000), OFFSETS, OFFSETS).map(lambda one: Range(one[0], min(one[1:]), max(one[1:])))


@given(st.lists(RANGES, min_size=1, max_size=5, unique_by=lambda one: one.partition))
def test_ranges_are_read_as_they_are_written(ranges: list[Range]) -> None:
    expected = tuple(sorted(ranges))
    assert parse_ranges([",".join(map(str, ranges))]) == expected
    assert parse_ranges([str(each) for each in ranges]) == expected


@pytest.mark.parametrize("text", ["", "3", "3:5", "3:5-", "3:5-4", "a:1-2", "3:-1-2", "1:1-2,1:5-6", "3:1-2,"])
def test_what_is_no_range_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no range|before it begins|named twice"):
        parse_ranges([text])


@given(RANGES, OFFSETS, st.builds(Counts, *[st.integers(0, 10**12)] * 8))
def test_a_mark_comes_back_and_fits_into_an_offsets_metadata(one: Range, offset: int, counts: Counts) -> None:
    mark = Mark(offset, one, "ab" * 16, "cd" * 16, "f" * 64, counts)
    said = mark.metadata()
    assert len(said) < 400
    found = parse_mark(one.partition, offset, said)
    assert found == Mark(offset, one, mark.source_id, mark.into_id, "f" * 16, counts)
    assert found.finished == (offset > one.last)


@given(st.text(max_size=60) | st.sampled_from(["{}", "[]", "1", '{"f":1}', '{"f":1,"range":[1],"s":"","i":"","p":""}']))
def test_metadata_that_no_run_wrote_is_none(said: str) -> None:
    assert parse_mark(0, 0, said) is None


def test_the_same_work_has_the_same_run_id_and_other_work_another() -> None:
    work = ("orders-v3", "up", "corrected", (Range(0, 1, 2),), "f" * 64)
    assert default_run_id(*work) == default_run_id(*work)
    others = [("orders-v4", *work[1:]), (*work[:3], (Range(0, 1, 3),), work[4]), (*work[:4], "e" * 64)]
    assert len({default_run_id(*each) for each in [work, *others]}) == 4


@pytest.mark.parametrize("text", ["", "a b", "a/b", "x" * 65, ".a", "é"])
def test_a_run_id_must_fit_into_a_groups_name(text: str) -> None:
    with pytest.raises(ValueError, match="no run id"):
        checked_run_id(text)
