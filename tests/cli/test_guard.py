"""What a guard does at each look, besides what the machine does."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from tests.support.rollout_states import state_at
from tests.support.rollouts import NAME, PLAN

from instar.cli.guard import _look, _Patience
from instar.core.rollout.event import LimitVerdict
from instar.core.rollout.limits import Limit
from instar.core.rollout.phase import Phase, Place
from instar.notify.message import Message
from instar.operations.alerting import Alerts
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

    @property
    def keeper(self) -> "Migration":
        return self

    def limits(self) -> tuple[LimitVerdict, ...]:
        return self.verdicts

    def observe(self) -> Result:
        return Result(self.coordinator.state(self.name))

    def now_ms(self) -> int:
        return 7

    def look(self) -> list[str]:
        def tell(message: Message) -> dict[str, Any]:
            self.told.append(message)
            return {"reached": [], "not_reached": {}}

        alerts = Alerts(self.name, "prod", [Limit("lag", 100, 60, "alert")], tell)
        for _ in range(2):
            assert not _look(cast("Any", self), alerts, _Patience())
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


class Undone:
    """A migration of which each observing begins something that has to be undone."""

    def __init__(self) -> None:
        self.name, self.observed, self.looked = NAME, 0, 0
        self.coordinator, self.keeper = Coordinator(Phase.SWITCHED), self

    def observe(self) -> Result:
        self.observed += 1
        return Result(self.coordinator.state(NAME), kind="undone", message="not within 120 s")

    def look(self) -> None:
        self.looked += 1

    def limits(self) -> tuple[LimitVerdict, ...]:
        return ()

    def now_ms(self) -> int:
        return 7


def test_what_had_to_be_undone_is_not_begun_again_at_the_next_look() -> None:
    at, patience = Undone(), _Patience()
    alerts = Alerts(NAME, "prod", [], lambda _: {})
    for _ in range(5):
        assert not _look(cast("Any", at), alerts, patience)
    assert (at.observed, at.looked) == (1, 4)
