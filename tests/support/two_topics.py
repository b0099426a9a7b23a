"""One partition of a migration's two topics with a bridge each way, as a random history leaves them.

Nothing here knows how positions are translated: what a group has read is told by links between the records, kept
while they are made.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from instar.core import redrive
from instar.core.provenance import Direction, Stamp
from instar.core.record import Record
from instar.core.redrive import LetterPosition
from instar.core.translate import Lane, Log

MIGRATION = "orders-v3"
SIDES: tuple[Direction, Direction] = ("up", "down")
TWIN: dict[Direction, Direction] = {"up": "down", "down": "up"}


@dataclass(slots=True)
class Made:
    """A record of a topic. ``of`` is the offset, in the other topic, that it is a copy of."""

    record: Record
    kind: str = "plain"  # what the bridge makes of it: plain, fan-out, drop, letter
    of: int | None = None
    redriven: bool = False


@dataclass(slots=True)
class Bridge:
    """``up`` reads the old topic, ``down`` the new one."""

    direction: Direction
    checkpoint: int | None = None
    letters: set[int] = field(default_factory=set)  # outstanding
    redriven: set[int] = field(default_factory=set)


class TwoTopics:
    """``logs["up"]`` is what the up bridge reads (the old topic), ``logs["down"]`` what the down bridge reads."""

    def __init__(self, random: Random, *, bridges: Iterable[Direction] = SIDES, keys: int = 6) -> None:
        self._random = random
        self._keys = keys
        self.logs: dict[Direction, list[Made]] = {"up": [], "down": []}
        self.starts: dict[Direction, int] = {"up": 0, "down": 0}
        self.ends: dict[Direction, int] = {"up": 0, "down": 0}
        self.bridges = {side: Bridge(side, 0 if side in bridges else None) for side in SIDES}
        self._made = 0

    def topic_id(self, side: Direction) -> bytes:
        return bytes([SIDES.index(side) + 1]) * 16

    def write(self, side: Direction, kind: str = "plain") -> None:
        """A native record."""
        self._made += 1
        key = b"%d" % self._random.randrange(self._keys)
        self._append(side, kind, key, b"%d" % self._made, (), None, redriven=False)

    def gap(self, side: Direction) -> None:
        """Markers and aborted records."""
        self.ends[side] += self._random.randint(1, 3)

    def carry(self, direction: Direction, records: int) -> None:
        """The bridge publishes what it reads next and commits behind it."""
        bridge = self.bridges[direction]
        assert bridge.checkpoint is not None
        for made in list(self.logs[direction]):
            if not records:
                return
            offset = made.record.offset
            if offset < bridge.checkpoint:
                continue
            bridge.checkpoint = offset + 1
            records -= 1
            if made.of is None:
                if made.kind == "letter":
                    bridge.letters.add(offset)
                elif made.kind != "drop":
                    self._publish(direction, made, redriven=False)
        if records:
            bridge.checkpoint = self.ends[direction]

    def redrive(self, direction: Direction) -> None:
        bridge = self.bridges[direction]
        if bridge.letters:
            offset = self._random.choice(sorted(bridge.letters))
            bridge.letters.discard(offset)
            bridge.redriven.add(offset)
            made = next((one for one in self.logs[direction] if one.record.offset == offset), None)
            if made is not None:
                self._publish(direction, made, redriven=True)

    def discard(self, direction: Direction) -> None:
        bridge = self.bridges[direction]
        if bridge.letters:
            bridge.letters.discard(self._random.choice(sorted(bridge.letters)))

    def compact(self, side: Direction) -> None:
        """Any record but the last of its key may go."""
        last = {one.record.key: one.record.offset for one in self.logs[side]}
        self.logs[side] = [
            one for one in self.logs[side] if last[one.record.key] == one.record.offset or self._random.random() < 0.5
        ]

    def expire(self, side: Direction, start: int) -> None:
        self.starts[side] = max(self.starts[side], start)
        self.logs[side] = [one for one in self.logs[side] if one.record.offset >= start]

    def log(self, side: Direction) -> Log:
        def read(start: int, bound: int) -> Iterable[Record]:
            assert start >= self.starts[side], "a consumer would have no such offset"
            return (one.record for one in self.logs[side] if start <= one.record.offset < bound)

        return Log(read, self.starts[side], self.ends[side])

    def lane(self, direction: Direction) -> Lane:
        bridge = self.bridges[direction]
        return Lane(
            MIGRATION,
            direction,
            self.topic_id(direction),
            bridge.checkpoint,
            frozenset(bridge.letters),
            frozenset(bridge.redriven),
        )

    def _publish(self, direction: Direction, made: Made, *, redriven: bool) -> None:
        count = 3 if made.kind == "fan-out" else 1
        stamp = Stamp(MIGRATION, direction, self.topic_id(direction), 0)
        for index in range(count):
            key, value = made.record.key, b"%s/%d" % (made.record.value or b"", index)
            headers = (stamp.header(made.record.offset, index, count, key, value),)
            if redriven:
                headers = (*headers, redrive.marker(LetterPosition(bytes(16), 0, made.record.offset)))
            self._append(TWIN[direction], "plain", key, value, headers, made.record.offset, redriven=redriven)

    def _append(
        self,
        side: Direction,
        kind: str,
        key: bytes | None,
        value: bytes,
        headers: tuple[tuple[str, bytes], ...],
        of: int | None,
        *,
        redriven: bool,
    ) -> None:
        record = Record(side, 0, self.ends[side], key, value, headers, 0)
        self.logs[side].append(Made(record, kind, of, redriven))
        self.ends[side] += 1


KINDS = ("plain", "plain", "plain", "plain", "fan-out", "drop", "letter")


def history(
    seed: int,
    steps: int,
    *,
    bridges: tuple[Direction, ...] = SIDES,
    writers: tuple[Direction, ...] = SIDES,
    compacted: bool = False,
    redriving: bool = True,
) -> TwoTopics:
    """A random history: who writes, when the bridges come by, what is redriven and discarded."""
    random = Random(seed)
    topics = TwoTopics(random, bridges=bridges)
    for _ in range(steps):
        match random.randrange(10):
            case 0 | 1 | 2 | 3:
                topics.write(random.choice(writers), random.choice(KINDS))
            case 4:
                topics.gap(random.choice(SIDES))
            case 5 | 6 | 7:
                if bridges:
                    topics.carry(random.choice(bridges), random.randint(1, 8))
            case 8 if bridges and redriving:
                topics.redrive(random.choice(bridges))
            case 9 if bridges and random.random() < 0.3:
                topics.discard(random.choice(bridges))
        if compacted and random.random() < 0.1:
            topics.compact(random.choice(SIDES))
    return topics
