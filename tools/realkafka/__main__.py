"""`python -m realkafka fetch`, `run`, `with` and `check-run`."""

import argparse
import fcntl
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from realkafka.broker import KafkaServer
from realkafka.errors import FetchFailed, ServerFailed, Unavailable
from realkafka.fetch import fetch_kafka, fetch_registry
from realkafka.java import why_no_fetch
from realkafka.locations import CACHE, REPOSITORY, kafka_installation
from realkafka.registry import RegistryServer
from realkafka.runtime import KafkaRuntime
from realkafka.tally import Tally, report_path, why_not_enough

RUN_DIR = CACHE / "run"
REGISTRY_PORT = 8081


def fetch(*, if_possible: bool, kafka_only: bool = False) -> int:
    """Fetches what is not there yet; 0 where everything is there afterwards, or where `if_possible` allows less."""
    try:
        fetch_kafka()
        if not kafka_only:
            fetch_registry()
        prepare()
    except (Unavailable, FetchFailed, ServerFailed) as error:
        consequence = " The tests that need it are skipped." if if_possible else ""
        print(f"{error}{consequence}", file=sys.stderr)
        return 0 if if_possible else 1
    return 0


def prepare() -> None:
    """Writes this Java's class archive of the broker, once."""
    if KafkaRuntime(kafka_installation()).class_archive.is_file():
        return
    print("preparing quick starts of the broker ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".training-") as scratch:
        KafkaServer(Path(scratch)).write_class_archive()


def own_run_dir() -> IO[str]:
    """The folder's lock, held as long as the file is open: a second broker on the same data would ruin the first.

    Raises:
        ServerFailed: another one runs there.
    """
    RUN_DIR.mkdir(parents=True, exist_ok=True)
    lock = (RUN_DIR / "owner.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise ServerFailed(f"another broker already runs on {RUN_DIR}; use that one, or stop it first") from None
    return lock


def run(*, port: int, registry: bool, clean: bool) -> int:
    """Runs a broker, and a registry where one is asked for, until SIGINT or SIGTERM."""
    try:
        fetch_kafka()
        if registry:
            fetch_registry()
        lock = own_run_dir()
        if clean:
            for part in RUN_DIR.glob("*/"):
                shutil.rmtree(part, ignore_errors=True)
        stops = {signal.SIGINT, signal.SIGTERM}
        # Blocked before the servers start, so that a signal in between is waited for like any other.
        signal.pthread_sigmask(signal.SIG_BLOCK, stops)
        with ExitStack() as servers:
            servers.enter_context(lock)
            broker = servers.enter_context(KafkaServer(RUN_DIR / "kafka", port=port))
            print(f"Apache Kafka {kafka_installation().version} answers at {broker.bootstrap}", file=sys.stderr)
            if registry:
                schemas = servers.enter_context(RegistryServer(RUN_DIR / "registry", port=REGISTRY_PORT))
                print(f"the registry answers at {schemas.url}", file=sys.stderr)
            print(f"data and log are in {broker.data_dir}; Ctrl-C stops it", file=sys.stderr, flush=True)
            signal.sigwait(stops)
            print("stopping ...", file=sys.stderr, flush=True)
    except (Unavailable, FetchFailed, ServerFailed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run_with(command: Sequence[str]) -> int:
    """Runs a command beside a broker of its own; its exit code. `{bootstrap}` in the command is the broker's address.

    Ctrl-C is the command's: the broker stops once the command has ended.
    """
    try:
        fetch_kafka()
        with tempfile.TemporaryDirectory(prefix="realkafka-") as folder, KafkaServer(Path(folder) / "kafka") as broker:
            signal.signal(signal.SIGINT, lambda *_: None)  # the terminal tells the command as well
            process = subprocess.Popen([word.replace("{bootstrap}", broker.bootstrap) for word in command])
            signal.signal(signal.SIGTERM, lambda *_: process.terminate())
            return process.wait()
    except (Unavailable, FetchFailed, ServerFailed) as error:
        print(error, file=sys.stderr)
        return 1


def check_run() -> int:
    """1 where this machine could have run the real servers and the last test run did not use them."""
    report = report_path(REPOSITORY)
    problem = why_not_enough(report, why_no_fetch())
    if problem is not None:
        print(problem, file=sys.stderr)
        return 1
    said = Tally.read(report).lines() if report.exists() else []
    print("\n".join(said) or "no test needed a real server", file=sys.stderr)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m realkafka", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fetching = commands.add_parser("fetch", help="fetch Apache Kafka and the registry into .cache, once")
    fetching.add_argument(
        "--if-possible", action="store_true", help="where it cannot be done, say why and end with success"
    )
    fetching.add_argument("--kafka-only", action="store_true", help="not the registry")
    beside = commands.add_parser("with", help="run a command beside a broker of its own")
    beside.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="{bootstrap} in it is the address")
    running = commands.add_parser("run", help="run a broker in the foreground")
    running.add_argument("--port", type=int, default=9092, help="port on 127.0.0.1 (default 9092)")
    running.add_argument("--registry", action="store_true", help=f"also a schema registry, on port {REGISTRY_PORT}")
    running.add_argument("--clean", action="store_true", help="forget the topics of earlier runs")
    commands.add_parser("check-run", help="fail where the last test run could have used real servers and did not")
    chosen = parser.parse_args(arguments)
    if chosen.command == "fetch":
        return fetch(if_possible=chosen.if_possible, kafka_only=chosen.kafka_only)
    if chosen.command == "with":
        return run_with(chosen.words) if chosen.words else parser.error("`with` needs a command")
    if chosen.command == "check-run":
        return check_run()
    return run(port=chosen.port, registry=chosen.registry, clean=chosen.clean)


if __name__ == "__main__":
    sys.exit(main())
