"""How one kind of effect is run: the same four verbs as the runner's, for the effects that a handler is given."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from instar.core.rollout.effect import Effect
from instar.rollout.ports import Context, Outcome

E = TypeVar("E")


class Handler(Protocol):
    """Runs the effects of some types. What `EffectRunner` promises, each method promises for its effects.

    A handler may raise `KafkaTrouble` and `RegistryTrouble`: the runner makes outcomes of them (`runner.py`).
    """

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]: ...

    def run(self, effect: Effect, context: Context) -> Outcome: ...

    def revert(self, effect: Effect, context: Context) -> Outcome: ...

    def happened(self, effect: Effect, context: Context) -> bool | None: ...


def only(effect: Effect, kind: type[E]) -> E:
    """The effect, as one of the kind that its handler is for. TypeError where it was wired to another."""
    if not isinstance(effect, kind):
        raise TypeError(f"{type(effect).__name__} was handed to a handler of {kind.__name__}")
    return effect


def nothing() -> None:
    """What happens between two calls to the cluster; a test is killed there."""
