"""`python -m realdatabases fetch` and `run`."""

import argparse
import signal
import sys
from collections.abc import Sequence

from realdatabases.fetch import fetch_postgresql, fetch_tools
from realdatabases.postgresql import PostgresqlServer
from realkafka.errors import FetchFailed, ServerFailed, Unavailable


def fetch(*, if_possible: bool) -> int:
    """Fetches what is not there yet; 0 where everything is there afterwards, or where `if_possible` allows less."""
    worst = 0
    for fetching in (fetch_postgresql, fetch_tools):
        try:
            fetching()
        except (Unavailable, FetchFailed) as error:
            consequence = " The tests that need it are skipped." if if_possible else ""
            print(f"{error}{consequence}", file=sys.stderr)
            worst = 0 if if_possible else 1
    return worst


def run() -> int:
    """Runs an empty PostgreSQL until SIGINT or SIGTERM; its URL goes to stdout."""
    stops = {signal.SIGINT, signal.SIGTERM}
    # Blocked before the server starts, so that a signal in between is waited for like any other.
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    try:
        fetch_postgresql()
        with PostgresqlServer() as server:
            print(server.url(), flush=True)
            print("what it holds is forgotten when Ctrl-C stops it", file=sys.stderr, flush=True)
            signal.sigwait(stops)
    except (Unavailable, FetchFailed, ServerFailed) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m realdatabases", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    fetching = commands.add_parser("fetch", help="fetch PostgreSQL, Flyway and Liquibase into .cache, once")
    fetching.add_argument(
        "--if-possible", action="store_true", help="where it cannot be done, say why and end with success"
    )
    commands.add_parser("run", help="run an empty PostgreSQL in the foreground")
    chosen = parser.parse_args(arguments)
    return fetch(if_possible=chosen.if_possible) if chosen.command == "fetch" else run()


if __name__ == "__main__":
    sys.exit(main())
