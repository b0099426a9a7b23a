"""A real PostgreSQL and the real migration tools for pytest: fixtures, skips with one reason, and a last line.

A test that uses one of the fixtures is marked `databases` by it, so that the mark cannot be forgotten.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from realdatabases.availability import given_postgresql, why_no_postgresql, why_no_tools
from realdatabases.tools import MigrationTools
from realkafka.tally import Count

MARK = "databases"

# Fixture, and why it may be impossible here.
NEEDS: tuple[tuple[str, Callable[[], str | None]], ...] = (
    ("postgresql", why_no_postgresql),
    ("postgresql_url", why_no_postgresql),
    ("migration_tools", why_no_tools),
)


class Postgresql(Protocol):
    """A server to test against, whoever runs it."""

    def create_database(self, stem: str = "test") -> str:
        """Creates an empty database with a name that no other has; its SQLAlchemy URL."""


class GivenPostgresql:
    """A server that was there before the tests; its databases stay, for whoever looks into a failure."""

    def __init__(self, server_url: str) -> None:
        """`server_url` is a URL of a user that may create databases: postgresql://user:password@host:port/postgres."""
        self._url = server_url

    def create_database(self, stem: str = "test") -> str:
        """Creates an empty database with a name that no other has; its SQLAlchemy URL."""
        from realdatabases.postgresql import create_database

        server, _, _ = self._url.rpartition("/")
        name = create_database(self._url, stem)
        return f"postgresql+psycopg://{server.partition('://')[2]}/{name}"


# ------------------------------------------------------------------ fixtures


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """The server that all tests of a run share: they use databases of their own and never stop it."""
    address = given_postgresql()
    if address is not None:
        yield GivenPostgresql(address)
        return
    from realdatabases.postgresql import PostgresqlServer  # here, so that a run without psycopg skips and goes on

    with PostgresqlServer() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql: Postgresql) -> str:
    """The SQLAlchemy URL of an empty database that only this test has; its user owns the server."""
    return postgresql.create_database()


@pytest.fixture(scope="session")
def migration_tools() -> MigrationTools:
    """The real Flyway and Liquibase."""
    return MigrationTools.fetched()


# ------------------------------------------------------------------ skips and the last line


class Reporter:
    """Watches one test run and counts."""

    def __init__(self) -> None:
        """Starts at zero."""
        self.count = Count()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Marks tests by what they need, and skips those whose servers or tools cannot run here.

        First of all, so that `-m` sees the marks.
        """
        for item in items:
            fixtures = getattr(item, "fixturenames", ())
            needed = [why_not for fixture, why_not in NEEDS if fixture in fixtures]
            if needed:
                item.add_marker(MARK)
            reason = next((reason for why_not in needed if (reason := why_not()) is not None), None)
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts a test once it was called, or as soon as it is known that it will not be."""
        if MARK not in report.keywords:
            return
        if report.skipped and not hasattr(report, "wasxfail"):
            # For a skipped test pytest holds (file, line, "Skipped: reason").
            said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.count.skip(said.removeprefix("Skipped: "))
        elif report.when == "call" or report.failed:
            self.count.ran += report.when == "call"
            self.count.failed += report.failed


def pytest_configure(config: pytest.Config) -> None:
    """Begins to watch."""
    config.pluginmanager.register(Reporter(), "realdatabases-reporter")


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Says what really ran; where a run is spread over processes, the one that gathers their reports says it."""
    reporter = config.pluginmanager.get_plugin("realdatabases-reporter")
    if (
        isinstance(reporter, Reporter)
        and not hasattr(config, "workerinput")
        and reporter.count.ran + reporter.count.skipped
    ):
        print(reporter.count.line("real databases"))
