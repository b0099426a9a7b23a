"""How fast a worker may go, over a clock that the tests turn."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instar.core.throttle import BURST_S, Backoff, LagLimit, Rate, Throttle, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5000/s", Rate(5000.0)),
        ("0.5/s", Rate(0.5)),
        ("20MB/s", Rate(None, 20e6)),
        ("1 MiB/s", Rate(None, 2.0**20)),
        ("5_000/s, 20kb/s", Rate(5000.0, 20e3)),
        ("unlimited", Rate()),
    ],
)
def test_rates_are_written_as_records_or_bytes_a_second(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "5000", "0/s", "-1/s", "5/min", "5XB/s", "5/s;6/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(text)


def run(throttle: Throttle, seconds: float, *, record_bytes: int = 100, batch: int = 5_000) -> int:
    """A worker that takes whatever it is allowed, in no time. How many records it took."""
    now_s, taken = 0.0, 0
    while now_s < seconds:
        allowance = throttle.allow(now_s)
        if allowance.records == 0:
            now_s += max(allowance.wait_s, 0.001)
            continue
        count = batch if allowance.records is None else min(batch, allowance.records)
        throttle.took(count, count * record_bytes)
        taken += count
        now_s += 1e-6 * count
    return taken


@settings(deadline=None, max_examples=30)
@given(rate=st.floats(2.0, 5_000.0), batch=st.integers(10, 5_000))
def test_a_rate_of_records_is_held_whatever_the_batches(rate: float, batch: int) -> None:
    throttle = Throttle()
    throttle.set_rate(Rate(rate), 1.0, 0.0)
    taken = run(throttle, 30.0, batch=batch)
    assert taken == pytest.approx(rate * 30, rel=0.02, abs=2)


@settings(deadline=None, max_examples=30)
@given(rate=st.floats(1_000.0, 1e6), record_bytes=st.integers(50, 100_000))
def test_a_rate_of_bytes_is_held_whatever_the_records(rate: float, record_bytes: int) -> None:
    throttle = Throttle()
    throttle.set_rate(Rate(None, rate), 1.0, 0.0)
    taken = run(throttle, 60.0, record_bytes=record_bytes)
    # Before a record was seen its size is a guess, and the last portion may be in debt: both are bounded.
    assert taken * record_bytes == pytest.approx(rate * 60, rel=0.05, abs=2 * record_bytes + rate * BURST_S)


def test_both_limits_hold_at_once() -> None:
    throttle = Throttle()
    throttle.set_rate(Rate(1000.0, 10_000.0), 1.0, 0.0)
    assert run(throttle, 20.0, record_bytes=100) == pytest.approx(100 * 20, rel=0.1)


@given(shares=st.lists(st.integers(1, 8), min_size=1, max_size=6))
def test_the_workers_parts_add_up_to_the_rate(shares: list[int]) -> None:
    parts = [Rate(5000.0, 1e6).part(share / sum(shares)) for share in shares]
    assert sum(part.records_per_s or 0 for part in parts) == pytest.approx(5000)
    assert sum(part.bytes_per_s or 0 for part in parts) == pytest.approx(1e6)


def test_a_worker_that_stood_still_makes_up_for_a_second_at_most() -> None:
    throttle = Throttle()
    throttle.set_rate(Rate(100.0), 1.0, 0.0)
    allowed = throttle.allow(3600.0).records
    assert allowed == 100 * BURST_S


def test_another_rate_holds_from_its_moment_on() -> None:
    throttle = Throttle()
    throttle.set_rate(Rate(1000.0), 1.0, 0.0)
    throttle.allow(10.0)
    throttle.set_rate(Rate(10.0), 1.0, 10.0)
    assert throttle.allow(10.0).records == 10
    throttle.set_rate(Rate(), 1.0, 10.0)
    assert throttle.allow(10.0).records is None


def test_a_pause_comes_before_everything_and_says_by_whom() -> None:
    throttle = Throttle(paused="paused by ada", lags=[LagLimit("billing", 10, over=True)])
    throttle.set_rate(Rate(1000.0), 1.0, 0.0)
    allowance = throttle.allow(1.0)
    assert (allowance.hold, allowance.reason, allowance.cause) == (True, "paused by ada", "pause")
    throttle.paused = ""
    assert throttle.allow(1.0).cause == "lag"
    throttle.lags.clear()
    throttle.took(10_000, 0)
    assert throttle.allow(1.0).cause == "rate"
    throttle.backoff = Backoff(0.1)
    throttle.backoff.committed(1.0, 1.0)
    assert throttle.allow(1.0).cause == "latency"
    assert Throttle().allow(1.0).cause is None


def test_any_one_group_that_lags_holds_a_worker_until_it_has_caught_up_well() -> None:
    throttle = Throttle(lags=[LagLimit("search", 100), LagLimit("billing", 100)])
    billing = throttle.lags[1]
    billing.observe(100)
    assert throttle.allow(0.0).records is None
    billing.observe(101)
    assert throttle.allow(0.0).hold
    assert throttle.allow(0.0).reason == "group billing lags 101 records, over 100"
    billing.observe(81)
    assert throttle.allow(0.0).hold
    billing.observe(80)
    assert not throttle.allow(0.0).hold


def test_slow_transactions_make_it_wait_longer_each_time_and_quick_ones_end_that() -> None:
    backoff = Backoff(limit_s=0.5)
    waits = []
    for _ in range(8):
        backoff.committed(0.8, 0.0)
        waits.append(backoff.left_s(0.0))
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert backoff.reason == "a transaction took 800 ms to write, over 500 ms"
    assert backoff.left_s(9.9) == pytest.approx(0.1)
    for _ in range(7):
        backoff.committed(0.1, 0.0)
    assert backoff.left_s(0.0) == 0.0
    assert backoff.reason == ""


def test_without_a_limit_slow_transactions_change_nothing() -> None:
    backoff = Backoff()
    backoff.committed(60.0, 0.0)
    assert backoff.left_s(0.0) == 0.0
