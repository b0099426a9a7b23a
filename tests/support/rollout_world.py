"""A cluster to roll out in, small enough to compare whole: topics with records, producers, bridges, groups, control.

It has the semantics that the rollout leans on, not those it hopes for: producers go on writing at every moment, bridges
carry in order and skip their twin's copies, a control record of an older coordinator is refused once a newer one has
initialised the transactional id, and a write that is in flight may still arrive until then.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from instar.core.provenance import Direction
from instar.core.rollout.phase import Side

PARTITIONS = 2


@dataclass(frozen=True)
class Rec:
    """``id`` is the native record's. ``copied`` is the source offset of a bridge's copy, None of a native record."""

    id: str
    copied: int | None = None


@dataclass
class Topic:
    id: int
    settings: dict[str, str] = field(default_factory=dict)
    locked: bool = False
    parts: list[list[Rec]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])


@dataclass
class Producer:
    """A managed one follows the epoch record; another writes the old topic wherever it is allowed to."""

    managed: bool = True
    silent: bool = False  # managed, and does not answer
    acknowledged: int = 0


@dataclass
class World:
    source: str = "orders"
    target: str = "orders.v3"
    has_acls: bool = True
    topics: dict[str, Topic] = field(default_factory=dict)
    next_id: int = 1
    schemas: set[tuple[str, int]] = field(default_factory=set)
    checkpoints: dict[Direction, dict[int, int]] = field(default_factory=lambda: {"up": {}, "down": {}})
    bridges: dict[Direction, str] = field(default_factory=lambda: {"up": "", "down": ""})
    paused: dict[Direction, bool] = field(default_factory=lambda: {"up": False, "down": False})
    producers: dict[str, Producer] = field(default_factory=dict)
    permitted: dict[str, set[str]] = field(default_factory=dict)
    withdrawn: dict[str, set[str]] = field(default_factory=dict)
    epoch: dict[str, Any] = field(default_factory=lambda: {"epoch": 0, "authority": "old", "state": "open"})
    fence: int = 0
    in_flight: dict[str, Any] | None = None
    groups: dict[str, Side] = field(default_factory=dict)
    positions: dict[tuple[str, Side], dict[int, int]] = field(default_factory=dict)
    seen: dict[str, list[str]] = field(default_factory=dict)
    archives: dict[str, int] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    native: list[str] = field(default_factory=list)
    written_late: list[str] = field(default_factory=list)  # into a topic that lost authority, or before it had any

    def make(self, name: str, settings: dict[str, str]) -> None:
        self.topics[name] = Topic(self.next_id, dict(settings))
        self.next_id += 1
        self.permitted.setdefault(name, set(self.producers))
        self.withdrawn.setdefault(name, set())

    def name(self, side: Side) -> str:
        return self.source if side == "old" else self.target

    def ends(self, name: str) -> dict[int, int]:
        return {partition: len(records) for partition, records in enumerate(self.topics[name].parts)}

    def live(self) -> None:
        """A moment passes: everybody does what they would do."""
        for name, producer in self.producers.items():
            self._produce(name, producer)
        for direction in ("up", "down"):
            self.carry(direction)
        for group in self.groups:
            self.consume(group)

    def settle(self) -> None:
        """The last moment, without new records: bridges and consumers come to their ends."""
        for direction in ("up", "down", "up"):
            self.carry(direction)
        for group in self.groups:
            self.consume(group)

    def carry(self, direction: Direction) -> None:
        source, target = (self.source, self.target) if direction == "up" else (self.target, self.source)
        runs = self.bridges[direction] == "run" and not self.paused[direction]
        if not runs or source not in self.topics or target not in self.topics or self.topics[target].locked:
            return
        for partition, start in list(self.checkpoints[direction].items()):
            records = self.topics[source].parts[partition]
            for offset in range(start, len(records)):
                if records[offset].copied is None:
                    self.topics[target].parts[partition].append(Rec(records[offset].id, offset))
            self.checkpoints[direction][partition] = len(records)

    def consume(self, group: str) -> None:
        side = self.groups[group]
        if self.name(side) not in self.topics:
            return
        at = self.positions[group, side]
        for partition, records in enumerate(self.topics[self.name(side)].parts):
            self.seen[group] += [record.id for record in records[at[partition] :]]
            at[partition] = len(records)

    def translate(self, group: str, to: Side) -> bool:
        """Exactly, by what the group has read where it leaves. False: the bridge is not far enough yet."""
        side = self.groups[group]
        if side == to:
            return True
        here, there = self.topics[self.name(side)], self.topics[self.name(to)]
        direction: Direction = "up" if side == "old" else "down"
        if self.checkpoints[direction] and any(
            self.checkpoints[direction][partition] < offset for partition, offset in self.positions[group, side].items()
        ):
            return False
        found = {}
        for partition, offset in self.positions[group, side].items():
            read = {record.id for record in here.parts[partition][:offset]}
            records = there.parts[partition]
            found[partition] = next((n for n, record in enumerate(records) if record.id not in read), len(records))
        self.positions[group, to] = found
        self.groups[group] = to
        return True

    def lost_and_doubled(self) -> dict[str, tuple[int, int]]:
        """By group: how many native records it never saw, and how many it saw more than once."""
        everything = Counter(self.native)
        return {
            group: ((everything - Counter(seen)).total(), (Counter(seen) - everything).total())
            for group, seen in self.seen.items()
        }

    def summary(self) -> dict[str, Any]:
        """What a transition is to leave: everything but what depends on how much was written meanwhile."""
        return {
            "topics": {name: (topic.settings, topic.locked) for name, topic in sorted(self.topics.items())},
            "schemas": sorted(self.schemas),
            "checkpoints": {direction: sorted(parts) for direction, parts in self.checkpoints.items()},
            "bridges": dict(self.bridges),
            "paused": dict(self.paused),
            "permitted": {name: sorted(self.permitted[name]) for name in sorted(self.topics)},
            "authority": (self.epoch["authority"], self.epoch["state"]),
            "groups": dict(self.groups),
            "archives": sorted(self.archives),
            "messages": sorted(self.messages.values()),
        }

    def _produce(self, name: str, producer: Producer) -> None:
        closing = self.epoch["state"] == "closing"
        if producer.managed and not producer.silent:
            if closing:
                producer.acknowledged = self.epoch["epoch"]
                return
            side: Side = self.epoch["authority"]
        elif producer.managed:
            side = "old"
        else:
            side = "old"
        topic = self.topics.get(self.name(side))
        if topic is None or topic.locked or name not in self.permitted[self.name(side)]:
            return
        record = f"{name}-{len(self.native)}"
        if closing or side != self.epoch["authority"]:
            self.written_late.append(record)
        topic.parts[len(self.native) % PARTITIONS].append(Rec(record))
        self.native.append(record)


def shop(*, groups: Iterable[str] = ("billing", "search"), unmanaged: bool = False) -> World:
    """A source topic with some history, two managed producers and groups that read it."""
    world = World()
    world.producers = {"till": Producer(), "web": Producer()}
    if unmanaged:
        world.producers["legacy"] = Producer(managed=False)
    world.make(world.source, {"retention.ms": "604800000", "cleanup.policy": "delete"})
    for group in groups:
        world.groups[group] = "old"
        world.positions[group, "old"] = dict.fromkeys(range(PARTITIONS), 0)
        world.seen[group] = []
    for _ in range(3):
        world.live()
    return world
