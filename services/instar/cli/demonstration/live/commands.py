"""The commands of the demonstration: each is a process that anybody could start the same way, with a log of its own."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from instar.cli.demonstration.live import tethered

_END_WITHIN_S = 12.0  # the server waits 5 s for open streams, a worker ends its transaction
_LOOK_EVERY_S = 0.1
_TAIL_LINES = 6


@dataclass(slots=True)
class Running:
    """A command at work. ``goes_on``: nobody waits for its end."""

    words: tuple[str, ...]
    process: "subprocess.Popen[bytes]"
    log: Path
    goes_on: bool

    @property
    def line(self) -> str:
        """As one would type it."""
        return shlex.join(("instar", *self.words))

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The end of what it said."""
        return "\n".join(self.said().splitlines()[-_TAIL_LINES:])


class Commands:
    """Starts commands in the project's folder, tells of those that end by themselves, and ends all of them."""

    def __init__(self, folder: Path, logs: Path, ended: Callable[[Running, int], None]) -> None:
        self._folder, self._logs, self._ended = folder, logs, ended
        self._running: list[Running] = []
        self._lock = threading.Lock()
        self._closed = False
        # The kernel watches the thread that forked, not its process: this one lasts as long as the demonstration.
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commands")

    def start(self, *words: str, by: str = "", goes_on: bool = False) -> Running | None:
        """None where all of them are being ended. ``by`` is who gives it."""
        return self._spawner.submit(self._start, words, by, goes_on).result()

    def wait(self, running: Running, stop: threading.Event) -> int | None:
        """Its exit code; None where ``stop`` was set first."""
        while running.process.poll() is None:
            if stop.wait(_LOOK_EVERY_S):
                return None
        with self._lock:
            self._running = [each for each in self._running if each is not running]
        return running.process.returncode

    def look(self) -> None:
        """Tell of those that were to go on and have ended since the last look."""
        with self._lock:
            gone = [each for each in self._running if each.goes_on and each.process.poll() is not None]
            self._running = [each for each in self._running if each not in gone]
        for each in gone:
            self._ended(each, each.process.returncode)

    def close(self) -> None:
        """SIGTERM to all of them at once, and SIGKILL to what is still there after a while."""
        with self._lock:
            self._closed = True
            left = [each.process for each in self._running]
        for process in left:
            process.terminate()
        deadline_s = time.monotonic() + _END_WITHIN_S
        for process in left:
            try:
                process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # with the worker processes that it started
                process.wait()

    def _start(self, words: tuple[str, ...], by: str, goes_on: bool) -> Running | None:
        with self._lock:
            if self._closed:
                return None
            log = self._logs / f"{len(list(self._logs.glob('*-*.log'))) + 1:02}-{words[0]}.log"
            command = [sys.executable, "-S", "-E", tethered.__file__, str(os.getpid())]
            command += [sys.executable, "-m", "instar", *words]
            with log.open("wb") as out:
                # A session of its own: Ctrl-C is for the demonstration, which ends its commands in order.
                process = subprocess.Popen(  # noqa: S603 - our own commands
                    command,
                    cwd=self._folder,
                    env={**os.environ, "TERM": "dumb", "COLUMNS": "120", **({"INSTAR_ACTOR": by} if by else {})},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            running = Running(words, process, log, goes_on)
            self._running.append(running)
            return running
