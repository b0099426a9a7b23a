"""Worker processes, as a person starts them, and what became of their work, found independently of them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from tests.support.projects import Shop

from instar.core import checkpoint
from instar.core.checkpoint import Counts
from instar.core.compare import Comparison
from instar.core.provenance import Direction
from instar.core.record import Record
from instar.kafka.cluster import NOT_READY
from instar.kafka.scan import scan
from instar.project.project import load_project
from instar.verifier.verify import verify

WAIT_S = 60.0
LOOK_EVERY_S = 0.02
SERVICES = Path(__file__).resolve().parents[2] / "services"


def until(what: str, ready: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """Wait for ``ready`` to be true, and give what it gave. Fails, saying for what, after ``timeout_s``."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        found = ready()
        if found:
            return found
        assert time.monotonic() < deadline_s, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(LOOK_EVERY_S)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The summary that ``-o json`` printed."""
        rows: list[dict[str, Any]] = json.loads(self.stdout)
        return rows


class WorkerProcess:
    """``instar worker M ...`` in a process of its own. Its output goes to files, so that it never waits for us.

    ``verb`` is another command that carries records in its own process: ``backfill``.
    """

    def __init__(
        self,
        shop: Shop,
        arguments: tuple[str, ...],
        failpoint: str,
        environment: Mapping[str, str],
        verb: str = "worker",
    ) -> None:
        number = 1 + sum(1 for _ in shop.root.glob("worker-*.stdout"))
        self._stdout = shop.root / f"worker-{number}.stdout"
        self._stderr = shop.root / f"worker-{number}.stderr"
        self._log = shop.root / f"worker-{number}.failpoints"
        command = [sys.executable, "-m", "instar", verb, shop.migration, "--project", str(shop.root), *arguments]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SERVICES), os.environ.get("PYTHONPATH", "")])}
        variables |= {
            "PYTHONFAULTHANDLER": "1",
            "INSTAR_FAILPOINT": failpoint,
            "INSTAR_FAILPOINT_LOG": str(self._log),
            **environment,
        }
        with self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            self._process = subprocess.Popen(
                command, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def stderr(self) -> str:
        return self._stderr.read_text(encoding="utf-8", errors="replace")

    @property
    def hits(self) -> list[dict[str, Any]]:
        """The failpoints that were hit, as the process wrote them down before it acted."""
        return [json.loads(line) for line in self._log.read_bytes().splitlines()] if self._log.exists() else []

    def ended(self, timeout_s: float = WAIT_S) -> Ended:
        """Wait for its end."""
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the worker did not end in {timeout_s:.0f} s; it said:\n{self.stderr}") from None
        return Ended(code, self._stdout.read_text(encoding="utf-8"), self.stderr)

    def wait_stopped(self, timeout_s: float = WAIT_S) -> None:
        """Wait until it has stopped itself (the failpoint action ``pause``)."""
        stat = Path(f"/proc/{self.pid}/stat")
        until("the worker pauses", lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", timeout_s)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def terminate(self, timeout_s: float = WAIT_S) -> Ended:
        """SIGTERM, once the worker listens to it, and wait for the end."""
        until("the worker listens to SIGTERM", lambda: not self.running or self._catches(signal.SIGTERM))
        self.signal(signal.SIGTERM)
        return self.ended(timeout_s)

    def _catches(self, number: int) -> bool:
        """Before that, at its start, a signal ends it as it ends any program."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        mask = int(next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1], 16)
        return bool(mask >> (number - 1) & 1)

    def last_words(self) -> str:
        """Where each of its threads stands, and the end of what it has said. It does not survive the question."""
        if self.running:
            self.signal(signal.SIGABRT)  # Python's fault handler answers it
            self.signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        return self.stderr[-6_000:]

    def kill(self) -> None:
        """SIGKILL to it and to whatever it has started."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def worker(
    shop: Shop,
    *arguments: str,
    failpoint: str = "",
    environment: Mapping[str, str] | None = None,
    verb: str = "worker",
) -> Iterator[WorkerProcess]:
    """A worker for the time of the block."""
    process = WorkerProcess(shop, arguments, failpoint, environment or {}, verb)
    try:
        yield process
    except BaseException as error:
        error.add_note(f"the {verb} {' '.join(arguments)} said:\n{process.last_words()}")
        raise
    finally:
        process.kill()


def run_worker(
    shop: Shop,
    *arguments: str,
    failpoint: str = "",
    expect: int | None = 0,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = WAIT_S,
) -> Ended:
    """Run a worker to its end. ``expect`` is the exit code that it must end with."""
    with worker(shop, *arguments, failpoint=failpoint, environment=environment) as process:
        ended = process.ended(timeout_s)
    if expect is not None:
        assert ended.code == expect, f"exit code {ended.code} instead of {expect}; it said:\n{ended.stderr}"
    return ended


def run_until_now(shop: Shop, *arguments: str) -> Ended:
    """Carry everything that is there, making what is missing."""
    return run_worker(shop, "--until", "now", "--create", "-o", "json", *arguments)


# ------------------------------------------------------------------ what became of it


def committed_offsets(shop: Shop, direction: Direction = "up") -> dict[int, int]:
    source = shop.old if direction == "up" else shop.new
    found = shop.cluster.committed(shop.group(direction), source, range(shop.partitions))
    return {partition: offset for partition, (offset, _) in found.items()}


def counts_of(shop: Shop, direction: Direction = "up") -> Counts:
    """The sum of what the group's checkpoints count."""
    source = shop.old if direction == "up" else shop.new
    total = Counts()
    for offset, metadata in shop.cluster.committed(shop.group(direction), source, range(shop.partitions)).values():
        total = total.plus(checkpoint.parse(offset, metadata).counts)
    return total


