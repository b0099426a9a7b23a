"""Real servers for pytest: fixtures, skips with one reason, and a last line that says what really ran.

A test that uses one of the fixtures is marked by it (`kafka`, `registry`), so that the mark cannot be forgotten.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from realkafka.availability import (
    given_bootstrap,
    given_registry,
    why_no_kafka,
    why_no_own_kafka,
    why_no_own_registry,
    why_no_registry,
)
from realkafka.broker import KafkaServer
from realkafka.registry import RegistryServer
from realkafka.settings import ClientConfig
from realkafka.tally import Tally, report_path

TOPIC_TIMEOUT_S = 30.0

# Fixture, the mark that it gives, and why it may be impossible here.
NEEDS: tuple[tuple[str, str, Callable[[], str | None]], ...] = (
    ("kafka", "kafka", why_no_kafka),
    ("new_topic", "kafka", why_no_kafka),
    ("own_kafka", "kafka", why_no_own_kafka),
    ("registry_url", "registry", why_no_registry),
    ("own_registry", "registry", why_no_own_registry),
)
NEEDED = "needs a real server"  # the property of a test's report that goes to whoever counts
MARKS: tuple[tuple[str, Callable[[], str | None]], ...] = (("kafka", why_no_kafka), ("registry", why_no_registry))


class Kafka(Protocol):
    """A broker to test against, whoever runs it."""

    @property
    def bootstrap(self) -> str:
        """The address for `bootstrap.servers`."""

    def client_config(self) -> ClientConfig:
        """librdkafka settings that reach the broker."""


@dataclass(frozen=True, slots=True)
class GivenKafka:
    """A broker that was there before the tests."""

    bootstrap: str

    def client_config(self) -> ClientConfig:
        """librdkafka settings that reach the broker."""
        return {"bootstrap.servers": self.bootstrap}


# ------------------------------------------------------------------ fixtures


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """The broker that all tests of a run share: they use topics of their own (`topic_name`) and never stop it."""
    address = given_bootstrap()
    if address is not None:
        yield GivenKafka(address)
        return
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    try:
        yield server.start()
    finally:
        _end(server)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Callable[..., KafkaServer]]:
    """Starts a broker for one test, which may kill it; takes what `KafkaServer` takes after `data_dir`."""
    servers: list[KafkaServer] = []

    def start(**options: Any) -> KafkaServer:
        server = KafkaServer(tmp_path / f"kafka-{len(servers)}", **options)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        _end(server)


@pytest.fixture(scope="session")
def registry_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the registry that all tests of a run share: they use subjects of their own (`topic_name`)."""
    address = given_registry()
    if address is not None:
        yield address
        return
    with RegistryServer(tmp_path_factory.mktemp("registry")) as server:
        yield server.url


@pytest.fixture
def own_registry(tmp_path: Path) -> Iterator[Callable[[], RegistryServer]]:
    """Starts an empty registry for one test, which may kill it."""
    servers: list[RegistryServer] = []

    def start() -> RegistryServer:
        server = RegistryServer(tmp_path / f"registry-{len(servers)}")
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def topic_name() -> Callable[[str], str]:
    """Makes a name that no other test has: `topic_name("orders")`; good for topics, groups and subjects."""
    return lambda stem: f"{stem}-{uuid4().hex[:10]}"


@pytest.fixture
def new_topic(kafka: Kafka, topic_name: Callable[[str], str]) -> Callable[..., str]:
    """Creates a topic on the shared broker and returns its name: `new_topic("orders", partitions=4, config={...})`."""

    def create(stem: str = "topic", *, partitions: int = 4, config: dict[str, str] | None = None) -> str:
        name = topic_name(stem)
        admin = AdminClient(kafka.client_config())
        asked = NewTopic(name, num_partitions=partitions, replication_factor=1, config=config or {})
        admin.create_topics([asked])[name].result(TOPIC_TIMEOUT_S)
        return name

    return create


def _end(server: KafkaServer) -> None:
    # Killed, not stopped: nobody reads what it holds. Its log stays for whoever looks into a failure.
    server.kill()
    shutil.rmtree(server.data_dir / "log", ignore_errors=True)


# ------------------------------------------------------------------ skips and the last lines


class Reporter:
    """Watches one test run and keeps its tally.

    Where the run is spread over processes each of them marks and skips, and the one that gathers their reports counts.
    """

    def __init__(self) -> None:
        """Starts at zero."""
        self.tally = Tally()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Marks tests by the servers that they need, and skips those whose servers cannot run here.

        First of all, so that `-m` sees the marks.
        """
        for item in items:
            fixtures = getattr(item, "fixturenames", ())
            needed = [(mark, why_not) for fixture, mark, why_not in NEEDS if fixture in fixtures]
            for mark, _ in needed:
                if item.get_closest_marker(mark) is None:
                    item.add_marker(mark)
            needed += [(mark, why_not) for mark, why_not in MARKS if item.get_closest_marker(mark)]
            reason = next((reason for _, why_not in needed if (reason := why_not()) is not None), None)
            item.user_properties += [(NEEDED, mark) for mark, _ in MARKS if item.get_closest_marker(mark)]
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts a test once it was called, or as soon as it is known that it will not be."""
        counts = {"kafka": self.tally.kafka, "registry": self.tally.registry}
        for count in [counts[str(mark)] for name, mark in report.user_properties if name == NEEDED]:
            if report.skipped and not hasattr(report, "wasxfail"):
                count.skip(_reason(report))
            elif report.when == "call" or report.failed:
                count.ran += report.when == "call"
                count.failed += report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Leaves the tally for whoever judges the run."""
        if not session.config.option.collectonly and not is_part(session.config):
            self.tally.write(report_path(session.config.rootpath))


def is_part(config: pytest.Config) -> bool:
    """Whether this process runs tests for another that gathers their reports (pytest-xdist)."""
    return hasattr(config, "workerinput")


def _reason(report: pytest.TestReport) -> str:
    # For a skipped test pytest holds (file, line, "Skipped: reason").
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return said.removeprefix("Skipped: ")


def pytest_configure(config: pytest.Config) -> None:
    """Begins to watch."""
    config.pluginmanager.register(Reporter(), "realkafka-reporter")


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Says what really ran; here, since pytest's own summary is written after every other hook's.

    First, since pytest raises here for what was left open.
    """
    reporter = config.pluginmanager.get_plugin("realkafka-reporter")
    if isinstance(reporter, Reporter) and not is_part(config):
        for line in reporter.tally.lines():
            print(line)
