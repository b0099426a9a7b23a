"""``StartBridge``, ``StopBridge``, ``PauseBridge``: orders to workers that run somewhere else.

A worker is seen where its consumer group has a member: nothing else about it can be asked of Kafka.
"""

from collections.abc import Mapping
from typing import Any, Literal

from instar.clock import now_ms
from instar.core import control
from instar.core.checkpoint import group_of
from instar.core.control import PAUSE, Asked, entry
from instar.core.provenance import Direction
from instar.core.rollout import effect as do
from instar.core.rollout.control_messages import BridgeMessage, key_of
from instar.core.rollout.effect import Effect
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.control import RolloutControl, Standing
from instar.rollout.running.reversible import Reversible

Order = Literal["run", "stop"]
_ORDER, _PAUSE = "order", "pause"


class BridgeHandler(Reversible):
    """All three. The picture is the order and the pause that stand, empty where there is none."""

    def __init__(self, cluster: Cluster, rollout: RolloutControl) -> None:
        self._cluster = cluster
        self._control = rollout

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:
        direction = _direction(effect)
        standing = self._control.read(context.migration)
        pause = standing.entries.get(_pause_key(context, direction), b"")
        return {_ORDER: _order(standing, direction), _PAUSE: pause.decode("utf-8", "replace")}

    def run(self, effect: Effect, context: Context) -> Outcome:
        direction = _direction(effect)
        match effect:
            case do.PauseBridge():
                standing = self._control.take(context)
                key = _pause_key(context, direction)
                if key not in standing.entries:
                    pause = entry(Asked(context.actor, now_ms(), effect.why))
                    self._control.write(context, [], {key: pause})
                return Outcome("done")
            case do.StartBridge():
                self._ask(context, direction, "run", paused=False)
                return self._seen_running(context, direction)
            case _:
                self._ask(context, direction, "stop")
                return self._seen_stopped(context, direction)

    def revert(self, effect: Effect, context: Context) -> Outcome:
        """The order and the pause of before; it is not waited for what workers make of them."""
        direction = _direction(effect)
        standing = self._control.take(context)
        order, pause = str(context.before[_ORDER]), str(context.before[_PAUSE]).encode() or None
        key = _pause_key(context, direction)
        changed: dict[str, bytes | None] = {}
        messages = []
        if not isinstance(effect, do.StopBridge) and standing.entries.get(key) != pause:
            changed[key] = pause
        if not isinstance(effect, do.PauseBridge) and _order(standing, direction) != order:
            message = BridgeMessage(direction, "stop" if order == "stop" else "run", context.token, now_ms())
            if order:
                messages.append(message)
            else:
                changed[key_of(context.migration, message)] = None
        if messages or changed:
            self._control.write(context, messages, changed)
        return Outcome("done")

    def _ask(self, context: Context, direction: Direction, order: Order, *, paused: bool = True) -> None:
        standing = self._control.take(context)
        key = _pause_key(context, direction)
        lifted: dict[str, bytes | None] = {key: None} if not paused and key in standing.entries else {}
        stands = _order(standing, direction) == order
        if not stands or lifted:
            messages = [] if stands else [BridgeMessage(direction, order, context.token, now_ms())]
            self._control.write(context, messages, lifted)

    def _members(self, context: Context, direction: Direction) -> list[str]:
        found = self._cluster.members(group_of(context.migration, direction))
        if found is None:
            raise Refused("This broker does not tell who is in a consumer group.", "Use a real Kafka.")
        return sorted(f"{member.name} ({member.host})" for member in found)

    def _seen_running(self, context: Context, direction: Direction) -> Outcome:
        found = self._members(context, direction)
        if found:
            return Outcome("done", {"workers": found})
        return Outcome(
            "waiting",
            message=f"no worker of the {direction} bridge of {context.migration} is seen",
            remedy=f"Start `instar worker {context.migration} --direction {direction}` where its workers belong.",
        )

    def _seen_stopped(self, context: Context, direction: Direction) -> Outcome:
        found = self._members(context, direction)
        if not found:
            return Outcome("done")
        return Outcome(
            "waiting",
            {"workers": found},
            f"{len(found)} workers of the {direction} bridge of {context.migration} still run: {', '.join(found)}",
            "They end by themselves; one that cannot read the control topic must be stopped by hand.",
        )


def _direction(effect: Effect) -> Direction:
    assert isinstance(effect, do.StartBridge | do.StopBridge | do.PauseBridge)  # noqa: S101 - dispatched by type
    return effect.direction


def _order(standing: Standing, direction: Direction) -> str:
    asked = standing.said.bridges.get(direction)
    return "" if asked is None else asked.order


def _pause_key(context: Context, direction: Direction) -> str:
    return control.key(context.migration, direction, PAUSE)
