"""Two operators at once, each a process of its own: one moves the migration, the other is told who does."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.states import SQLITE, StateLab, fresh_state

from instar.core.ledger import Sound
from instar.core.rollout.storage import Conflict, LeaseLost, LeaseTaken, Noted
from instar.state.opening import State

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "orders-v3"
NOTED = Noted("bob", "apply", "why", "f")

# Takes the lease, says so, and does as it is told on stdin: write a revision, leave, or whatever kills it.
OPERATOR = """
import json, sys
from pathlib import Path
from instar.core.rollout.storage import Conflict, LeaseLost, LeaseTaken, Noted
from instar.state.opening import open_state

def say(**said):
    print(json.dumps(said), flush=True)

with open_state(sys.argv[1], "test", Path(sys.argv[2])) as state:
    try:
        with state.rollouts.lease("orders-v3", "ada@laptop") as lease:
            say(token=lease.token)
            for line in sys.stdin:
                if line.strip() == "leave":
                    break
                noted = Noted("ada@laptop", "apply", "why", "f")
                try:
                    revision = int(line)
                    document = {"by": "ada"}
                    state.rollouts.write("orders-v3", document, noted, expected_revision=revision, lease=lease)
                    say(wrote=revision + 1)
                except (Conflict, LeaseLost) as no:
                    say(no=type(no).__name__)
    except LeaseTaken as taken:
        say(taken=taken.owner)
"""


class Operator:
    """Another operator's process."""

    def __init__(self, url: str, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", OPERATOR, url, str(root)],
            cwd=REPOSITORY / "services",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def told(self, line: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return None if line == "leave" else self.said()

    def end(self, number: signal.Signals | None = None) -> None:
        if number is not None:
            self._process.send_signal(number)
        self._process.communicate(timeout=60)


class TwoOperators:
    @pytest.fixture
    def operator(self, state: State, url: str, tmp_path: Path) -> Iterator[Operator]:
        made = Operator(url, tmp_path)
        yield made
        made.end(signal.SIGKILL)

    def test_who_comes_second_is_told_who_was_first(self, state: State, operator: Operator, url: str, tmp_path: Path):
        assert operator.said() == {"token": 1}
        with pytest.raises(LeaseTaken, match="ada@laptop is moving this migration"), state.rollouts.lease(NAME, "bob"):
            pass
        assert operator.told("0") == {"wrote": 1}
        operator.told("leave")
        operator.end()
        with state.rollouts.lease(NAME, "bob") as lease:
            assert lease.token == 2
            third = Operator(url, tmp_path)
            assert third.said() == {"taken": "bob"}
            third.end()
            with pytest.raises(Conflict):
                state.rollouts.write(NAME, {"by": "bob"}, NOTED, expected_revision=0, lease=lease)
            state.rollouts.write(NAME, {"by": "bob"}, NOTED, expected_revision=1, lease=lease)
        assert isinstance(state.ledger.verify(), Sound)

    def test_who_was_killed_keeps_others_out_only_for_its_time(self, state: State, operator: Operator) -> None:
        operator.said()
        assert operator.told("0") == {"wrote": 1}
        operator.end(signal.SIGKILL)
        with pytest.raises(LeaseTaken), state.rollouts.lease(NAME, "bob"):
            pass
        StateLab(state).pass_time(30_000)
        with state.rollouts.lease(NAME, "bob") as lease:
            state.rollouts.write(NAME, {"by": "bob"}, NOTED, expected_revision=1, lease=lease)

    def test_who_was_stopped_for_too_long_writes_nothing_any_more(self, state: State, operator: Operator) -> None:
        operator.said()
        StateLab(state).pass_time(30_000)
        with state.rollouts.lease(NAME, "bob") as lease:
            assert operator.told("0") == {"no": "LeaseLost"}
            state.rollouts.write(NAME, {"by": "bob"}, NOTED, expected_revision=0, lease=lease)
            operator.told("leave")
            operator.end()
            state.rollouts.write(NAME, {"by": "bob"}, NOTED, expected_revision=1, lease=lease)
        with pytest.raises(LeaseLost):
            lease.renew()


class TestOnSqlite(TwoOperators):
    @pytest.fixture
    def url(self) -> str:
        return SQLITE

    @pytest.fixture
    def state(self, url: str, tmp_path: Path) -> Iterator[State]:
        with fresh_state(url, tmp_path) as opened:
            yield opened


class TestOnPostgresql(TwoOperators):
    @pytest.fixture
    def url(self, postgresql_url: str) -> str:
        return postgresql_url

    @pytest.fixture
    def state(self, url: str, tmp_path: Path) -> Iterator[State]:
        with fresh_state(url, tmp_path) as opened:
            yield opened


def test_a_file_that_is_opened_for_the_first_time_by_many_is_made_once(tmp_path: Path) -> None:
    operators = [Operator(SQLITE, tmp_path) for _ in range(4)]
    said = [operator.said() for operator in operators]
    assert said.count({"token": 1}) == 1
    assert said.count({"taken": "ada@laptop"}) == 3
    for operator in operators:
        operator.end()
