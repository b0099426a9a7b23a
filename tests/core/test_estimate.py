"""When all will be done, from checkpoints that are uneven and stand still."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core.estimate import History, Sample, Speed, duration_text, seconds_left, shared_seconds, size_text

FAST, SLOW = Speed(offsets_per_s=100.0), Speed(offsets_per_s=10.0)


def test_the_partition_with_most_to_do_decides() -> None:
    assert seconds_left({0: 1_000, 1: 100}, {0: FAST, 1: FAST}) == 10.0
    assert seconds_left({0: 100, 1: 100}, {0: FAST, 1: SLOW}) == 10.0


def test_partitions_of_one_worker_share_its_speed() -> None:
    owners = {0: "a", 1: "a", 2: "b"}
    assert seconds_left({0: 1_000, 1: 0, 2: 500}, {0: FAST, 1: SLOW, 2: FAST}, owners) == pytest.approx(1_000 / 110)


def test_no_end_is_in_sight_where_nothing_moves_or_nobody_reads() -> None:
    assert seconds_left({0: 5}, {0: Speed()}) is None
    assert seconds_left({0: 5}, {0: FAST}, {0: ""}) is None
    assert seconds_left({0: 0}, {}, {0: ""}) == 0.0


def test_speed_is_what_lies_between_two_checkpoints() -> None:
    history = History([])
    assert history.speed(0.0) == Speed()
    history.add(Sample(10.0, 100, 50, 5_000), 10.0)
    history.add(Sample(10.0, 100, 50, 5_000), 11.0)  # the same checkpoint again
    assert history.speed(11.0) == Speed()
    history.add(Sample(12.0, 300, 150, 25_000), 12.0)
    assert history.speed(12.5) == Speed(50.0, 10_000.0, 100.0)


def test_a_checkpoint_that_is_old_tells_of_no_speed() -> None:
    history = History([Sample(0.0, 0, 0, 0), Sample(1.0, 100, 100, 100)])
    assert history.speed(2.0).records_per_s == 100.0
    assert history.speed(60.0) == Speed()


def test_only_the_last_half_minute_counts() -> None:
    history = History([])
    for second in range(100):
        history.add(Sample(float(second), second * (1 if second < 60 else 0), second, second), float(second))
    assert len(history.samples) <= 32
    assert history.speed(99.0).offsets_per_s == 0.0


def test_two_looks_that_lie_far_apart_still_tell_a_speed() -> None:
    history = History([Sample(0.0, 0, 0, 0)])
    history.add(Sample(40.0, 4_000, 4_000, 0), 41.0)
    assert history.speed(41.0).records_per_s == 100.0


@given(lags=st.lists(st.integers(0, 10_000), min_size=1, max_size=12), workers=st.integers(1, 6))
def test_shared_work_lasts_between_the_even_share_and_the_whole(lags: list[int], workers: int) -> None:
    took_s = shared_seconds(lags, workers, 1.0)
    assert max(max(lags), sum(lags) / workers) <= took_s + 1e-9 <= sum(lags) + 1e-9
    assert took_s <= 4 / 3 * max(max(lags), sum(lags) / workers) + max(lags) / 3 + 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "unknown"), (4.4, "4 s"), (61, "1 min 1 s"), (3_660, "1 h 1 min"), (200_000, "2 d 7 h")],
)
def test_durations_are_written_for_people(seconds: float | None, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(999, "999 B"), (1_500, "1.5 kB"), (2_300_000, "2.3 MB"), (5e12, "5.0 TB"), (0, "0 B")]
)
def test_sizes_are_written_for_people(size: float, text: str) -> None:
    assert size_text(size) == text
