"""Whether the real database and the real migration tools can run here, and what to do where they cannot."""

import importlib.util
import os
import shutil

from realdatabases.locations import POM, postgresql_home, tools_installation
from realkafka.java import why_no_fetch, why_no_java
from realkafka.locations import pom_version

FETCH_COMMAND = "PYTHONPATH=tools python -m realdatabases fetch"


def given_postgresql() -> str | None:
    """The URL of a PostgreSQL that is already there (`INSTAR_TEST_POSTGRESQL`, may create databases), or None."""
    return os.environ.get("INSTAR_TEST_POSTGRESQL") or None


def why_no_postgresql() -> str | None:
    """Why there is no real PostgreSQL to test against, or None where there is one."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed; install the extra `postgresql`"
    if given_postgresql() or postgresql_home() is not None:
        return None
    return _not_fetched(f"PostgreSQL {pom_version('postgresql', POM)}")


def why_no_tools() -> str | None:
    """Why Flyway and Liquibase cannot run here, or None where they can."""
    if (reason := why_no_java()) is not None:
        return reason
    if shutil.which("javac") is None:
        return "there is no javac on PATH; install a JDK 17 or newer, a runtime alone is not enough for Flyway"
    tools = tools_installation()
    return None if tools.complete else _not_fetched(tools.version)


def _not_fetched(what: str) -> str:
    reason = why_no_fetch()
    return f"{what} is not fetched" + (f", and {reason}" if reason else f"; run `{FETCH_COMMAND}`")
