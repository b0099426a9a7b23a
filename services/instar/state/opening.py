"""From the setting ``state`` to what is in it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from instar.state import schema
from instar.state.approvals import Approvals
from instar.state.audit import Trail
from instar.state.census_results import CensusResults
from instar.state.database import Database
from instar.state.idempotency import Answers
from instar.state.leases import Leases
from instar.state.ledger import Ledger
from instar.state.readers import Readers
from instar.state.rehearsals import Rehearsals
from instar.state.rollouts import Rollouts
from instar.state.samples import Samples
from instar.state.sessions import Sessions
from instar.state.url import parse_url
from instar.state.verifications import Verifications
from instar.state.worker_events import WorkerEvents


@dataclass(frozen=True, slots=True)
class State:
    """The state of one environment, each noun by its name."""

    database: Database
    environment: str
    ledger: Ledger
    rollouts: Rollouts
    approvals: Approvals
    verifications: Verifications
    rehearsals: Rehearsals
    readers: Readers
    samples: Samples
    worker_events: WorkerEvents
    census: CensusResults
    sessions: Sessions
    answers: Answers
    audit: Trail


def open_database(url: str, root: Path) -> Database:
    """The database that a URL names, whatever is in it. Raises ``BadUrl``."""
    return Database(parse_url(url, root))


@contextlib.contextmanager
def open_state(url: str, environment: str, root: Path) -> Iterator[State]:
    """The state of an environment; a relative path of SQLite is relative to ``root``.

    A SQLite file is made, and brought up to date, when it is opened. Raises ``StateTrouble``: ``BadUrl``,
    ``Unreachable``, ``Busy``, ``NotMigrated``, ``TooNew``, ``NotAllowed``.
    """
    database = open_database(url, root)
    with contextlib.closing(database):
        schema.require(database)
        yield state_of(database, environment)


def state_of(database: Database, environment: str) -> State:
    """The state in a database whose tables are known to be right."""
    ledger = Ledger(database, environment)
    return State(
        database,
        environment,
        ledger,
        Rollouts(database, environment, ledger, Leases(database, environment)),
        Approvals(database, environment, ledger),
        Verifications(database, environment, ledger),
        Rehearsals(database, environment, ledger),
        Readers(database, environment, ledger),
        Samples(database, environment),
        WorkerEvents(database, environment),
        CensusResults(database, environment),
        Sessions(database, environment),
        Answers(database, environment),
        Trail(database, environment),
    )
