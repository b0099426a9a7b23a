"""Failures in a row are counted by what came of the time between them."""

import pytest

from instar.processor.patience import BACKOFF_FIRST_S, BACKOFF_LAST_S, QUIET_S, Patience


def test_failures_without_a_commit_between_them_are_one_series_however_many_turns_went_well() -> None:
    patience = Patience()
    assert [patience.failed(at_s, 7) for at_s in (100.0, 130.0, 190.0, 300.0)] == [0.0, 30.0, 90.0, 200.0]


def test_a_commit_ends_a_series() -> None:
    patience = Patience()
    patience.failed(100.0, 7)
    patience.failed(101.0, 7)
    assert patience.failed(102.0, 8) == 0.0
    assert patience.wait_s == BACKOFF_FIRST_S


def test_an_idle_worker_that_met_a_fault_long_ago_starts_a_new_series() -> None:
    patience = Patience()
    patience.failed(100.0, 7)
    assert patience.failed(100.0 + QUIET_S + 1, 7) == 0.0


def test_waits_grow_up_to_their_limit() -> None:
    patience = Patience()
    waits = []
    for at_s in range(10):
        patience.failed(float(at_s), 0)
        waits.append(patience.wait_s)
    assert waits[:3] == pytest.approx([BACKOFF_FIRST_S, 0.2, 0.4])
    assert waits[-1] == BACKOFF_LAST_S
