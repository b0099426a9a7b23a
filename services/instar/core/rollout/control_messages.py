"""What coordinator, producers, consumers and bridges tell each other through the control topic.

The topic is compacted, one partition (instar.core.control). A rollout's keys begin with the migration and ``rollout``,
which is no direction, so they are none of the orders that workers follow:

    orders-v3/rollout/epoch                 the one record: who has authority, or is to get it (``EpochMessage``)
    orders-v3/rollout/producer/till         a managed producer says that it is there (``ProducerMessage``)
    orders-v3/rollout/ack/till              ... and that it has stopped for an epoch (``Acknowledgement``)
    orders-v3/rollout/group/billing         where a consumer group's members are to read (``GroupMessage``)
    orders-v3/rollout/bridge/down           whether a direction's workers are to run (``BridgeMessage``)

Every value has ``format`` and the fencing ``token`` or the name of who wrote it. What a reader does not understand, a
later format included, it must treat as ``closing``: not writing is the only answer that is safe under both.

A managed producer may write its side's topic exactly while the newest epoch record is open, names its side and is the
one that it has acted upon. On ``closing`` it commits or aborts what is open, writes nothing more, and acknowledges that
epoch number; an acknowledgement of any other number counts for nothing. An attempt that is undone puts the open record
of before back, with its lower number; the next attempt's is higher than both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from instar.core.provenance import Direction
from instar.core.rollout.phase import Side
from instar.core.rollout.state import EpochRecord

FORMAT = 1
ROLLOUT, EPOCH, PRODUCER, ACK, GROUP, BRIDGE = "rollout", "epoch", "producer", "ack", "group", "bridge"


Window = tuple[int, int | None]
"""Offsets from the first on, up to and without the second; None: to this day."""
Windows = Mapping[int, Window]
"""One epoch's, by partition."""


@dataclass(frozen=True, slots=True)
class EpochMessage:
    """``authority`` is who has it where ``state`` is open, who is to get it where it is closing.

    ``left`` (B) and ``begun`` (T) are the ends by partition; empty for epoch 0 and while closing. ``windows`` tell of
    every epoch, this one included, in which the new topic had authority: nobody could say that of a compacted topic
    otherwise, and a verifier must, since what producers wrote in between is not a bridge's.
    """

    epoch: int
    authority: Side
    state: Literal["open", "closing"]
    token: int
    at_ms: int
    left: Mapping[int, int] = field(default_factory=dict)
    begun: Mapping[int, int] = field(default_factory=dict)
    windows: tuple["Windows", ...] = ()

    def windows_of(self, partition: int) -> tuple["Window", ...]:
        """The offsets of a partition of the new topic at which producers might write it."""
        return tuple(each[partition] for each in self.windows if partition in each)

    def windows_after(
        self, authority: Side, left: Mapping[int, int], begun: Mapping[int, int]
    ) -> tuple["Windows", ...]:
        """Those of the next epoch, whose ends are ``left`` (B) and ``begun`` (T)."""
        if authority == "new":
            return (*self.windows, {partition: (offset, None) for partition, offset in begun.items()})
        return tuple(
            {number: (since, left.get(number) if until is None else until) for number, (since, until) in each.items()}
            for each in self.windows
        )

    @property
    def record(self) -> EpochRecord | None:
        """The switch record; None while closing and before the first switch."""
        if self.state == "closing" or self.epoch == 0:
            return None
        return EpochRecord(self.epoch, self.authority, self.left, self.begun, self.at_ms)


@dataclass(frozen=True, slots=True)
class ProducerMessage:
    """``seen_ms``: when it last said so. ``principal``: whose write permission would stop it, where it knows."""

    producer: str
    seen_ms: int
    owner: str = ""
    principal: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Everything that the producer wrote is committed or aborted, and it writes nothing until an open record."""

    producer: str
    epoch: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class GroupMessage:
    """leave: members stop and leave, so that the offsets of an empty group can be set. read: start on ``side``."""

    group: str
    order: Literal["leave", "read"]
    side: Side
    token: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class BridgeMessage:
    """What a direction's workers are asked for; who supervises them does it."""

    direction: Direction
    order: Literal["run", "stop"]
    token: int
    at_ms: int


Message = EpochMessage | ProducerMessage | Acknowledgement | GroupMessage | BridgeMessage


@dataclass(frozen=True, slots=True)
class Said:
    """All that stands for one migration. ``unreadable`` are keys of a later format or damaged."""

    epoch: EpochMessage | None = None
    producers: Mapping[str, ProducerMessage] = field(default_factory=dict)
    acknowledged: Mapping[str, Acknowledgement] = field(default_factory=dict)
    groups: Mapping[str, GroupMessage] = field(default_factory=dict)
    bridges: Mapping[str, BridgeMessage] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()

    def may_write(self, side: Side) -> bool:
        """May a managed producer write this side? Before any record the old topic is written."""
        if any(key.endswith(f"/{ROLLOUT}/{EPOCH}") for key in self.unreadable):
            return False
        if self.epoch is None:
            return side == "old"
        return self.epoch.state == "open" and self.epoch.authority == side

    def silent(self, epoch: int) -> tuple[str, ...]:
        """The managed producers that have not acknowledged this very epoch, by name."""
        return tuple(
            name
            for name in sorted(self.producers)
            if name not in self.acknowledged or self.acknowledged[name].epoch != epoch
        )


