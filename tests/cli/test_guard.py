"""What a guard does at each look, besides what the machine does."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.support.rollout_states import state_at
from tests.support.rollouts import NAME, PLAN, Lab

from instar.cli.guard import _look, _Patience, _patient_look
from instar.core.rollout.event import LimitVerdict
from instar.core.rollout.limits import Limit
from instar.core.rollout.phase import Phase, Place
from instar.notify.message import Message
from instar.operations.alerting import Alerts
from instar.operations.rolling import Observed, Rolling
from instar.rollout.look import Look
from instar.state.errors import StateTrouble


@dataclass
class Coordinator:
    place: Place

    def state(self, _name: str) -> Any:
        return state_at(self.place, PLAN)


@dataclass
class Result:
    state: Any
    ran: tuple[str, ...] = ()
    message: str = ""
    kind: str = "nothing"


@dataclass
class Migration:
    """As much of a ``Rolling`` as a look asks for."""

    place: Place
    verdicts: tuple[LimitVerdict, ...]
    away: bool = False
    name: str = NAME
    told: list[Message] = field(default_factory=list)

    @property
    def coordinator(self) -> Coordinator:
        if self.away:
            raise StateTrouble("the database is away")
        return Coordinator(self.place)

    def observe(self) -> Observed:
        return Observed(cast("Any", Result(self.coordinator.state(self.name))), self.verdicts)

    def now_ms(self) -> int:
        return 7

    def look(self) -> list[str]:
        def tell(message: Message) -> dict[str, Any]:
            self.told.append(message)
            return {"reached": [], "not_reached": {}}

        alerts = Alerts(self.name, "prod", [Limit("lag", 100, 60, "alert")], tell)
        for _ in range(2):
            assert not _patient_look(cast("Any", self), alerts, _Patience(), once=False)
        return [message.subject for message in self.told]


BROKEN = (LimitVerdict("lag", "breached", "alert", "never below 200 records, limit 100"),)


@pytest.mark.parametrize(
    ("phase", "told"),
    [
        (Phase.VERIFIED, ["the limit lag is broken"]),
        (Phase.SWITCHED, ["the limit lag is broken"]),
        (Phase.EXPANDED, []),
    ],
)
def test_a_broken_limit_that_only_alerts_is_told_once_while_records_are_carried(phase: Phase, told: list[str]) -> None:
    assert Migration(phase, BROKEN).look() == told


def test_a_store_that_is_away_is_waited_for() -> None:
    assert Migration(Phase.VERIFIED, BROKEN, away=True).look() == []


def test_a_single_look_at_a_store_that_is_away_ends_with_that() -> None:
    at: Any = Migration(Phase.VERIFIED, BROKEN, away=True)
    with pytest.raises(StateTrouble, match="the database is away"):
        _patient_look(at, Alerts(NAME, "prod", [], lambda _: {}), _Patience(), once=True)


def test_limits_are_judged_once_in_a_look() -> None:
    judged: list[int] = []

    def limits() -> tuple[LimitVerdict, ...]:
        judged.append(len(judged))
        return BROKEN

    lab = Lab().reach(Phase.VERIFIED)
    keeper: Any = SimpleNamespace(watch=lambda: Look("up", 1, {}, {0: 0}), limits=limits)
    migration: Any = SimpleNamespace(rollout=SimpleNamespace(caught_up_lag=10))
    state: Any = SimpleNamespace(verifications=SimpleNamespace(newest=lambda *_: None))
    at = Rolling(cast("Any", None), NAME, migration, {}, cast("Any", None), "guard", state, lab.operator("g"), keeper)
    told: list[Message] = []
    alerts = Alerts(NAME, "prod", [Limit("lag", 100, 60, "alert")], lambda message: told.append(message) or {})
    assert not _look(at, alerts, _Patience())
    assert (len(judged), [each.subject for each in told]) == (1, ["the limit lag is broken"])


class Undone:
    """A migration of which each observing begins something that has to be undone."""

    def __init__(self) -> None:
        self.name, self.observed, self.looked = NAME, 0, 0
        self.coordinator = Coordinator(Phase.SWITCHED)

    def observe(self) -> Observed:
        self.observed += 1
        undone = Result(self.coordinator.state(NAME), kind="undone", message="not within 120 s")
        return Observed(cast("Any", undone))

    def look(self) -> None:
        self.looked += 1

    def now_ms(self) -> int:
        return 7


def test_what_had_to_be_undone_is_not_begun_again_at_the_next_look() -> None:
    at, patience = Undone(), _Patience()
    alerts = Alerts(NAME, "prod", [], lambda _: {})
    for _ in range(5):
        assert not _look(cast("Any", at), alerts, patience)
    assert (at.observed, at.looked) == (1, 4)
