"""Another program, run once: bounded in time and in what is kept of its output, and without this process's secrets.

Below the edges, since two of them run programs that the settings name: the gates and the notifications.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PLAIN = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
_KEPT_BYTES = 4096
_PIPE_BYTES = 65536
_LOOK_EVERY_S = 0.05
_GRACE_S = 1.0  # for what a program that has ended left running with its output open


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended. ``exit_code`` is negative for a signal (-9), None where it was stopped after ``timeout_s``.

    ``output``: the end of what it wrote to stdout and stderr, at most 4096 bytes, as text without control characters.
    """

    exit_code: int | None
    output: str


def run_program(
    argv: Sequence[str], *, folder: Path, environ: Mapping[str, str], timeout_s: float, stdin: bytes = b""
) -> Ended:
    """Run ``argv`` in ``folder`` with exactly ``environ``; no shell reads it. Whatever it started in its own process
    group ends with it. Raises OSError where it cannot be started."""
    process = subprocess.Popen(  # noqa: S603 - the settings name the program
        list(argv),
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    conversation = _Conversation(process, stdin)
    try:
        in_time = conversation.until(time.monotonic() + timeout_s)
    finally:  # also where the wait was interrupted: nothing of it may outlive us
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        conversation.close()
    return Ended(process.returncode if in_time else None, printable(conversation.tail.decode("utf-8", "replace")))


def plain_environ(environ: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, str]:
    """What every program needs (``PATH``, ``HOME``, the locale), and the variables that are named. No others: what
    this process was given to reach databases and clusters is not for every program."""
    wanted = {*_PLAIN, *names}
    return {name: value for name, value in environ.items() if name in wanted or name.startswith("LC_")}


def printable(text: str) -> str:
    """Without control characters, so that nothing a program says can move a terminal's cursor; line ends stay."""
    return "".join(char for char in text if char == "\n" or char.isprintable()).strip()


class _Conversation:
    """Writes the input and reads the output at once: a program that writes before it has read must not block both."""

    def __init__(self, process: "subprocess.Popen[bytes]", stdin: bytes) -> None:
        self.tail = b""
        self._reading = True
        self._process = process
        self._left = memoryview(stdin)
        self._selector = selectors.DefaultSelector()
        for pipe, wanted in ((process.stdin, selectors.EVENT_WRITE), (process.stdout, selectors.EVENT_READ)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, wanted)

    def until(self, deadline_s: float) -> bool:
        """Did the program end before the deadline (of the monotonic clock)?"""
        while not self._ended():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            self._step(min(left_s, _LOOK_EVERY_S))
        grace_s = time.monotonic() + _GRACE_S
        while self._reading and time.monotonic() < grace_s:
            self._step(_LOOK_EVERY_S)
        return True

    def close(self) -> None:
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _ended(self) -> bool:
        """Without collecting it: as long as it is not, its process group's id cannot be another's."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _step(self, wait_s: float) -> None:
        for key, _ in self._selector.select(wait_s):
            if key.fileobj is self._process.stdin:
                self._write(key.fd)
            else:
                self._read(key.fd)

    def _write(self, descriptor: int) -> None:
        try:
            written = os.write(descriptor, self._left[:_PIPE_BYTES]) if self._left else 0
        except BlockingIOError:
            return
        except BrokenPipeError:  # it does not want to know; its exit code says the rest
            written = len(self._left)
        self._left = self._left[written:]
        if not self._left and self._process.stdin is not None:
            self._selector.unregister(self._process.stdin)
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def _read(self, descriptor: int) -> None:
        read = os.read(descriptor, _PIPE_BYTES)
        self.tail = (self.tail + read)[-_KEPT_BYTES:]
        if not read and self._process.stdout is not None:
            self._reading = False
            self._selector.unregister(self._process.stdout)
