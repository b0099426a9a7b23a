"""Effects run one by one against a real server, with a place to be killed between any two of their changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from instar.core.rollout.effect import Effect
from instar.core.rollout.plan import Plan, TopicPlan
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.handler import Handler

Between = Callable[[], None]


class Killed(BaseException):
    """The coordinator's process ends here."""


class Kill:
    """Dies at the ``at``-th place that is passed, counted from 0."""

    def __init__(self, at: int | None = None) -> None:
        self._left = at
        self.passed = 0

    def __call__(self) -> None:
        self.passed += 1
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Killed


def plan(source: str, target: str, *, settings: Mapping[str, str] | None = None, partitions: int = 2) -> Plan:
    return Plan(
        migration=f"{target}-migration",
        fingerprint="f" * 64,
        source=source,
        target=target,
        partitions=partitions,
        risk="transforming",
        lossy=False,
        has_reverse=True,
        topics=(TopicPlan(target, partitions, dict(settings or {}), hold_retention=True),),
    )


def context(of: Plan, **more: Any) -> Context:
    said = {"token": 7, "epoch": 1, "step_id": f"{of.migration}/apply/1750000000000/0"} | more
    return Context(of.migration, "local", of, "ada", "because", **said)


@dataclass(frozen=True, slots=True)
class Trial:
    """One effect in a world of its own. ``world`` is all that it may change, to compare.

    ``making`` gives the handler, as a new process has it.
    """

    making: Callable[[Between], Handler]
    effect: Effect
    context: Context
    world: Callable[[], Any]

    def begun(self) -> "Trial":
        """With the picture that is persisted before the effect is first tried."""
        return replace(
            self, context=replace(self.context, before=self.making(Kill()).before(self.effect, self.context))
        )

    def run(self, kill: Kill | None = None) -> Outcome:
        return self.making(kill or Kill()).run(self.effect, self.context)

    def revert(self, kill: Kill | None = None) -> Outcome:
        return self.making(kill or Kill()).revert(self.effect, self.context)

    def done(self) -> "Trial":
        """Run whole, with its evidence on record."""
        outcome = self.run()
        assert outcome.kind == "done", outcome
        return replace(self, context=replace(self.context, evidence=outcome.evidence))


def killed(act: Callable[[Kill], Outcome], at: int) -> bool:
    """Did it die at that place? False: it has fewer places, and came to its end."""
    try:
        outcome = act(Kill(at))
    except Killed:
        return True
    assert outcome.kind == "done", outcome
    return False
