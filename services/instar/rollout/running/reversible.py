"""What most handlers share: nothing to take a picture of, nothing to undo, and no need to ask what became of it."""

from collections.abc import Mapping
from typing import Any

from instar.core.rollout.effect import Effect
from instar.rollout.ports import Context, Outcome


class Reversible:
    """The half of a ``Handler`` that an effect may not need. What an effect changes, its handler must say itself."""

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002
        """Nothing is changed, so there is no picture."""
        return {}

    def revert(self, effect: Effect, context: Context) -> Outcome:  # noqa: ARG002
        """Nothing was changed."""
        return Outcome("done")

    def happened(self, effect: Effect, context: Context) -> bool | None:  # noqa: ARG002
        """Asked of FINAL effects only. Raises TypeError."""
        raise TypeError(f"{effect} can be undone: nobody needs to ask whether it happened")
