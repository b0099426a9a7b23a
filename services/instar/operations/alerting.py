"""Limits that only alert: people are told when one is broken, once, and when it is kept again."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from instar.core.rollout.event import LimitVerdict
from instar.core.rollout.limits import Limit
from instar.notify.message import Message


@dataclass(slots=True)
class _Standing:
    verdict: str
    since_ms: int
    told: str = "ok"  # the last verdict that people know


@dataclass(slots=True)
class Alerts:
    """Of one migration. What is known of its limits is kept here alone: a guard that is started anew tells anew.

    A limit that cannot be judged is told once that has lasted for its window, since every window begins empty.
    """

    migration: str
    environment: str
    limits: Iterable[Limit]
    tell: Callable[[Message], Mapping[str, Any]]
    _standing: dict[str, _Standing] = field(default_factory=dict)

    def look(self, verdicts: Iterable[LimitVerdict], now_ms: int) -> list[tuple[Message, Mapping[str, Any]]]:
        """What was told now, and who was reached."""
        windows_ms = {each.measure: each.window_s * 1000 for each in self.limits if each.then == "alert"}
        said = []
        for each in verdicts:
            if each.name not in windows_ms:
                continue
            standing = self._standing.setdefault(each.name, _Standing(each.verdict, now_ms))
            if standing.verdict != each.verdict:
                standing.verdict, standing.since_ms = each.verdict, now_ms
            ripe = each.verdict != "inconclusive" or now_ms - standing.since_ms >= windows_ms[each.name]
            if ripe and standing.told != each.verdict:
                standing.told = each.verdict
                message = self._message(each, standing.since_ms, now_ms)
                said.append((message, self.tell(message)))
        return said

    def _message(self, verdict: LimitVerdict, since_ms: int, now_ms: int) -> Message:
        subject = {
            "ok": f"the limit {verdict.name} is kept again",
            "breached": f"the limit {verdict.name} is broken",
            "inconclusive": f"the limit {verdict.name} cannot be judged",
        }[verdict.verdict]
        id_ = f"{self.migration}/limit/{verdict.name}/{since_ms}/{verdict.verdict}"
        text = f"{self.migration}: {verdict.evidence}"
        return Message(id_, self.migration, self.environment, subject, text, now_ms)
