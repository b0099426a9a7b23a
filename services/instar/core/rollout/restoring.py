"""What the control topic must say of a migration, rebuilt from its rollout and its ledger after the topic was lost.

The ledger has every switch record with its ends, so that the windows in which the new topic had authority can be told
again; the rollout has the groups that moved and the transition in progress. What operators ask of workers themselves
(pauses, rates, partitions read by name) is in the topic alone and cannot be told again.

A barrier in progress is told as ``closing`` as long as it has not come to its record. One whose record was begun and is
in doubt is told as done: producers may have read that record, and then going on is the only right way.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from instar.core.control import PAUSE, Asked, entry, key
from instar.core.ledger import Entry
from instar.core.provenance import Direction
from instar.core.rollout.control_messages import (
    BridgeMessage,
    EpochMessage,
    GroupMessage,
    Message,
    Said,
    key_of,
    said_of,
    value_of,
)
from instar.core.rollout.effect import CloseEpoch, TranslateGroup, WriteEpoch
from instar.core.rollout.state import Rollout, Step, Underway

_BEFORE_ANY = EpochMessage(0, "old", "open", 0, 0)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Store and ledger, or store and topic, do not agree: nothing may be written. ``why`` in words."""

    why: str


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """All that the topic must say. ``pauses`` are those that limits asked for, by key."""

    migration: str
    epoch: EpochMessage
    groups: Mapping[str, GroupMessage] = field(default_factory=dict)
    bridges: Mapping[str, BridgeMessage] = field(default_factory=dict)
    pauses: Mapping[str, bytes] = field(default_factory=dict)


def rebuilt(rollout: Rollout, entries: Iterable[Entry], token: int, now_ms: int) -> Rebuilt | Contradiction:
    """``entries`` are the ledger's of this migration, in order; ``token`` is the lease's of whoever writes it."""
    told = [(each, json.loads(each.details)) for each in entries]
    record = _record(rollout, told)
    if isinstance(record, Contradiction):
        return record
    orders, paused = _asked_of_bridges(told)
    return Rebuilt(
        rollout.migration,
        replace(_in_progress(rollout.underway, record, now_ms), token=token),
        {each.group: each for each in _groups(rollout, token, now_ms)},
        {side: BridgeMessage(side, order, token, now_ms) for side, order in orders.items()},
        {key(rollout.migration, side, PAUSE): entry(asked) for side, asked in paused.items()} if rollout.paused else {},
    )


def missing(entries: Mapping[str, bytes], wanted: Rebuilt) -> dict[str, bytes] | Contradiction:
    """Which entries the topic lacks, by key; what it says beside them must be what the store knows."""
    said = said_of(wanted.migration, entries)
    why = _against(said, wanted)
    if why:
        return Contradiction(why)
    lacks: list[Message] = []
    if said.epoch is None or _rank(said.epoch) < _rank(wanted.epoch):
        lacks.append(wanted.epoch)
    lacks += [each for group, each in wanted.groups.items() if group not in said.groups]
    lacks += [each for side, each in wanted.bridges.items() if side not in said.bridges]
    found = {key_of(wanted.migration, each): value_of(each) for each in lacks}
    return found | {name: value for name, value in wanted.pauses.items() if name not in entries}


def _against(said: Said, wanted: Rebuilt) -> str:
    if said.unreadable:
        return f"{', '.join(sorted(said.unreadable))} cannot be read: damaged, or of a later version of instar"
    there, ours = said.epoch, wanted.epoch
    if (
        there is not None
        and _rank(there) >= _rank(ours)
        and replace(there, token=0, at_ms=0) != replace(ours, token=0, at_ms=0)
    ):
        return (
            f"the topic has epoch {there.epoch} ({there.state}, authority {there.authority}), and the state store "
            f"knows epoch {ours.epoch} ({ours.state}, authority {ours.authority})"
        )
    for name, group in said.groups.items():
        known = wanted.groups.get(name)
        expected = ("read", "old") if known is None else (known.order, known.side)
        if (group.order, group.side) != expected:
            return f"the topic says to group {name}: {group.order} {group.side}, and the state store {expected}"
    for side, bridge in said.bridges.items():
        order = wanted.bridges.get(side)
        if order is None or order.order != bridge.order:
            return f"the topic asks the {side} bridge to {bridge.order}, which the state store does not know"
    return ""


def _rank(epoch: EpochMessage) -> tuple[int, bool]:
    """Which record is later: an open one follows the closing one of its number."""
    return epoch.epoch, epoch.state == "open"


