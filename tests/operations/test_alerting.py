"""Limits that only alert."""

from collections.abc import Mapping
from typing import Any

from instar.core.rollout.event import LimitVerdict
from instar.core.rollout.limits import Limit
from instar.notify.message import Message
from instar.operations.alerting import Alerts

LIMITS = (Limit("lag", 100, 60, "alert"), Limit("error_rate", 0.1, 60, "pause"))


class World:
    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.alerts = Alerts("orders-v3", "prod", LIMITS, self._tell)

    def _tell(self, message: Message) -> Mapping[str, Any]:
        self.messages.append(message)
        return {"reached": ["command true"], "not_reached": {}}

    def look(self, now_s: int, lag: str, errors: str = "ok") -> list[str]:
        """The subjects that were told at this look."""
        verdicts = []
        for name, verdict, then in (("lag", lag, "alert"), ("error_rate", errors, "pause")):
            action: Any = "none" if verdict == "ok" else then
            known: Any = verdict
            verdicts.append(LimitVerdict(name, known, action, f"{name} {verdict}"))
        return [message.subject for message, reached in self.alerts.look(verdicts, now_s * 1000) if reached["reached"]]


def test_a_broken_limit_is_told_once_and_again_when_it_is_kept() -> None:
    world = World()
    assert world.look(0, "ok") == []
    assert world.look(5, "breached") == ["the limit lag is broken"]
    assert world.look(10, "breached") == []
    assert world.look(15, "ok") == ["the limit lag is kept again"]
    assert world.look(20, "breached") == ["the limit lag is broken"]
    first, _, third = world.messages
    assert (first.migration, first.environment, first.text) == ("orders-v3", "prod", "orders-v3: lag breached")
    assert first.id == "orders-v3/limit/lag/5000/breached"
    assert first.id != third.id


def test_a_limit_that_cannot_be_judged_is_told_once_its_window_is_over() -> None:
    world = World()
    assert world.look(0, "inconclusive") == []
    assert world.look(59, "inconclusive") == []
    assert world.look(60, "inconclusive") == ["the limit lag cannot be judged"]
    assert world.look(65, "inconclusive") == []
    assert world.look(70, "breached") == ["the limit lag is broken"]


def test_an_empty_beginning_is_not_told() -> None:
    world = World()
    assert [*world.look(0, "inconclusive"), *world.look(30, "ok"), *world.look(60, "ok")] == []


def test_a_limit_that_pauses_is_told_by_the_pause_itself() -> None:
    world = World()
    assert world.look(5, "ok", errors="breached") == []
