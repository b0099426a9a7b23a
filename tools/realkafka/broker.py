"""A real Apache Kafka broker that a test or a developer owns."""

import secrets
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from realkafka.errors import ServerFailed
from realkafka.locations import kafka_installation
from realkafka.ports import LOOPBACK, free_port, is_open
from realkafka.process import ServerProcess
from realkafka.runtime import KafkaRuntime
from realkafka.settings import ADMIN, LIMITED, Access, ClientConfig, broker_settings, properties_text

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 20.0
ANSWER_TIMEOUT_S = 2.0
HEAP_MB = 512
PORT_ATTEMPTS = 5


class KafkaServer:
    """One broker in KRaft mode, on 127.0.0.1 only; it ends with the process that started it.

    `data_dir` holds its log directory, its settings and `broker.log`, and outlives it: a second start on the same
    folder finds the same topics. `port` 0 takes a free one, which then stays the same over restarts. `extra` are
    broker settings that win over the harness's. With `authorizer` clients log in (`client_config`) as `admin`, who
    may do anything, or as `limited`, who may do what ACLs allow, which at first is nothing.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        extra: Mapping[str, str] | None = None,
        authorizer: bool = False,
        heap_mb: int = HEAP_MB,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        """Prepares a broker; nothing runs and nothing is written before `start`."""
        self.data_dir = data_dir.resolve()
        self.log_file = self.data_dir / "broker.log"
        self.access = Access({user: secrets.token_hex(12) for user in (ADMIN, LIMITED)}) if authorizer else None
        self._runtime = KafkaRuntime(kafka_installation())
        self._extra = dict(extra or {})
        self._heap_mb = heap_mb
        self._start_timeout_s = start_timeout_s
        self._wished_port = port
        self._port = port
        self._controller_port = 0
        self._process: ServerProcess | None = None

    @property
    def bootstrap(self) -> str:
        """The address for `bootstrap.servers`.

        Raises:
            ServerFailed: the port is not chosen yet, because the broker was never started.
        """
        if not self._port:
            raise ServerFailed("the broker has no address before its first start; call start()")
        return f"{LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int:
        """The broker's process id.

        Raises:
            ServerFailed: it does not run.
        """
        return self._running().pid

    @property
    def running(self) -> bool:
        """Whether the broker's process is there."""
        return self._process is not None and self._process.running

    def client_config(self, user: str = ADMIN) -> ClientConfig:
        """librdkafka settings that reach this broker, as `user` where it asks who one is."""
        config: ClientConfig = {"bootstrap.servers": self.bootstrap}
        return config | (self.access.client_config(user) if self.access else {})

    def start(self) -> Self:
        """Formats the log directory where that is new, starts the broker and waits until it answers an admin request.

        Raises:
            Unavailable: Kafka is not fetched or Java is missing.
            ServerFailed: the broker ended or did not answer in time; the message has the end of its log.
        """
        if self.running:
            return self
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._runtime.format(self.data_dir / "log")
        for attempt in range(1, PORT_ATTEMPTS + 1):
            fresh = self._controller_port == 0
            if fresh:
                self._port = self._wished_port or free_port()
                self._controller_port = free_port(self._port)
                if is_open(self._port):  # its answers would be taken for ours
                    raise ServerFailed(f"another program listens on {LOOPBACK}:{self._port}; choose another port")
            try:
                self._launch(lambda file: self._runtime.broker_command(file, heap_mb=self._heap_mb))
            except ServerFailed:
                # Between finding a port free and listening on it somebody else may have taken it. Ports of an earlier
                # start stay: clients know them.
                lost_port = self._process is not None and self._process.said("Address already in use")
                if not fresh or not lost_port or attempt == PORT_ATTEMPTS:
                    raise
                self._controller_port = 0
            else:
                break
        return self

    def stop(self) -> None:
        """An orderly end (SIGTERM), forced after 20 s; nothing where the broker does not run."""
        if self._process is not None:
            self._process.stop(timeout_s=STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """An end without warning (SIGKILL); nothing where the broker does not run."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> None:
        """Ends the broker in order where it still runs, and starts it on the same port with the same data."""
        self.stop()
        self.start()

    def suspend(self) -> None:
        """Freezes the broker (SIGSTOP): connections stay open and nothing is answered."""
        self._running().signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a frozen broker go on."""
        self._running().signal(signal.SIGCONT)

    def write_class_archive(self) -> None:
        """Runs the broker once and lets Java write down its classes, which halves the time of every later start."""
        archive = self._runtime.class_archive
        unfinished = archive.with_name(f".{archive.name}.{secrets.token_hex(4)}")
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._runtime.format(self.data_dir / "log")
        self._port = free_port()
        self._controller_port = free_port(self._port)
        try:
            self._launch(lambda file: self._runtime.training_command(file, heap_mb=self._heap_mb, archive=unfinished))
            self.stop()
            if unfinished.is_file():  # a Java without class data sharing writes none; brokers then start slower
                unfinished.rename(archive)
        finally:
            self.kill()
            unfinished.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Starts the broker."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it."""
        self.stop()

    def _running(self) -> ServerProcess:
        if self._process is None or not self._process.running:
            raise ServerFailed(f"the broker does not run; its log is {self.log_file}")
        return self._process

    def _launch(self, command: Callable[[Path], list[str]]) -> None:
        settings = broker_settings(
            port=self._port,
            controller_port=self._controller_port,
            log_dir=self.data_dir / "log",
            access=self.access,
            extra=self._extra,
        )
        properties = self.data_dir / "server.properties"
        properties.write_text(properties_text(settings), encoding="utf-8")
        properties.chmod(0o600)  # passwords
        self._process = ServerProcess("Apache Kafka", command(properties), log_file=self.log_file, folder=self.data_dir)
        self._process.wait_until(self._answers, timeout_s=self._start_timeout_s)

    def _answers(self) -> bool:
        # The port is probed first: a client that meets a closed one complains on stderr and backs off.
        if not is_open(self._port):
            return False
        quick: ClientConfig = {"log_level": 0, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100}
        client = AdminClient(self.client_config() | quick)
        try:
            # A broker is listed once the controller has let it in; before that it accepts no records.
            return bool(client.list_topics(timeout=ANSWER_TIMEOUT_S).brokers)
        except KafkaException:
            return False
