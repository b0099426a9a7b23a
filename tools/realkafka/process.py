"""A child process that is a server: log file, deadlines, and an end together with its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from realkafka.errors import ServerFailed

TETHERED = Path(__file__).with_name("tethered.py")
LOG_TAIL_BYTES = 3000
POLL_S = 0.05

# The kernel watches the *thread* that forked, not its process: a server that was started from a short-lived thread
# would be killed when that thread ends. This one lasts as long as the process.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="realkafka-spawner")


class ServerProcess:
    """One run of a server program, from its start to its end."""

    def __init__(self, name: str, command: Sequence[str], *, log_file: Path, folder: Path) -> None:
        """Starts `command` (a program's path and its arguments) in `folder`; output is appended to `log_file`."""
        self.name = name
        self.log_file = log_file
        tied = [sys.executable, "-S", "-E", str(TETHERED), str(os.getpid()), *command]
        with log_file.open("ab") as log:
            log.write(f"---- {name} starts ----\n".encode())
            log.flush()
            self._log_start = log.tell()

            def spawn() -> subprocess.Popen[bytes]:
                # A session of its own: Ctrl-C in the terminal is for the owner, which then stops its servers in order.
                return subprocess.Popen(
                    tied, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )

            self._child = _spawner.submit(spawn).result()

    @property
    def pid(self) -> int:
        """The process id, of the server itself."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self._child.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float) -> None:
        """Returns when `ready()` is true.

        Raises:
            ServerFailed: the process ended first, or `timeout_s` passed; the process is then gone.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if not self.running:
                raise ServerFailed(f"{self.name} ended with exit code {self._child.returncode}.{self._tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} was not ready within {timeout_s:g} s and was ended.{self._tail()}")
            time.sleep(POLL_S)

    def stop(self, *, timeout_s: float) -> None:
        """SIGTERM, and SIGKILL where the process is still there after `timeout_s`."""
        self._child.terminate()
        self._child.send_signal(signal.SIGCONT)  # a suspended process would not see the first signal
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said to clients."""
        self._child.kill()
        self._child.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends one signal."""
        self._child.send_signal(number)

    def said(self, text: str) -> bool:
        """Whether this run's output holds `text`."""
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            return text.encode() in log.read()

    def _tail(self) -> str:
        with self.log_file.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            said = log.read().decode(errors="replace").strip()
        return f" The end of {self.log_file}:\n{said}"
