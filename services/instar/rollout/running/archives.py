"""The old topic into an archive before it goes. What writes archives is another service: it is handed in."""

from collections.abc import Mapping
from typing import Any, Protocol

from instar.core.rollout.effect import ArchiveTopic, Effect
from instar.kafka.cluster import DEFAULT_MAX_MESSAGE_BYTES
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.handler import only
from instar.rollout.running.permissions import LOCK_SETTING


class Archiver(Protocol):
    def archive(self, topic: str, destination: str, settings: Mapping[str, str]) -> Outcome:
        """The whole topic in ``destination``, checked against the log.

        One that is whole there already is checked and is enough; one that was begun is gone on with. ``settings`` go
        into the archive instead of what the topic says now. Raises ``KafkaTrouble``.
        """
        ...


class Archives:
    """Runs ``ArchiveTopic``."""

    def __init__(self, archiver: Archiver) -> None:
        self._archiver = archiver

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002 - the port's method
        return {}

    def run(self, effect: Effect, context: Context) -> Outcome:
        asked = only(effect, ArchiveTopic)
        return self._archiver.archive(asked.topic, asked.destination, _unlocked(context))

    def revert(self, effect: Effect, context: Context) -> Outcome:  # noqa: ARG002 - the port's method
        """An archive is kept: nothing is lost by having it."""
        return Outcome("done", {"kept": only(effect, ArchiveTopic).destination})

    def happened(self, effect: Effect, context: Context) -> bool | None:  # noqa: ARG002 - the port's method
        """Not final: nobody needs to know."""
        return None


def _unlocked(context: Context) -> dict[str, str]:
    """The topic is locked by its largest batch, and what is brought back from the archive must not be.

    The plan has what the old topic's was, copied to the new one.
    """
    planned = next((one.settings for one in context.plan.topics if one.name == context.plan.target), {})
    return {LOCK_SETTING: planned.get(LOCK_SETTING, str(DEFAULT_MAX_MESSAGE_BYTES))}
