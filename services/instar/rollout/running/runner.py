"""The runner of a real cluster: hands each effect to the handler of its type, and makes outcomes of troubles."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from instar.core.rollout.effect import EFFECTS, OWN, Effect, Undo
from instar.kafka.errors import AmbiguousOutcome, KafkaTrouble
from instar.registry.port import RegistryError
from instar.rollout.ports import Context, Outcome, RunnerTrouble
from instar.rollout.running.handler import Handler

_LOOK = "`instar status` shows where it stands; run the command again once this is mended."


class Runner:
    """An ``EffectRunner`` over handlers. Raises ValueError where an effect has none: found when it is wired."""

    def __init__(self, handlers: Mapping[type[Effect], Handler]) -> None:
        missing = [each.__name__ for each in EFFECTS if each not in handlers and each not in (*OWN, Undo)]
        if missing:
            raise ValueError(f"no handler for {', '.join(missing)}")
        self._handlers = handlers

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:
        if isinstance(effect, Undo):
            return {}
        try:
            return self._handlers[type(effect)].before(effect, context)
        except (KafkaTrouble, RegistryError) as seen:
            raise RunnerTrouble(str(seen), seen.remedy) from seen

    def run(self, effect: Effect, context: Context) -> Outcome:
        if isinstance(effect, Undo):
            return self.revert(effect.of, replace(context, before=effect.before, evidence=effect.evidence))
        return _outcome(lambda: self._handlers[type(effect)].run(effect, context))

    def revert(self, effect: Effect, context: Context) -> Outcome:
        return _outcome(lambda: self._handlers[type(effect)].revert(effect, context))

    def happened(self, effect: Effect, context: Context) -> bool | None:
        """None also where the cluster cannot be asked now: not knowing is an answer here."""
        if isinstance(effect, Undo):
            return None
        try:
            return self._handlers[type(effect)].happened(effect, context)
        except (KafkaTrouble, AmbiguousOutcome, RegistryError):
            return None


def _outcome(act: Callable[[], Outcome]) -> Outcome:
    """A trouble is a failure; one whose call may have reached the cluster is unknown."""
    try:
        return act()
    except AmbiguousOutcome as seen:
        return Outcome("unknown", message=str(seen), remedy=_LOOK)
    except (KafkaTrouble, RegistryError) as seen:
        return Outcome("failed", message=str(seen), remedy=seen.remedy or _LOOK)