def key_of(migration: str, message: Message) -> str:
    match message:
        case EpochMessage():
            return f"{migration}/{ROLLOUT}/{EPOCH}"
        case ProducerMessage(producer):
            return f"{migration}/{ROLLOUT}/{PRODUCER}/{producer}"
        case Acknowledgement(producer):
            return f"{migration}/{ROLLOUT}/{ACK}/{producer}"
        case GroupMessage(group):
            return f"{migration}/{ROLLOUT}/{GROUP}/{group}"
        case BridgeMessage(direction):
            return f"{migration}/{ROLLOUT}/{BRIDGE}/{direction}"


def value_of(message: Message) -> bytes:
    """Compact JSON with ``format``. Partitions are text keys, since JSON has no others."""
    said: dict[str, Any] = {"format": FORMAT}
    match message:
        case EpochMessage():
            said |= {"epoch": message.epoch, "authority": message.authority, "state": message.state}
            said |= {"token": message.token, "at_ms": message.at_ms, "B": _texts(message.left)}
            said |= {"T": _texts(message.begun)}
            said["windows"] = [
                {str(number): list(window) for number, window in sorted(each.items())} for each in message.windows
            ]
        case ProducerMessage():
            said |= {"producer": message.producer, "seen_ms": message.seen_ms}
            said |= {"owner": message.owner, "principal": message.principal}
        case Acknowledgement():
            said |= {"producer": message.producer, "epoch": message.epoch, "at_ms": message.at_ms}
        case GroupMessage():
            said |= {"group": message.group, "order": message.order, "side": message.side}
            said |= {"token": message.token, "at_ms": message.at_ms}
        case BridgeMessage():
            said |= {"direction": message.direction, "order": message.order}
            said |= {"token": message.token, "at_ms": message.at_ms}
    return orjson.dumps(said)


def said_of(migration: str, entries: Mapping[str, bytes]) -> Said:
    """From the topic's entries by key; those of others are left alone. Bad values are named, never raised."""
    prefix = f"{migration}/{ROLLOUT}/"
    messages: list[Message] = []
    unreadable: set[str] = set()
    for key, value in entries.items():
        if not key.startswith(prefix):
            continue
        message = read(key.removeprefix(prefix), value)
        if message is None:
            unreadable.add(key)
        else:
            messages.append(message)
    return Said(
        epoch=next((each for each in messages if isinstance(each, EpochMessage)), None),
        producers={each.producer: each for each in messages if isinstance(each, ProducerMessage)},
        acknowledged={each.producer: each for each in messages if isinstance(each, Acknowledgement)},
        groups={each.group: each for each in messages if isinstance(each, GroupMessage)},
        bridges={each.direction: each for each in messages if isinstance(each, BridgeMessage)},
        unreadable=frozenset(unreadable),
    )


def read(what: str, value: bytes) -> Message | None:
    """One entry; ``what`` is its key after ``rollout/``. None where it says nothing that we understand."""
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        return None
    kind = what.partition("/")[0]
    try:
        message = _message(kind, said)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    # The key is what compaction goes by: a value under another's key would stand for the wrong one.
    return message if message is not None and key_of("", message) == f"/{ROLLOUT}/{what}" else None


def _message(kind: str, said: Mapping[str, Any]) -> Message | None:
    match kind:
        case "epoch":
            return EpochMessage(
                int(said["epoch"]),
                _side(said["authority"]),
                _one_of(said["state"], "open", "closing"),
                int(said["token"]),
                int(said["at_ms"]),
                _numbers(said["B"]),
                _numbers(said["T"]),
                tuple(_windows(each) for each in said.get("windows", ())),
            )
        case "producer":
            owner, principal = str(said.get("owner", "")), str(said.get("principal", ""))
            return ProducerMessage(str(said["producer"]), int(said["seen_ms"]), owner, principal)
        case "ack":
            return Acknowledgement(str(said["producer"]), int(said["epoch"]), int(said["at_ms"]))
        case "group":
            order = _one_of(said["order"], "leave", "read")
            return GroupMessage(str(said["group"]), order, _side(said["side"]), int(said["token"]), int(said["at_ms"]))
        case "bridge":
            direction = _one_of(said["direction"], "up", "down")
            return BridgeMessage(
                direction, _one_of(said["order"], "run", "stop"), int(said["token"]), int(said["at_ms"])
            )
        case _:
            return None


def _side(value: Any) -> Side:
    side: Side = _one_of(value, "old", "new")
    return side


def _one_of(value: Any, *allowed: str) -> Any:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {allowed}")
    return value


def _texts(offsets: Mapping[int, int]) -> dict[str, int]:
    return {str(partition): offset for partition, offset in sorted(offsets.items())}


def _numbers(said: Mapping[str, Any]) -> dict[int, int]:
    return {int(partition): int(offset) for partition, offset in said.items()}


def _windows(said: Mapping[str, Any]) -> dict[int, Window]:
    return {
        int(partition): (int(since), None if until is None else int(until))
        for partition, (since, until) in said.items()
    }
