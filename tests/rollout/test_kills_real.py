"""On a real Kafka: a coordinator that dies between two calls is finished by the same command, or its work is undone.

A few places of each transition; `tests/campaigns/test_rollout_kills.py` has them all.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.projects import QUICK_SESSION
from tests.support.rollout_kills import site, there_and_back, verified

from instar.rollout.running.producers import AwaitProducersHandler
from realkafka.pytest_plugin import Kafka


@pytest.fixture(autouse=True)
def nobody_else_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody writes here while authority moves, so nobody has to be watched for seconds."""
    monkeypatch.setitem(AwaitProducersHandler.__init__.__kwdefaults__, "quiet_s", 0.1)


def test_a_switch_and_the_way_back(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> None:
    with site({**kafka.client_config(), **QUICK_SESSION}, tmp_path, topic_name("killed")) as there:
        verified(there)
        there.work("up")
        there.work("down")
        for tally in there_and_back(there, every=16, first=9):
            print(tally)
            assert tally.finished
