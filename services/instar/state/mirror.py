"""What becomes of workers, mirrored into the database: now, or when it answers again.

A worker's work never depends on this: ``tell`` puts an event into a bounded queue and returns. A thread of its own
writes it to the spool (``spool.py``) first and flushes the spool to the database then, so that what was told survives
both the database's absence and the worker's end. What finds no room is counted, and the count is told when there is.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog

from instar.state.database import Database
from instar.state.errors import StateTrouble
from instar.state.opening import open_database, open_state
from instar.state.spool import Spool
from instar.state.worker_events import WorkerEvent

log = structlog.get_logger(__name__)

FOLDER = ".instar/spool"
QUEUED_EVENTS = 1000
RETRY_S = 5.0
RETRY_MOST_S = 120.0
CLOSE_TIMEOUT_S = 5.0
DROPPED = "dropped"

Keep = Callable[[Sequence[WorkerEvent]], bool]
"""Puts events into the database; False where there is none yet. Raises ``StateTrouble``."""


def keeping(url: str, environment: str, root: Path) -> Keep:
    """Into the database of that URL. A worker makes no SQLite file: it waits for an operator's first command."""

    def keep(events: Sequence[WorkerEvent]) -> bool:
        database: Database = open_database(url, root)
        if not database.exists:
            return False
        with open_state(url, environment, root) as state:
            state.worker_events.keep(events)
        return True

    return keep


class Mirror:
    """Tells of one worker call. Used as a context manager; leaving waits ``CLOSE_TIMEOUT_S`` at most."""

    def __init__(self, spool: Spool, keep: Keep, migration: str, worker: str, *, retry_s: float = RETRY_S) -> None:
        self._spool = spool
        self._keep = keep
        self._migration = migration
        self._worker = worker
        self._retry_s = retry_s
        self._queue: queue.Queue[WorkerEvent | None] = queue.Queue(QUEUED_EVENTS)
        self._closing = threading.Event()
        self._overflowed = 0  # events that found the queue full: counted by whoever tells
        self._refused = 0  # events that found no room on disk: counted by the thread, like what it has told of both
        self._confessed = 0
        self._away = ""
        self._unwritable = ""
        self._thread = threading.Thread(target=self._run, name="instar mirror", daemon=True)

    def __enter__(self) -> "Mirror":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(queue.Full):  # then there is something in it to wake up by
            self._queue.put_nowait(None)
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._thread.is_alive():
            log.warning("the last worker events are perhaps not mirrored", migration=self._migration)

    def tell(self, kind: str, **details: Any) -> None:
        """Say what happened: plain JSON. Never waits and never fails."""
        try:
            self._queue.put_nowait(self._event(kind, details))
        except queue.Full:
            self._overflowed += 1

    @property
    def dropped(self) -> int:
        """How many events were lost so far without an event that says so."""
        return self._overflowed + self._refused - self._confessed

    def _event(self, kind: str, details: Mapping[str, Any]) -> WorkerEvent:
        now_ns = time.time_ns()
        name = f"{now_ns:016x}-{uuid4().hex[:12]}"  # sorts by time also within a millisecond
        return WorkerEvent(name, self._migration, now_ns // 1_000_000, self._worker, kind, details)

    def _run(self) -> None:
        """The thread. Nothing that goes wrong here may reach the worker, so that whatever it is ends in the log."""
        try:
            self._mirror()
        except Exception:
            log.exception("worker events are not mirrored any more", migration=self._migration)

    def _mirror(self) -> None:
        ended, wait_s = False, self._retry_s
        while not ended:
            events, ended = self._next(None if self._spool.is_empty else wait_s)
            self._write(events)
            if self._flush():
                wait_s = self._retry_s
            elif not events:
                wait_s = min(wait_s * 2, RETRY_MOST_S)
        self._spool.close()

    def _next(self, timeout_s: float | None) -> tuple[list[WorkerEvent], bool]:
        """What was told by now, waiting for the first of it; and whether that is all there will be."""
        found: list[WorkerEvent] = []
        with contextlib.suppress(queue.Empty):
            event = self._queue.get(timeout=timeout_s)
            while True:
                if event is not None:
                    found.append(event)
                event = self._queue.get_nowait()
        return found, self._closing.is_set() and self._queue.empty()

    def _write(self, events: list[WorkerEvent]) -> None:
        """To disk, and where nothing can be written there, to the database alone."""
        try:
            refused = self._spool.append(events)
            lost = self.dropped
            if lost and not refused and not self._spool.append([self._event(DROPPED, {"events": lost})]):
                self._confessed += lost
        except OSError as problem:
            if not self._unwritable:
                self._unwritable = str(problem)
                log.warning("worker events cannot wait on disk", migration=self._migration, why=self._unwritable)
            refused = 0 if self._kept(events) else len(events)
        self._refused += refused

    def _kept(self, events: list[WorkerEvent]) -> bool:
        try:
            return self._keep(events)
        except StateTrouble as trouble:
            self._say_away(str(trouble))
            return False

    def _flush(self) -> bool:
        """Bring what is spooled, by this process and by dead ones, into the database. False: not now."""
        try:
            for events, path in self._spool.taken():
                if events and not self._keep(events):
                    return False
                self._spool.done(path)
        except (StateTrouble, OSError) as trouble:
            self._say_away(str(trouble))
            return False
        if self._away:
            log.info("worker events are mirrored again", migration=self._migration)
            self._away = ""
        return True

    def _say_away(self, why: str) -> None:
        """Once for each absence, not at each try."""
        if not self._away:
            log.warning("worker events wait for the state's database", migration=self._migration, why=why)
        self._away = why
