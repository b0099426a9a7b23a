"""Topics made and deleted. A topic is known by its id: another one of the same name is somebody else's (KIP-516)."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from instar.core.rollout.effect import CreateTopic, DeleteTopic, Effect
from instar.kafka.cluster import RETRY_EVERY_S, Cluster, Topic
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.handler import nothing, only
from instar.rollout.running.retention import HELD

# A broker that cannot reach the controller keeps a forwarded request for up to 60 s (BrokerToControllerChannelManager),
# and the controller gives one that it has no more than the request's own timeout of 15 s.
IN_FLIGHT_S = 80.0


class CreateTopics:
    """``between`` is called between two changes of the cluster."""

    def __init__(self, cluster: Cluster, between: Callable[[], None] = nothing) -> None:
        self._cluster = cluster
        self._between = between

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002 - the port's method
        """``{"id": hexadecimal, or None where there is no such topic}``."""
        return {"id": _id(self._cluster.find(only(effect, CreateTopic).topic))}

    def run(self, effect: Effect, context: Context) -> Outcome:
        """Evidence: the topic's id, and whether it was made for this."""
        asked = only(effect, CreateTopic)
        found = self._cluster.find(asked.topic)
        if found is None:
            if context.before.get("id") is not None:
                return Outcome(
                    "failed",
                    message=f"{asked.topic} was there when this was begun, and has been deleted since",
                    remedy="Find out who deleted it; `instar abandon`, then plan and apply again.",
                )
            self._cluster.create(asked.topic, asked.partitions, asked.settings)
            self._between()
            found = self._cluster.topic(asked.topic)
        against = differences(found, asked)
        if against:
            return Outcome(
                "failed",
                message=f"{asked.topic} is there, and is not as planned: {'; '.join(against)}",
                remedy="Change it to what is planned, delete it if nothing uses it, or plan again with another topic.",
            )
        return Outcome("done", {"id": _id(found), "made": context.before.get("id") is None})

    def revert(self, effect: Effect, context: Context) -> Outcome:
        """Deletes the topic that was made for this, and no other.

        Where making it was only begun its id is not known: then a topic that holds records is not the one.
        """
        asked = only(effect, CreateTopic)
        found = self._cluster.find(asked.topic)
        if found is None:
            return Outcome("done", {"deleted": False})
        if context.before.get("id") is not None:
            return Outcome("done", {"deleted": False, "why": "it was there before"})
        made = context.evidence.get("id")
        if made is not None and made != _id(found):
            return Outcome("done", {"deleted": False, "why": f"it is another topic now: {_id(found)}, not {made}"})
        if made is None and self._holds_records(found):
            return Outcome("done", {"deleted": False, "why": "it holds records, and nothing was carried into it yet"})
        self._between()
        self._cluster.delete(asked.topic)
        return Outcome("done", {"deleted": True, "id": _id(found)})

    def happened(self, effect: Effect, context: Context) -> bool | None:  # noqa: ARG002 - the port's method
        """Not final: nobody needs to know."""
        return None

    def _holds_records(self, topic: Topic) -> bool:
        return any(self._cluster.end_offsets(topic.name, range(topic.partitions)).values())


class DeleteTopics:
    """``in_flight_s``: how long a request whose answer was lost may still be carried out."""

    def __init__(
        self, cluster: Cluster, between: Callable[[], None] = nothing, *, in_flight_s: float = IN_FLIGHT_S
    ) -> None:
        self._cluster = cluster
        self._between = between
        self._in_flight_s = in_flight_s

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:  # noqa: ARG002 - the port's method
        """``{"id": hexadecimal, or None where there is no such topic}``."""
        return {"id": _id(self._cluster.find(only(effect, DeleteTopic).topic))}

    def run(self, effect: Effect, context: Context) -> Outcome:
        """Raises ``AmbiguousOutcome`` where the topic may go later."""
        topic = only(effect, DeleteTopic).topic
        found = self._cluster.find(topic)
        if found is None:
            return Outcome("done", {"id": context.before.get("id")})
        if _id(found) != context.before.get("id"):
            return Outcome("done", {"id": context.before.get("id"), "left": f"another topic of the name: {_id(found)}"})
        self._between()
        self._cluster.delete(topic)
        self._between()
        return Outcome("done", {"id": _id(found)})

    def revert(self, effect: Effect, context: Context) -> Outcome:  # noqa: ARG002 - the port's method
        raise TypeError("a topic that was deleted does not come back: DeleteTopic is final")

    def happened(self, effect: Effect, context: Context) -> bool | None:
        """False only once a request on its way has had its time: until then the topic may go yet, so it is watched."""
        topic = only(effect, DeleteTopic).topic
        deadline_s = time.monotonic() + self._in_flight_s
        while True:
            if _id(self._cluster.find(topic)) != context.before.get("id"):
                return True
            if time.monotonic() > deadline_s:
                return False
            time.sleep(RETRY_EVERY_S)


def differences(found: Topic, asked: CreateTopic) -> list[str]:
    """What is not as planned. Retention is not looked at: it is held, and set after the switch."""
    against = []
    if found.partitions != asked.partitions:
        against.append(f"{found.partitions} partitions, planned are {asked.partitions}")
    for name, wanted in sorted(asked.settings.items()):
        is_so = found.settings.get(name, "")
        if name not in HELD and _words(is_so) != _words(wanted):
            against.append(f"{name} = {is_so or 'not known'}, planned is {wanted}")
    return against


def _words(value: str) -> frozenset[str]:
    """``compact,delete`` and ``delete, compact`` mean the same."""
    return frozenset(word.strip() for word in value.split(","))


def _id(topic: Topic | None) -> str | None:
    return None if topic is None else topic.id.hex()
