"""Results of the census in the state: of each the state that counts most, whatever comes in which order."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instar.core.census_fold import fold
from instar.core.census_message import CensusMessage
from instar.core.census_result import WINDOW_MS, Client, Mix, Result, counted, started
from instar.state import schema
from instar.state.census_results import CensusResults
from instar.state.database import Database
from instar.state.opening import open_database

T0 = 1_700_000_040_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database("sqlite:///state.db", tmp_path)) as database:
        schema.require(database)
        yield database


def mix(offset: int, count: int, window: int = 0, subject: str = "orders") -> Mix:
    return Mix(0, offset, T0 + window * WINDOW_MS, WINDOW_MS, "orders", subject, "shop", {"v1": count})


RESULTS = st.lists(st.builds(mix, st.integers(0, 9), st.integers(0, 9), st.integers(0, 2)), max_size=12).map(
    lambda found: list({(each.key, each.offset): each for each in found}.values())
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RESULTS, max_size=3))
def test_what_is_kept_is_what_a_reader_of_kafka_folds(database: Database, batches: list[list[Result]]) -> None:
    kept = CensusResults(database, "local")
    kept.prune(2**62)  # what the example before this left
    one_state_each = {(each.key, each.offset): each for batch in batches for each in batch}
    for batch in batches:
        kept.keep(one_state_each[each.key, each.offset] for each in batch)

    assert kept.read() == fold(one_state_each.values())


def test_environments_and_subjects_are_apart(database: Database) -> None:
    kept = CensusResults(database, "production")
    kept.keep([mix(1, 5), mix(2, 7, subject="refunds")])

    assert CensusResults(database, "local").read() == fold([])
    assert kept.read(subject="refunds") == fold([mix(2, 7, subject="refunds")])


def test_what_is_old_is_left_out_and_can_be_forgotten(database: Database) -> None:
    message = CensusMessage("reads", "orders", "orders", {"v1": 5}, T0, T0 + 5, client="a\0b", owner="ü")
    client = counted(started(message, 1), message, 3)
    assert isinstance(client, Client)
    kept = CensusResults(database, "production")
    kept.keep([mix(1, 5, window=3), client])

    assert kept.read().clients == (client,)
    assert kept.read(since_ms=T0 + 6) == fold([mix(1, 5, window=3)])
    assert kept.prune(T0 + 6) == 1
    assert kept.read() == fold([mix(1, 5, window=3)])
