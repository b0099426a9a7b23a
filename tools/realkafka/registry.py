"""A real schema registry (Apicurio) that speaks the Confluent registry's API."""

import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from realkafka.availability import FETCH_COMMAND
from realkafka.errors import ServerFailed, Unavailable
from realkafka.java import java_path
from realkafka.locations import registry_installation
from realkafka.ports import LOOPBACK, free_port, is_open
from realkafka.process import ServerProcess
from realkafka.runtime import QUICK

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 5.0
HEAP_MB = 384


class RegistryServer:
    """One registry on 127.0.0.1 only; it keeps everything in memory, so an end forgets everything.

    `data_dir` holds `registry.log`. `port` 0 takes a free one, which then stays the same over restarts.
    """

    def __init__(self, data_dir: Path, *, port: int = 0, start_timeout_s: float = START_TIMEOUT_S) -> None:
        """Prepares a registry; nothing runs and nothing is written before `start`."""
        self.data_dir = data_dir.resolve()
        self.log_file = self.data_dir / "registry.log"
        self._port = port
        self._start_timeout_s = start_timeout_s
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """The address of the Confluent-compatible API.

        Raises:
            ServerFailed: the port is not chosen yet, because the registry was never started.
        """
        if not self._port:
            raise ServerFailed("the registry has no address before its first start; call start()")
        return f"http://{LOOPBACK}:{self._port}/apis/ccompat/v7"

    @property
    def running(self) -> bool:
        """Whether the registry's process is there."""
        return self._process is not None and self._process.running

    def start(self) -> Self:
        """Starts the registry and waits until it lists its subjects.

        Raises:
            Unavailable: it is not fetched or Java is missing.
            ServerFailed: it ended or did not answer in time; the message has the end of its log.
        """
        if self.running:
            return self
        self._port = self._port or free_port()
        command = [
            java_path(),
            f"-Xmx{HEAP_MB}m",
            *QUICK,
            f"-Djava.io.tmpdir={self.data_dir}",  # its web server unpacks files, which a kill would leave behind
            f"-Dquarkus.http.host={LOOPBACK}",
            f"-Dquarkus.http.port={self._port}",
            "-Dquarkus.log.level=WARN",
            "-Dquarkus.http.access-log.enabled=false",
            "-jar",
            str(self._runner()),
        ]
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._process = ServerProcess("Apicurio Registry", command, log_file=self.log_file, folder=self.data_dir)
        self._process.wait_until(self._answers, timeout_s=self._start_timeout_s)
        return self

    def stop(self) -> None:
        """An orderly end (SIGTERM), forced after 10 s; nothing where the registry does not run."""
        if self._process is not None:
            self._process.stop(timeout_s=STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """An end without warning (SIGKILL); nothing where the registry does not run."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Ends the registry where it still runs, and starts an empty one on the same port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        """Starts the registry."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it."""
        self.stop()

    def _answers(self) -> bool:
        if not is_open(self._port):
            return False
        try:
            with urllib.request.urlopen(f"{self.url}/subjects", timeout=ANSWER_TIMEOUT_S) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @staticmethod
    def _runner() -> Path:
        installed = registry_installation()
        runner = installed.folder / f"apicurio-registry-app-{installed.version}-runner.jar"
        if not installed.complete or not runner.is_file():
            raise Unavailable(f"{installed.name} {installed.version} is not fetched; run `{FETCH_COMMAND}`.")
        return runner
