"""Limits, as pure code: whether the numbers of a window still allow a rollout to go on."""

from collections.abc import Iterable
from typing import Literal

from instar.core.rollout.event import LimitVerdict

Action = Literal["none", "alert", "pause", "rollback"]
ACTIONS: tuple[Action, ...] = ("none", "alert", "pause", "rollback")


def gravest(verdicts: Iterable[LimitVerdict]) -> tuple[Action, str]:
    """The gravest action that any limit asks for, with the evidence of all that ask for it."""
    asked = [verdict for verdict in verdicts if verdict.verdict != "ok"]
    action: Action = max((verdict.action for verdict in asked), key=ACTIONS.index, default="none")
    return action, "; ".join(f"{each.name}: {each.evidence}" for each in asked if each.action == action)