def _record(rollout: Rollout, told: list[tuple[Entry, Any]]) -> EpochMessage | Contradiction:
    """The record in force, with the windows of all before it. Each is in the ledger, with the evidence of its step."""
    found = _BEFORE_ANY
    for line, details in told:
        effect, said = details.get("effect"), details.get("evidence")
        if not isinstance(effect, dict) or effect.get("do") != WriteEpoch.__name__ or not said:
            continue
        if said["authority"] == found.authority:
            return Contradiction(
                f"entry {line.number} gives authority to the topic that has it: one before it is missing"
            )
        found = _next(found, said["epoch"], said["authority"], _numbers(said["B"]), _numbers(said["T"]))
        found = replace(found, at_ms=int(said["at_ms"]))
    known = rollout.record
    ends = ({}, {}) if known is None else (dict(known.left), dict(known.begun))
    if (found.epoch, found.authority, found.left, found.begun) != (rollout.epoch, rollout.authority, *ends):
        return Contradiction(
            f"the rollout is in epoch {rollout.epoch} with authority {rollout.authority}, and the ledger's last record "
            f"is epoch {found.epoch} with authority {found.authority}, or has other ends"
        )
    return found


def _next(
    before: EpochMessage, epoch: int, authority: Any, left: Mapping[int, int], begun: Mapping[int, int]
) -> EpochMessage:
    windows = before.windows_after(authority, left, begun)
    return EpochMessage(int(epoch), authority, "open", 0, 0, left, begun, windows)


def _in_progress(underway: Underway | None, record: EpochMessage, now_ms: int) -> EpochMessage:
    """The record as a barrier in progress has left it."""
    if underway is None:
        return record
    closes, writes = _step(underway, CloseEpoch), _step(underway, WriteEpoch)
    if closes is None or closes.progress not in ("tried", "done") or (writes and writes.progress == "done"):
        return record
    effect = closes.effect
    if not isinstance(effect, CloseEpoch):
        return record
    if writes is not None and writes.progress == "tried" and not underway.reverting:
        made = _next(record, effect.epoch, effect.authority, underway.offsets("B"), underway.offsets("T"))
        return replace(made, at_ms=now_ms)
    return EpochMessage(effect.epoch, effect.authority, "closing", 0, now_ms, windows=record.windows)


def _groups(rollout: Rollout, token: int, now_ms: int) -> list[GroupMessage]:
    """Those that read the new topic; one that is on its way stays stopped until it is gone on with."""
    found = {group: GroupMessage(group, "read", "new", token, now_ms) for group in rollout.moved}
    for step in () if rollout.underway is None or rollout.underway.reverting else rollout.underway.steps:
        if isinstance(step.effect, TranslateGroup) and step.progress == "tried":
            group = step.effect.group
            found[group] = GroupMessage(group, "leave", step.effect.to, token, now_ms)
    return list(found.values())


Order = Literal["run", "stop"]


def _asked_of_bridges(
    told: list[tuple[Entry, Any]],
) -> tuple[dict[Direction, Order], dict[Direction, Asked]]:
    """What each direction's workers were asked for last, and whom a limit has paused and nobody asked to run since."""
    orders: dict[Direction, Order] = {}
    paused: dict[Direction, Asked] = {}
    pictures: dict[tuple[str, Direction], str] = {}
    for line, details in told:
        effect = details.get("effect")
        if not isinstance(effect, dict) or effect.get("do") not in ("StartBridge", "StopBridge", "PauseBridge"):
            continue
        what, side = str(effect["do"]), effect["direction"]
        if "before" in details:
            pictures[what, side] = str(details["before"].get("order", ""))
        undone = str(details.get("note", "")).startswith("undone: ")
        match what, undone:
            case "PauseBridge", False:
                paused[side] = Asked(line.actor, line.at_ms, str(effect["why"]))
            case "PauseBridge", True:
                paused.pop(side, None)
            case _, True if not pictures.get((what, side)):
                orders.pop(side, None)
            case _, True:
                orders[side] = "stop" if pictures[what, side] == "stop" else "run"
            case "StartBridge", _:
                orders[side] = "run"
                paused.pop(side, None)
            case _:
                orders[side] = "stop"
    return orders, paused


def _step(underway: Underway, kind: type[CloseEpoch | WriteEpoch]) -> Step | None:
    return next((step for step in underway.steps if isinstance(step.effect, kind)), None)


def _numbers(said: Mapping[str, Any]) -> dict[int, int]:
    return {int(partition): int(offset) for partition, offset in said.items()}
