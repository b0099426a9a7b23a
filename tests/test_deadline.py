"""A call that may never come back."""

import threading

import pytest

from instar.deadline import Overdue, within


def test_what_is_returned_and_raised_comes_through() -> None:
    assert within(60.0, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(60.0, lambda: 1 // 0)


def test_one_that_does_not_come_back_is_left_to_itself() -> None:
    held = threading.Event()
    with pytest.raises(Overdue):
        within(0.05, lambda: held.wait())
    held.set()