def caught_up(shop: Shop, direction: Direction = "up") -> bool:
    """Is everything carried that the source holds now?"""
    source = shop.old if direction == "up" else shop.new
    ends = shop.cluster.end_offsets(source, range(shop.partitions))
    committed = committed_offsets(shop, direction)
    return all(committed.get(partition, 0) >= end for partition, end in ends.items())


def both_caught_up(shop: Shop) -> bool:
    """Have both bridges carried everything, each other's outputs included?"""
    cluster, partitions = shop.cluster, range(shop.partitions)
    before = [cluster.end_offsets(topic, partitions) for topic in (shop.old, shop.new)]
    done = caught_up(shop, "up") and caught_up(shop, "down")
    return done and before == [cluster.end_offsets(topic, partitions) for topic in (shop.old, shop.new)]


def members(shop: Shop, direction: Direction = "up") -> dict[str, int]:
    """The group's members: instance id to how many partitions it has."""
    admin = AdminClient({**shop.admin_kafka, "log_level": 0})
    group = shop.group(direction)

    def described() -> Any:
        try:
            return admin.describe_consumer_groups([group], request_timeout=10)[group].result()
        except KafkaException as exception:
            if exception.args[0].code() not in NOT_READY:
                raise
            return None

    return {
        str(member.group_instance_id): len(member.assignment.topic_partitions) if member.assignment else 0
        for member in until("the group's coordinator is ready", described).members
    }


def records_of(shop: Shop, topic: str, *, committed: bool = True) -> list[Record]:
    """Everything that a topic shows to readers."""
    partitions = range(shop.partitions)
    cluster = shop.cluster
    starts, ends = cluster.start_offsets(topic, partitions), cluster.end_offsets(topic, partitions)
    return list(scan(shop.admin_kafka, topic, starts, ends, committed=committed, silence_timeout_s=40))


def verified(shop: Shop, direction: Direction = "up", *, counts: bool = True) -> Comparison:
    """Compare source, target and dead letters again, and hold the checkpoints' counts against what was found.

    ``counts`` is False where the checkpoints have not counted everything: after a recovery, or after retention.
    """
    project = load_project(shop.root)
    result = verify(project, shop.migration, direction, dict(shop.admin_kafka)).result
    assert result.right, (result.as_dict(), result.differences[:5])
    counted = counts_of(shop, direction)
    assert counted.balanced, counted
    if counts:
        names = ("read", "published", "outputs", "dead_lettered", "dropped", "echoed")
        found = {name: getattr(result, name) for name in names}
        assert {name: getattr(counted, name) for name in names} == found
    return result
