"""Retention held while history is carried, and let go after the switch. Only what was given is given back."""

from collections.abc import Callable, Mapping
from typing import Any

from instar.core.rollout.effect import Effect, HoldRetention, ReleaseRetention
from instar.kafka.cluster import Cluster
from instar.kafka.topic_settings import given, put
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.handler import nothing, only

_DAY_MS = 86_400_000

HELD: Mapping[str, str] = {
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "CreateTime",
    # Replayed records are old, and a broker may refuse what is (KIP-937).
    "message.timestamp.before.max.ms": str(2**63 - 1),
    # Tombstones too: one that goes early lets history bring back what was deleted. Ten years, which a broker can add to
    # the time without overflow.
    "delete.retention.ms": str(3_650 * _DAY_MS),
}


class Retention:
    """Runs ``HoldRetention`` and ``ReleaseRetention``. ``between`` is called between two changes of the cluster."""

    def __init__(self, cluster: Cluster, between: Callable[[], None] = nothing) -> None:
        self._cluster = cluster
        self._between = between

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002 - the port's method
        """``{"id": hexadecimal, "given": {name: value}}``: those of the held settings that somebody gave the topic."""
        topic = _topic(effect)
        found = self._cluster.topic(topic)
        return {"id": found.id.hex(), "given": _held(given(self._cluster, topic))}

    def run(self, effect: Effect, context: Context) -> Outcome:
        topic = _topic(effect)
        found = self._cluster.topic(topic)
        if found.id.hex() != context.before.get("id"):
            return Outcome(
                "failed",
                message=f"{topic} was deleted and made again since this was begun",
                remedy="Find out who did that; what was carried into it is lost, so abandon and apply again.",
            )
        wanted = wanted_settings(effect)
        self._between()
        put(self._cluster, topic, wanted)
        self._between()
        return Outcome("done", {"settings": wanted})

    def revert(self, effect: Effect, context: Context) -> Outcome:
        topic = _topic(effect)
        found = self._cluster.find(topic)
        if found is None or found.id.hex() != context.before.get("id"):
            return Outcome("done", {"left": f"{topic} is gone, or another topic of the name"})
        before: Mapping[str, str] = context.before["given"]
        self._between()
        put(self._cluster, topic, {name: before.get(name) for name in HELD})
        self._between()
        return Outcome("done", {"settings": dict(before)})

    def happened(self, effect: Effect, context: Context) -> bool | None:  # noqa: ARG002 - the port's method
        """Not final: nobody needs to know."""
        return None


def wanted_settings(effect: Effect) -> dict[str, str | None]:
    """What to set; None: not given. What is held and not planned goes back to the cluster's default."""
    if isinstance(effect, HoldRetention):
        return dict(HELD)
    planned = only(effect, ReleaseRetention).settings
    return {name: planned.get(name) for name in HELD}


def _topic(effect: Effect) -> str:
    return effect.topic if isinstance(effect, HoldRetention) else only(effect, ReleaseRetention).topic


def _held(settings: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if name in HELD}
