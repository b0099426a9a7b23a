"""How often a worker's process looks for unreachable cycles of objects.

Python does so for every 700 objects more, and now and then through all that there are. A batch is tens of thousands of
tuples that live until it is committed and hold no cycles: looking through them in vain took 5 of the 34 us of an order,
and 2.6 of the 9.8 us of a plain copy.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

THRESHOLDS: Final = (50_000, 20, 50)

# One process may run several workers in threads, and what they set is the process's.
_lock: Final = Lock()
_before: list[tuple[int, int, int]] = []  # the thresholds that each found: the first one's are those to come back


@contextmanager
def seldom_looked_for() -> Iterator[None]:
    """While this lasts: less often, and not through what was there before. Cycles are still found, later.

    The last that ends sets back what the first one found.
    """
    with _lock:
        _before.append(gc.get_threshold())
        if len(_before) == 1:
            gc.freeze()
            gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        with _lock:
            last = _before.pop()
            if not _before:
                gc.set_threshold(*last)
                gc.unfreeze()
