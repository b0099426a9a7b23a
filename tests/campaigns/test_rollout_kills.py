"""On a real Kafka: the coordinator killed between every two calls of every transition, to the cluster and to its state.

Each time it is finished by the same command, or undone where nothing final was done, and what is left is what an
unkilled run leaves: topics, settings, offsets, the epoch record, orders, phase. In shares: each has every tenth place.
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

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SHARES = 10


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


@pytest.mark.parametrize("share", range(SHARES))
def test_apply_and_abandon(sites: Sites, share: int, capsys: pytest.CaptureFixture[str]) -> None:
    told(made_and_abandoned(sites, every=SHARES, first=share), capsys)


@pytest.mark.parametrize("share", range(SHARES))
def test_switch_and_rollback_and_pause(sites: Sites, share: int, capsys: pytest.CaptureFixture[str]) -> None:
    with sites() as there:
        verified(there)
        there.work("up")
        there.work("down")
        told(there_and_back(there, every=SHARES, first=share), capsys)
        there.done("switch")
        told(paused_and_resumed(there, every=SHARES, first=share), capsys)


@pytest.mark.parametrize("share", range(SHARES))
def test_replan_and_retire(sites: Sites, share: int, capsys: pytest.CaptureFixture[str]) -> None:
    told(planned_anew_and_retired(sites, every=SHARES, first=share), capsys)


def told(tallies: list[Tally], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        for tally in tallies:
            print(f"\n{tally}", end=" ")
    assert any(tally.finished for tally in tallies)
