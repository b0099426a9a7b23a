"""Worker events on disk, until the database takes them: a folder with one file a process.

A process holds its file locked as long as it lives, and only it writes there. Whoever flushes takes their own file and
those that nobody holds, which dead processes left. So no process waits for another, and none deletes what another is
still writing. Flushed twice is kept once, because an event has an id.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO
from uuid import uuid4

import orjson
import structlog

from instar.state.worker_events import WorkerEvent

log = structlog.get_logger(__name__)

LIMIT_BYTES = 1 << 20  # of the whole folder: some thousands of events
_SUFFIX = ".ndjson"


class Spool:
    """Nothing is written before the first event. Every method may raise OSError."""

    def __init__(self, folder: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._own: IO[bytes] | None = None
        self._own_path = folder / f"{os.getpid()}-{uuid4().hex[:8]}{_SUFFIX}"

    def append(self, events: Iterable[WorkerEvent]) -> int:
        """Write them down; how many found no room any more."""
        refused = 0
        room = self._limit_bytes - self._bytes()
        for event in events:
            line = orjson.dumps(asdict(event), option=orjson.OPT_APPEND_NEWLINE)
            room -= len(line)
            if room < 0:
                refused += 1
                continue
            own = self._opened()
            own.write(line)
            own.flush()
        return refused

    def taken(self) -> Iterator[tuple[list[WorkerEvent], Path]]:
        """What is to be flushed, one file at a time; ``done`` with a file forgets it."""
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if path == self._own_path:
                yield _events(path), path
                continue
            try:
                with path.open("rb") as theirs:
                    fcntl.flock(theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield _events(path), path
            except BlockingIOError:
                continue  # its process lives, and flushes it itself
            except FileNotFoundError:
                continue  # another process was quicker

    def done(self, path: Path) -> None:
        """What is in the file is kept in the database."""
        if path == self._own_path and self._own is not None:
            self._own.truncate(0)
        else:
            path.unlink(missing_ok=True)

    @property
    def is_empty(self) -> bool:
        """Is nothing of this process waiting?"""
        return self._own is None or self._own_path.stat().st_size == 0

    def close(self) -> None:
        """Leave what is not flushed to whoever comes next."""
        if self._own is None:
            return
        if self.is_empty:
            self._own_path.unlink(missing_ok=True)
        self._own.close()
        self._own = None

    def _opened(self) -> IO[bytes]:
        if self._own is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._own = self._own_path.open("ab")
            fcntl.flock(self._own, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._own

    def _bytes(self) -> int:
        total = 0
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue  # flushed in between
        return total


def _events(path: Path) -> list[WorkerEvent]:
    """The events of a file. A process that was killed may have left half a line, which says nothing."""
    events = []
    for line in path.read_bytes().splitlines():
        try:
            events.append(WorkerEvent(**orjson.loads(line)))
        except (orjson.JSONDecodeError, TypeError):
            log.warning("a line of the spool cannot be read and is left out", file=path.name)
    return events
