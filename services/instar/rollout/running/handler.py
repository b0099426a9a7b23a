"""How one kind of effect is run: the same four verbs as the runner's, for the effects that a handler is given."""

from collections.abc import Mapping
from typing import Any, Protocol

from instar.core.rollout.effect import Effect
from instar.rollout.ports import Context, Outcome


class Handler(Protocol):
    """Runs the effects of some types. What `EffectRunner` promises, each method promises for its effects.

    A handler may raise `KafkaTrouble` and `RegistryTrouble`: the runner makes outcomes of them (`runner.py`).
    """

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]: ...

    def run(self, effect: Effect, context: Context) -> Outcome: ...

    def revert(self, effect: Effect, context: Context) -> Outcome: ...

    def happened(self, effect: Effect, context: Context) -> bool | None: ...
