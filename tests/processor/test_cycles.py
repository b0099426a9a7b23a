"""While a worker runs its process looks for cycles less often, and afterwards as it did."""

import gc
import weakref

import pytest

from instar.processor.cycles import THRESHOLDS, seldom_looked_for


class Node:
    """One that holds itself."""

    def __init__(self) -> None:
        self.itself = self


def test_cycles_are_looked_for_as_before_when_the_worker_has_ended() -> None:
    before = gc.get_threshold()
    during: list[tuple[tuple[int, int, int], int]] = []

    def work() -> None:
        with seldom_looked_for():
            during.append((gc.get_threshold(), gc.get_freeze_count()))
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert during[0][0] == THRESHOLDS
    assert during[0][1] > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_when_the_worker_that_began_first_ends_first_nothing_stays_behind() -> None:
    """Workers in threads of one process."""
    before = gc.get_threshold()
    first, second = seldom_looked_for(), seldom_looked_for()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold() == THRESHOLDS
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_cycles_are_still_found() -> None:
    with seldom_looked_for():
        seen = weakref.ref(Node())
        kept = [[] for _ in range(2 * THRESHOLDS[0])]  # enough objects for a look
    assert kept
    assert seen() is None
