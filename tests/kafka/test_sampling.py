"""Stretches of a partition, spread over it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from instar.kafka.sampling import stretches


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(1, 5000), st.integers(1, 200))
def test_stretches_are_apart_within_the_limit_and_reach_the_end(first: int, length: int, limit: int, most: int) -> None:
    end = first + length

    found = stretches(first, end, limit, most)

    assert len(found) <= most
    assert sum(bound - start for start, bound in found) <= max(limit, 1)
    assert found[-1][1] == end
    assert all(first <= start < bound <= end for start, bound in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    if len(found) > 1:
        assert found[0][0] == first
