"""A last limit around a call whose own limits may not hold: a frozen server that no driver notices, an answer that
comes a byte at a time."""

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Overdue(Exception):
    """The call has not come back in time, and nobody knows whether it will."""


def within(timeout_s: float, call: Callable[[], Result]) -> Result:
    """What ``call`` returns. Raises what it raises, and ``Overdue`` after ``timeout_s``: the thread that waits for it
    is then left to itself, and keeps no process from ending."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            results.append(call())
        except BaseException as error:  # raised again below, in the thread that asked
            errors.append(error)

    waiting = threading.Thread(target=wait, name="instar-within", daemon=True)
    waiting.start()
    waiting.join(timeout_s)
    if errors:
        raise errors[0]
    if not results:
        raise Overdue
    return results[0]
