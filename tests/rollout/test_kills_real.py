"""On a real Kafka: a coordinator that dies between two calls is finished by the same command, or its work is undone.

A few places of each transition; `tests/campaigns/test_rollout_kills.py` has them all.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from tests.support.projects import QUICK_SESSION
from tests.support.rollout_kills import (
    Site,
    Sites,
    Tally,
    made_and_abandoned,
    paused_and_resumed,
    planned_anew_and_retired,
    site,
    there_and_back,
    verified,
)

from instar.rollout.running.producers import AwaitProducersHandler
from realkafka.pytest_plugin import Kafka

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(autouse=True)
def nobody_else_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody writes here while authority moves, so nobody has to be watched for seconds."""
    monkeypatch.setitem(AwaitProducersHandler.__init__.__kwdefaults__, "quiet_s", 0.1)


@pytest.fixture
def sites(kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path) -> Sites:
    def make() -> AbstractContextManager[Site]:
        name = topic_name("killed")
        return site({**kafka.client_config(), **QUICK_SESSION}, tmp_path / name, name)

    return make


def test_a_switch_the_way_back_and_a_pause(sites: Sites) -> None:
    with sites() as there:
        verified(there)
        there.work("up")
        there.work("down")
        told(there_and_back(there, every=27, first=9))
        there.done("switch")
        told(paused_and_resumed(there, every=7, first=4))


def test_an_apply_and_giving_it_up(sites: Sites) -> None:
    told(made_and_abandoned(sites, every=9, first=2))


def test_another_plan_and_the_end_of_the_old_topic(sites: Sites) -> None:
    told(planned_anew_and_retired(sites, every=99, first=14))


def told(tallies: list[Tally]) -> None:
    for tally in tallies:
        print(tally)
        assert tally.finished
