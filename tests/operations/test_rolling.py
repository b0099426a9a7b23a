"""What a guard makes of a switch whose command has died."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support.rollout_runner import Killed
from tests.support.rollout_store import TTL_MS
from tests.support.rollouts import NAME, Lab

from instar.core.rollout.effect import CloseEpoch, WriteEpoch
from instar.core.rollout.phase import Phase
from instar.operations import rolling
from instar.operations.rolling import Rolling

BARRIER_S = 60


def guarding(lab: Lab) -> Rolling:
    """As much as a look needs."""
    keeper: Any = SimpleNamespace(watch=lambda: None, limits=tuple)
    migration: Any = SimpleNamespace(rollout=SimpleNamespace(barrier=BARRIER_S))
    unused = cast(Any, None)
    return Rolling(unused, NAME, migration, {}, unused, "guard", unused, lab.operator("guard"), keeper)


def killed_while(lab: Lab, effect: type) -> Lab:
    """The switch's command dies right after it has begun an effect of that kind."""
    run = lab.runner.run

    def dies(one: Any, context: Any) -> Any:
        outcome = run(one, context)
        if isinstance(one, effect):
            raise Killed("there")
        return outcome

    lab.runner.run = dies  # type: ignore[method-assign]
    with pytest.raises(Killed):
        lab.do("switch")
    lab.runner.run = run  # type: ignore[method-assign]
    return lab


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab().reach(Phase.VERIFIED)
    monkeypatch.setattr(rolling, "now_ms", made.clock.now_ms)
    return made


def test_producers_that_a_dead_command_has_stopped_are_set_free_when_the_barrier_is_over(lab: Lab) -> None:
    origin = lab.left()
    guard = guarding(killed_while(lab, CloseEpoch))
    lab.clock.ms += BARRIER_S * 1000 + TTL_MS
    result = guard.observe().result
    assert result is not None
    assert (result.kind, lab.world.epoch["state"]) == ("undone", "open")
    assert "nobody went on" in result.message
    assert lab.left() == origin


def test_a_record_that_a_dead_command_may_have_written_is_finished_and_not_undone(lab: Lab) -> None:
    guard = guarding(killed_while(lab, WriteEpoch))
    lab.clock.ms += BARRIER_S * 1000 + TTL_MS
    guard.observe()
    assert (lab.world.epoch["authority"], lab.world.epoch["state"]) == ("new", "open")
    assert lab.state.authority == "new"
