"""``TranslateGroup``: a consumer group leaves one topic and goes on in the other at exactly its record.

What has been said to the group tells how far that is, so that it is finished or taken back from wherever it broke off:

    read here (or nothing: the old topic)   the group reads *here*
    leave, for there                        its members leave; its offsets *here* are final once it is empty, and
                                            those *there* may be set already, from which nobody has read yet
    read there                              it has moved

So the way back from the middle needs no translation: the offsets that the group left with still stand.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from instar.clock import now_ms
from instar.core.rollout import effect as do
from instar.core.rollout.control_messages import GroupMessage, Said
from instar.core.rollout.effect import Effect
from instar.core.rollout.phase import Side
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.control import RolloutControl
from instar.rollout.running.reversible import Reversible

_SIDE = "side"
_MEMBERS_TOLD = 3


class Translator(Protocol):
    """Sets an empty group's offsets in the other topic. Done twice from one position it sets the same.

    ``switched`` are the target's ends at the switch, if the new topic has authority. waiting: the bridge has not
    published yet what the group has read. May raise ``KafkaTrouble``.
    """

    def __call__(self, migration: str, group: str, to: Side, switched: Mapping[int, int] | None) -> Outcome: ...


class TranslateGroupHandler(Reversible):
    """The picture is the side that the group reads."""

    def __init__(self, cluster: Cluster, control: RolloutControl, translate: Translator) -> None:
        self._cluster = cluster
        self._control = control
        self._translate = translate

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:
        """Raises ``Refused`` where the group is in the middle of a move that nobody has in hand."""
        group = _effect(effect).group
        there = self._control.read(context.migration).said.groups.get(group)
        if there is not None and there.order == "leave":
            return {_SIDE: _other(there.side)}
        return {_SIDE: _side(there)}

    def run(self, effect: Effect, context: Context) -> Outcome:
        return self._move(_effect(effect).group, _effect(effect).to, context)

    def revert(self, effect: Effect, context: Context) -> Outcome:
        side: Side = "new" if context.before.get(_SIDE) == "new" else "old"
        return self._move(_effect(effect).group, side, context)

    def _move(self, group: str, to: Side, context: Context) -> Outcome:
        said = self._control.take(context).said
        self._require_readable(said, group, context)
        there = said.groups.get(group)
        if there is None or there.order == "read":
            if _side(there) == to:
                return Outcome("done", {"side": to})
            self._control.write(context, [GroupMessage(group, "leave", to, context.token, now_ms())])
        elif there.side != to:
            # It was leaving ``to`` and nobody has read in the other topic: the offsets that it left with stand.
            return self._read(group, to, context, {"side": to, "offsets": "as they were"})
        members = self._cluster.members(group)
        if members is None:
            raise Refused("This broker does not tell who is in a consumer group.", "Use a real Kafka.")
        if members:
            listed = ", ".join(sorted(f"{each.name} ({each.host})" for each in members)[:_MEMBERS_TOLD])
            more = f" and {len(members) - _MEMBERS_TOLD} more" if len(members) > _MEMBERS_TOLD else ""
            return Outcome(
                "waiting",
                {"members": len(members)},
                f"group {group} has been asked to leave and still has {len(members)} members: {listed}{more}",
                "Managed consumers leave by themselves; stop the others.",
            )
        epoch = said.epoch
        switched = epoch.begun if epoch is not None and epoch.state == "open" and epoch.authority == "new" else None
        outcome = self._translate(context.migration, group, to, switched or None)
        if outcome.kind != "done":
            return outcome
        return self._read(group, to, context, {"side": to, **outcome.evidence})

    def _read(self, group: str, to: Side, context: Context, evidence: Mapping[str, Any]) -> Outcome:
        self._control.write(context, [GroupMessage(group, "read", to, context.token, now_ms())])
        return Outcome("done", evidence)

    def _require_readable(self, said: Said, group: str, context: Context) -> None:
        if any(key.endswith(f"/group/{group}") for key in said.unreadable):
            raise Refused(
                f"What the control topic says to group {group} of {context.migration} is damaged, or of a later "
                "version of instar.",
                "Use the version of instar that wrote it.",
            )


def _effect(effect: Effect) -> do.TranslateGroup:
    assert isinstance(effect, do.TranslateGroup)  # noqa: S101 - the runner dispatches by type
    return effect


def _side(message: GroupMessage | None) -> Side:
    return "old" if message is None else message.side


def _other(side: Side) -> Side:
    return "old" if side == "new" else "new"
