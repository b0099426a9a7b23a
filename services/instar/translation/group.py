"""Where a consumer group stands in the other topic of a migration, partition by partition, and setting it there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any, Literal, Self

from instar.core import checkpoint
from instar.core.provenance import Direction
from instar.core.translate import Lane, Log, Translation, Untranslatable, note, noted, restore, translate
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Refused
from instar.kafka.groups import require_empty
from instar.kafka.letters import read_letters, read_settled
from instar.kafka.partition_reader import PartitionReader
from instar.project.migration import Migration

To = Literal["new", "old"]


class BridgeBehind(Refused):
    """The bridge has not published yet what the group has read: translate again in a moment."""


_OUT: dict[To, Direction] = {"new": "up", "old": "down"}
_TWIN: dict[Direction, Direction] = {"up": "down", "down": "up"}


@dataclass(frozen=True, slots=True)
class Move:
    """One partition. ``translation`` is None where the group has no offset: there is nothing to translate.

    ``standing`` is what the group has committed in the topic that it moves to already, which would be replaced.
    """

    partition: int
    before: int | None
    translation: Translation | None
    standing: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be set. ``here`` is the topic that the group leaves, ``there`` the one that it moves to."""

    group: str
    migration: str
    to: To
    here: Topic
    there: Topic
    moves: tuple[Move, ...]


def plan(
    migration: Migration,
    name: str,
    group: str,
    to: To,
    kafka: Mapping[str, Any],
    *,
    switched: Mapping[int, int] | None = None,
) -> Plan:
    """Translate every partition in which the group has an offset. Changes nothing.

    ``switched`` are the target's ends at the switch, if there was one. Raises ``Refused`` where no exact translation
    exists, and other ``KafkaTrouble``.
    """
    _require_ordered(migration, name, there_name=migration.target.topic if to == "new" else migration.source.topic)
    cluster = Cluster(kafka)
    old, new = cluster.topic(migration.source.topic), cluster.topic(migration.target.topic)
    here, there = (old, new) if to == "new" else (new, old)
    require_empty(kafka, group)
    # In this order: the offsets of an empty group stand still, and what a checkpoint covers lies below later ends.
    positions = cluster.committed(group, here.name, range(here.partitions))
    _require_positions(group, positions, here, there, to)
    standing = cluster.committed(group, there.name, range(there.partitions))
    lanes = _Lanes.read(cluster, migration, name, old, new)
    moves: list[Move] = []
    with _Logs(cluster, here) as logs_here, _Logs(cluster, there) as logs_there:
        for partition in range(there.partitions):
            move = Move(partition, None, None, standing.get(partition, (None, None))[0])
            if partition >= here.partitions:
                # Nothing of this partition was ever in the other topic, so all of it is unread.
                start = logs_there.log(partition).start
                move = replace(move, translation=Translation(start, "native", start))
            elif partition in positions:
                position, metadata = positions[partition]
                found = _translated(
                    position,
                    noted(metadata, there.id),
                    logs_here.log(partition),
                    logs_there.log(partition),
                    lanes.of(_OUT[to], partition),
                    lanes.of(_TWIN[_OUT[to]], partition),
                    None if switched is None else switched.get(partition),
                )
                if isinstance(found, Untranslatable):
                    kind = BridgeBehind if found.code == "bridge-behind" else Refused
                    raise kind(f"Group {group} has no exact position in {there.name}: {found.message}.", found.remedy)
                move = replace(move, before=position, translation=found)
            moves.append(move)
    return Plan(group, name, to, here, there, tuple(moves))


def unmovable(migration: Migration, name: str, group: str, to: To, kafka: Mapping[str, Any]) -> str:
    """Why ``plan`` would refuse the group whatever it does until then; empty where nothing stands against it.

    Asks nothing of its members: they leave when they are told to. Raises ``KafkaTrouble``.
    """
    cluster = Cluster(kafka)
    old, new = cluster.topic(migration.source.topic), cluster.topic(migration.target.topic)
    here, there = (old, new) if to == "new" else (new, old)
    try:
        _require_ordered(migration, name, there_name=there.name)
        _require_positions(group, cluster.committed(group, here.name, range(here.partitions)), here, there, to)
    except Refused as refusal:
        return str(refusal)
    return ""


def execute(plan: Plan, kafka: Mapping[str, Any]) -> None:
    """Set the group's offsets in the topic that it moves to; those in the topic that it leaves stay.

    Raises ``Refused`` when the group has moved since the plan was made or has members (the broker sees to the latter
    too), and other ``KafkaTrouble``.
    """
    cluster = Cluster(kafka)
    require_empty(kafka, plan.group)
    now = cluster.committed(plan.group, plan.here.name, range(plan.here.partitions))
    moved = [move.partition for move in plan.moves if now.get(move.partition, (None, None))[0] != move.before]
    if moved:
        raise Refused(
            f"Group {plan.group} has moved in {plan.here.name} since its position was translated (partitions {moved}).",
            "Stop its consumers for good and translate again.",
        )
    offsets = {
        move.partition: (
            move.translation.offset,
            "" if move.before is None else note(plan.here.id, move.before),
        )
        for move in plan.moves
        if move.translation is not None
    }
    cluster.commit(plan.group, plan.there.name, offsets)


