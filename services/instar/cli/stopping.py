"""Ending on a signal: the work stops at its next commit, and the exit code says which signal it was."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from instar.cli.exits import INTERRUPTED, OK, TERMINATED, fail


@dataclass(slots=True)
class Stopping:
    event: threading.Event = field(default_factory=threading.Event)
    exit_code: int = OK


@contextmanager
def stopping() -> Iterator[Stopping]:
    """SIGTERM and SIGINT set the event. A second SIGINT raises KeyboardInterrupt, which loses nothing either: what was
    not committed is read again. So does a wait that the event ended; the exit code is the signal's then too."""
    state = Stopping()

    def stop(number: int, _frame: object) -> None:
        if state.event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        state.exit_code = INTERRUPTED if number == signal.SIGINT else TERMINATED
        state.event.set()

    previous = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield state
    except KeyboardInterrupt:
        if not state.event.is_set():
            raise
        fail("Stopped before it was done.", "Run the command again: it goes on from there.", state.exit_code)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def ended_at_once() -> Iterator[None]:
    """While somebody is asked and nothing has been begun, the first SIGINT ends the command: a read from the terminal
    goes on after a signal that only sets an event."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
