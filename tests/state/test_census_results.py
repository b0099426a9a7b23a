"""Results of the census in the state: of each the state that counts most, whatever comes in which order."""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest
from tests.support.states import SQLITE, fresh_state

from instar.core.census_fold import fold
from instar.core.census_message import CensusMessage
from instar.core.census_result import WINDOW_MS, Client, Mix, counted, started
from instar.state.census_results import CensusResults
from instar.state.opening import State

T0 = 1_700_000_040_000


def mix(offset: int, count: int, window: int = 0, subject: str = "orders") -> Mix:
    return Mix(0, offset, T0 + window * WINDOW_MS, WINDOW_MS, "orders", subject, "shop", {"v1": count})


class CensusContract:
    def test_what_is_kept_is_what_a_reader_of_kafka_folds_in_whatever_order_it_comes(self, state: State) -> None:
        told = [mix(1, 5), mix(4, 7), mix(9, 8), mix(2, 3, window=1)]
        for number, order in enumerate(permutations(told)):
            kept = CensusResults(state.database, f"order {number}")
            kept.keep(order[:2])
            kept.keep(order[1:])
            assert kept.read() == fold(told)

    def test_environments_and_subjects_are_apart(self, state: State) -> None:
        state.census.keep([mix(1, 5), mix(2, 7, subject="refunds")])
        state.census.keep([])

        assert CensusResults(state.database, "another").read() == fold([])
        assert state.census.read(subject="refunds") == fold([mix(2, 7, subject="refunds")])

    def test_what_is_old_is_left_out_and_can_be_forgotten(self, state: State) -> None:
        message = CensusMessage("reads", "orders", "orders", {"v1": 5}, T0, T0 + 5, client="a\0b", owner="ü")
        client = counted(started(message, 1), message, 3)
        assert isinstance(client, Client)
        state.census.keep([mix(1, 5, window=3), client])

        assert state.census.read().clients == (client,)
        assert state.census.read(since_ms=T0 + 6) == fold([mix(1, 5, window=3)])
        assert state.census.prune(T0 + 6) == 1
        assert state.census.read() == fold([mix(1, 5, window=3)])


class TestOnSqlite(CensusContract):
    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[State]:
        with fresh_state(SQLITE, tmp_path) as opened:
            yield opened


class TestOnPostgresql(CensusContract):
    @pytest.fixture
    def state(self, postgresql_url: str, tmp_path: Path) -> Iterator[State]:
        with fresh_state(postgresql_url, tmp_path) as opened:
            yield opened
