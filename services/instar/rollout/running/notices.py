"""Telling people. Who they are and how they are reached is handed in."""

from collections.abc import Mapping
from typing import Any, Protocol

from instar.core.rollout.effect import Effect, Notify
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.handler import only


class Notifier(Protocol):
    def notify(self, message_id: str, subject: str, text: str, context: Context) -> Mapping[str, Any]:
        """Who was reached, and why others were not, as plain JSON; raises nothing for what the world does.

        A step that is run again sends the same id again, so that a receiver can tell.
        """
        ...


class Notices:
    """Runs ``Notify``: done whoever is reached, since a rollout does not wait for a webhook."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002 - the port's method
        return {}

    def run(self, effect: Effect, context: Context) -> Outcome:
        asked = only(effect, Notify)
        return Outcome("done", dict(self._notifier.notify(context.step_id, asked.subject, asked.text, context)))

    def revert(self, effect: Effect, context: Context) -> Outcome:  # noqa: ARG002 - the port's method
        """What was said was said."""
        return Outcome("done")

    def happened(self, effect: Effect, context: Context) -> bool | None:  # noqa: ARG002 - the port's method
        """Not final: nobody needs to know."""
        return None
