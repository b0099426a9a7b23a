"""``instar demo --serve``: a whole shop comes up with one command, is alive, and is gone after Ctrl-C."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.command import instar
from tests.support.workers import until

from instar.census.reading import read_census
from instar.census.topics import CensusTopics
from instar.kafka.cluster import Cluster
from realkafka.pytest_plugin import Kafka

pytestmark = pytest.mark.timeout(900)

COMES_UP_S = 180.0
ENDS_S = 60.0


class Demo:
    """The command, with a folder for temporary files of its own."""

    def __init__(self, folder: Path, *arguments: object) -> None:
        self.folder = folder / "temporary"
        self.folder.mkdir()
        self._said = folder / "said"
        with self._said.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "instar", "demo", "--serve", *map(str, arguments)],
                env={**os.environ, "TMPDIR": str(self.folder), "COLUMNS": "200"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    @property
    def said(self) -> str:
        return self._said.read_text()

    def says(self, pattern: str, timeout_s: float = COMES_UP_S) -> "re.Match[str]":
        """The first place where it says something like this."""

        def found() -> "re.Match[str] | None":
            match = re.search(pattern, self.said)
            assert match or self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.said}"
            return match

        match: re.Match[str] = until(f"{pattern!r} in\n{self.said}", found, timeout_s)
        return match

    def api(self, path: str) -> Any:
        answer = httpx.get(f"{self.says(r'http://127.0.0.1:[0-9]+')[0]}/v1/{path}", timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def page(self, path: str = "/") -> str:
        answer = httpx.get(self.says(r"http://127.0.0.1:[0-9]+")[0] + path, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.text

    def ends(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(ENDS_S)

    def left(self) -> list[str]:
        """The command lines of processes that still work in one of its folders."""
        found = []
        for each in Path("/proc").iterdir():
            if each.name.isdecimal():
                try:
                    here = str((each / "cwd").readlink())
                    line = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:  # it has ended meanwhile, or is another user's
                    continue
                if here.startswith(str(self.folder)):
                    found.append(line)
        return found


@contextmanager
def demo(folder: Path, *arguments: object) -> Iterator[Demo]:
    one = Demo(folder, *arguments)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()


def carried(one: Demo, migration: str, direction: str) -> int:
    """How many records a bridge has read, as the API tells it."""
    statuses = next(each["statuses"] for each in one.api("migrations")["items"] if each["name"] == migration)
    return sum(each["read"] for each in statuses if each["direction"] == direction)


def sources(one: Demo, subject: str, version: str) -> set[str]:
    """Where the reasons against retiring a version come from."""
    found = [each for each in one.api("verdicts")["items"] if (each["subject"], each["version"]) == (subject, version)]
    return {reason["source"] for each in found for reason in each["reasons"]}


def answer(one: Demo, subject: str, version: str) -> str | None:
    found = [each for each in one.api("verdicts")["items"] if (each["subject"], each["version"]) == (subject, version)]
    return found[0]["answer"] if found else None


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_on_the_built_in_broker_a_shop_is_alive_until_ctrl_c_and_then_gone(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0") as one:
        assert "Can the old versions go?" in one.page()
        one.says("no rollout can begin")
        one.says("Everything is at work")
        assert "ended with" not in one.said, one.said
        before = until("both ways carry", lambda: carried(one, "orders-v3", "down") and carried(one, "orders-v3", "up"))
        until("more is carried", lambda: carried(one, "orders-v3", "up") > before)
        assert one.api("migrations/orders-v3/dead-letters/causes")["items"]
        everybody = {"groups", "clients", "declared readers"}
        until("all who depend on it are seen", lambda: everybody <= sources(one, "orders", "v1"))
        assert one.left()
        assert one.ends(signal.SIGINT) == 0
        assert one.left() == []
        assert list(one.folder.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux sees to it")
def test_a_demonstration_that_is_killed_takes_its_commands_with_it(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0") as one:
        one.says("instar worker")
        assert one.left()
        assert one.ends(signal.SIGKILL) == -signal.SIGKILL
        until("nothing is left", lambda: not one.left())


def test_a_port_that_is_taken_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, demo(tmp_path, "--port", taken.getsockname()[1]) as one:
        assert one.process.wait(COMES_UP_S) == 1
        assert "Give another --port" in one.said
        assert list(one.folder.iterdir()) == []


def test_what_prints_figures_does_not_go_on_for_ever(tmp_path: Path) -> None:
    assert instar("demo", "--serve", "-o", "json", at=tmp_path).code == 2


@pytest.mark.kafka
def test_on_a_real_kafka_rollouts_move_everybody_is_seen_and_the_topics_go(
    kafka: Kafka, tmp_path: Path, new_topic: Callable[..., str]
) -> None:
    others = new_topic("others", partitions=1)  # so that the names are not the plain ones
    with demo(tmp_path, "--port", "0", "--bootstrap", kafka.bootstrap) as one:
        tag = one.says(r"demo-[0-9a-f]{6}-")[0]
        # Faust puts a module without a spec in its place once it is imported, as another test may have done.
        has_faust = "faust" in sys.modules or find_spec("faust") is not None
        assert ("instar[census]" in one.said) is not has_faust
        one.says("Everything is at work", 600)
        assert "ended with" not in one.said, one.said
        everything = {"groups", "clients", "declared readers", "sunset", "dead letters"}
        until("everybody is seen", lambda: everything <= sources(one, "orders", "v1"), 120)
        census = read_census(kafka.client_config(), CensusTopics(f"{tag}instar.census")).census
        versions = {version for each in census.clients if each.subject == "orders" for version in each.versions}
        assert versions == {"v1", "v2", "v3"}
        until("nobody needs customers v1", lambda: answer(one, "customers", "v1") == "yes", 180)
        groups = one.api(f"topics/{tag}orders/groups")["items"]
        assert {f"{tag}billing", f"{tag}reports"} <= {each["name"] for each in groups}
        assert one.ends(signal.SIGINT) == 0
        assert list(one.folder.iterdir()) == []
    topics = Cluster(kafka.client_config()).topics()
    assert others in topics
    assert [each for each in topics if each.startswith(tag)] == []