def _translated(
    position: int, restored: int | None, here: Log, there: Log, out: Lane, back: Lane, switched: int | None
) -> Translation | Untranslatable:
    """Where the group stands *there*: exactly where it came from, if it has committed nothing since."""
    if restored is not None:
        found = restore(restored, there, out)
        if found is not None:
            return found
    return translate(position, here, there, out, back, switched=switched)


def _require_ordered(migration: Migration, name: str, there_name: str) -> None:
    if migration.in_place:
        raise Refused(
            f"Migration {name} rewrites {there_name} in place: there is no other topic to stand in.",
            "Leave the group where it is; it reads the rewritten records behind the others.",
        )
    if migration.mode != "ordered":
        raise Refused(
            f"Migration {name} is {migration.mode}: its outputs do not keep the order of their sources, so a position "
            f"in one topic has no exact counterpart in the other.",
            f"Let the group read {there_name} from the beginning instead (its offsets deleted, "
            "auto.offset.reset=earliest): it repeats records and skips none.",
        )


def _require_positions(group: str, positions: Collection[int], here: Topic, there: Topic, to: To) -> None:
    if not positions:
        raise Refused(
            f"Group {group} has no committed offset in {here.name}, so there is no position to translate.",
            f"Is it the group's name? To leave {there.name} instead, say --to {'old' if to == 'new' else 'new'}.",
        )
    without = [partition for partition in positions if partition >= there.partitions]
    if without:
        raise Refused(
            f"Group {group} has offsets in partitions {without} of {here.name}; {there.name} has only "
            f"{there.partitions} partitions, and records keep their partition number.",
            f"Add partitions to {there.name} and let the bridge carry what is missing.",
        )


class _Logs:
    """The partitions of one topic, their ends taken on entering."""

    def __init__(self, cluster: Cluster, topic: Topic) -> None:
        partitions = range(topic.partitions)
        self._starts = cluster.start_offsets(topic.name, partitions)
        self._ends = cluster.end_offsets(topic.name, partitions)
        self._reader = PartitionReader(cluster.kafka, topic.name)

    def __enter__(self) -> Self:
        self._reader.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.__exit__(kind, error, trace)

    def log(self, partition: int) -> Log:
        return Log(partial(self._reader.read, partition), self._starts[partition], self._ends[partition])


@dataclass(frozen=True, slots=True)
class _Lanes:
    """Both bridges: their checkpoints by partition, and their dead letters by partition and source offset."""

    migration: str
    sources: Mapping[Direction, Topic]
    checkpoints: Mapping[Direction, Mapping[int, int]]
    letters: Mapping[tuple[Direction, int], frozenset[int]]
    redriven: Mapping[tuple[Direction, int], frozenset[int]]

    @classmethod
    def read(cls, cluster: Cluster, migration: Migration, name: str, old: Topic, new: Topic) -> Self:
        sources: dict[Direction, Topic] = {"up": old, "down": new}
        checkpoints = {direction: _checkpoints(cluster, name, direction, topic) for direction, topic in sources.items()}
        if len(checkpoints["up"]) < old.partitions:
            raise Refused(
                f"The up bridge of {name} has no checkpoint for every partition of {old.name}: it has not begun.",
                f"Run `instar worker {name}` first, and let it catch up.",
            )
        outstanding: dict[tuple[Direction, int], set[int]] = {}
        redriven: dict[tuple[Direction, int], set[int]] = {}
        topic = cluster.find(migration.dead_letter_topic)
        if topic is not None:
            for letter in read_letters(cluster, topic, name, read_settled(cluster, topic)):
                source = letter.verdict.source
                direction: Direction = "up" if letter.verdict.direction == "up" else "down"
                if source.topic_id != sources[direction].id.hex():
                    continue
                if letter.settled is None:
                    outstanding.setdefault((direction, source.partition), set()).add(source.offset)
                elif letter.settled.deed == "redriven":
                    redriven.setdefault((direction, source.partition), set()).add(source.offset)
        return cls(name, sources, checkpoints, _frozen(outstanding), _frozen(redriven))

    def of(self, direction: Direction, partition: int) -> Lane:
        return Lane(
            self.migration,
            direction,
            self.sources[direction].id,
            self.checkpoints[direction].get(partition),
            self.letters.get((direction, partition), frozenset()),
            self.redriven.get((direction, partition), frozenset()),
        )


def _frozen(
    offsets: Mapping[tuple[Direction, int], set[int]],
) -> dict[tuple[Direction, int], frozenset[int]]:
    return {key: frozenset(each) for key, each in offsets.items()}


def _checkpoints(cluster: Cluster, name: str, direction: Direction, source: Topic) -> dict[int, int]:
    """How far a bridge has published, by partition of its source."""
    found = cluster.committed(checkpoint.group_of(name, direction), source.name, range(source.partitions))
    for partition, (offset, metadata) in found.items():
        of_topic = checkpoint.parse(offset, metadata).topic_id
        if of_topic and of_topic != source.id.hex():
            raise Refused(
                f"The {direction} bridge's checkpoint of partition {partition} is of another {source.name}, which was "
                "deleted and created again since.",
                f"Let `instar worker {name}` say what to do about it first.",
            )
    return {partition: offset for partition, (offset, _) in found.items()}
