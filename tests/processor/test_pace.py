"""Batches follow how fast records are transformed and how large they are."""

from hypothesis import given
from hypothesis import strategies as st

from instar.processor.pace import FIRST_RECORDS, GROWTH, Pace


def test_fast_small_records_grow_the_batch_step_by_step_up_to_its_limit() -> None:
    pace = Pace(5_000, 16_000_000)
    sizes = []
    for _ in range(5):
        sizes.append(pace.batch_records)
        pace.observe(pace.batch_records, pace.batch_records * 200, 0.001)
    assert sizes == [200, 800, 3_200, 5_000, 5_000]


def test_a_slow_hop_makes_batches_of_about_a_second() -> None:
    pace = Pace(5_000, 16_000_000)
    pace.observe(200, 200, 20.0)
    assert pace.batch_records == 10
    pace.observe(10, 10, 100.0)
    assert pace.batch_records == 1


def test_large_records_make_small_batches() -> None:
    pace = Pace(5_000, 16_000_000)
    pace.observe(200, 200 * 1_000_000, 0.5)
    assert pace.batch_records == 16


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 10**9), st.floats(0, 1_000)), max_size=20),
    st.integers(1, 10_000),
)
def test_a_batch_is_at_least_one_record_and_never_above_its_limit(
    observed: list[tuple[int, int, float]], limit: int
) -> None:
    pace = Pace(limit, 1_000_000)
    for records, size_bytes, seconds in observed:
        before = pace.batch_records
        pace.observe(records, size_bytes, seconds)
        assert 1 <= pace.batch_records <= limit
        assert pace.batch_records <= max(before * GROWTH, FIRST_RECORDS)
