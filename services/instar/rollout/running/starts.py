"""Where a direction's group begins: checkpoints as its workers expect them, in each partition that has none."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from instar.core.checkpoint import Checkpoint, Counts, Split, group_of
from instar.core.provenance import Direction
from instar.core.rollout.effect import CommitStart, Effect
from instar.kafka import groups
from instar.kafka.carried import Bridging, last_carried
from instar.kafka.cluster import Cluster, Topic
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.handler import nothing, only


@dataclass(frozen=True, slots=True)
class Lane:
    """How a direction's workers read, and the topics that they write, dead letters included."""

    mode: Literal["ordered", "live-first", "segregated"]
    written: tuple[str, ...]


class Starts:
    """Runs ``CommitStart``. ``lanes`` are the migration's; ``between`` is called between two changes of the cluster."""

    def __init__(
        self, cluster: Cluster, lanes: Mapping[Direction, Lane], between: Callable[[], None] = nothing
    ) -> None:
        self._cluster = cluster
        self._lanes = lanes
        self._between = between

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:
        """``{"partitions": [those that have a checkpoint], "committed": {partition: [offset, metadata]}}``."""
        asked = only(effect, CommitStart)
        topic = self._cluster.topic(asked.topic)
        found = self._committed(context, asked, topic)
        return {
            "partitions": sorted(found),
            "committed": {str(partition): list(committed) for partition, committed in sorted(found.items())},
        }

    def run(self, effect: Effect, context: Context) -> Outcome:
        """Evidence: the offsets that the group begins at, of partitions that had none.

        Fails where the offset of a partition is lost and its records are published: beginning anew would repeat them.
        """
        asked = only(effect, CommitStart)
        topic = self._cluster.topic(asked.topic)
        missing = self._missing(context, asked, topic)
        if not missing:
            return Outcome("done", {"committed": {}})
        starts = self._starts(asked, context, missing)
        if absent := sorted(set(missing) - starts.keys()):
            return Outcome(
                "failed",
                message=f"no end of {asked.topic} is recorded for partition {', '.join(map(str, absent))}",
                remedy="Were partitions added? Undo the transition, and plan again.",
            )
        repeated = self._repeated(asked, context, topic, starts)
        if repeated:
            return repeated
        # Reading took a while, in which a worker's own first start may have begun the group: that is not set back.
        missing = self._missing(context, asked, topic)
        points = self._points(asked, context, topic, {partition: starts[partition] for partition in missing})
        self._between()
        if points:
            self._cluster.commit(
                group_of(context.migration, asked.direction),
                topic.name,
                {partition: (point.offset, point.metadata()) for partition, point in points.items()},
            )
        self._between()
        return Outcome("done", {"committed": {str(partition): point.offset for partition, point in points.items()}})

    def revert(self, effect: Effect, context: Context) -> Outcome:
        """Takes back the offsets of partitions that had none. This client can only delete a group with all its offsets,
        so those of before are set again, from the picture: a crash in between is mended by undoing again.

        Where a worker has moved those on meanwhile, ours stay beside them: to set them back would repeat what it has
        carried, and where it stands now would be lost in a crash.
        """
        asked = only(effect, CommitStart)
        topic = self._cluster.find(asked.topic)
        there, were = set(context.before["partitions"]), _were(context)
        now = {} if topic is None else self._committed(context, asked, topic)
        ours = sorted(now.keys() - there)
        moved = any(now.get(partition, before) != before for partition, before in were.items())
        if moved or were.keys() != there:  # what an earlier instar began has no offsets in its picture
            return Outcome("done", {"left": ours})
        group = group_of(context.migration, asked.direction)
        if ours or not were:
            self._between()
            groups.delete(self._cluster.kafka, group)
        if topic is not None and were and (ours or were.keys() != now.keys()):
            self._between()
            self._cluster.commit(group, topic.name, were)
        self._between()
        return Outcome("done", {"left": []})

    def happened(self, effect: Effect, context: Context) -> bool | None:  # noqa: ARG002 - the port's method
        """Not final: nobody needs to know."""
        return None

    def _committed(self, context: Context, asked: CommitStart, topic: Topic) -> dict[int, tuple[int, str]]:
        group = group_of(context.migration, asked.direction)
        found = self._cluster.committed(group, topic.name, range(topic.partitions))
        return {partition: (offset, said or "") for partition, (offset, said) in found.items()}

    def _missing(self, context: Context, asked: CommitStart, topic: Topic) -> list[int]:
        return sorted(set(range(topic.partitions)) - self._committed(context, asked, topic).keys())

    def _starts(self, asked: CommitStart, context: Context, partitions: list[int]) -> dict[int, int]:
        if asked.at == "beginning":
            return self._cluster.start_offsets(asked.topic, partitions)
        ends = context.offsets.get("T", {})
        return {partition: ends[partition] for partition in partitions if partition in ends}

    def _repeated(
        self, asked: CommitStart, context: Context, topic: Topic, starts: Mapping[int, int]
    ) -> Outcome | None:
        """What stands against beginning there: records from there on that are published already."""
        lane = self._lanes[asked.direction]
        written = tuple(name for name in lane.written if self._cluster.find(name) is not None)
        # What is at or past T was written after the switch, so its copies in the old topic are at or past B.
        since = {} if asked.at == "beginning" else {context.plan.source: context.offsets.get("B", {})}
        bridging = Bridging(context.migration, asked.direction, topic.id, written)
        found, earlier = last_carried(self._cluster, bridging, sorted(starts), since)
        past = {
            partition: offset
            for partition, start in starts.items()
            if (offset := found[partition]) is not None and offset >= start
        }
        group = group_of(context.migration, asked.direction)
        if past:
            listed = ", ".join(f"partition {partition} up to offset {offset:,}" for partition, offset in past.items())
            return Outcome(
                "failed",
                message=f"group {group} has no checkpoint for partitions whose records are published already: {listed}",
                remedy=f"`instar worker {context.migration} --direction {asked.direction} --recover-checkpoint` goes "
                "on right behind them.",
            )
        if earlier and asked.at == "beginning":
            return Outcome(
                "failed",
                message=f"{topic.name} was deleted and made again: records are published that were made of topic id "
                f"{', '.join(sorted(earlier))}, and it is {topic.id.hex()} now",
                remedy=f"If it holds new records: `instar worker {context.migration} --direction {asked.direction} "
                "--recover-checkpoint` begins at its start.",
            )
        return None

    def _points(
        self, asked: CommitStart, context: Context, topic: Topic, starts: Mapping[int, int]
    ) -> dict[int, Checkpoint]:
        """As a worker's own first start commits them: where history is read apart, at the end, with history to go."""
        topic_id, fingerprint = topic.id.hex(), context.plan.fingerprint
        mode = self._lanes[asked.direction].mode
        if mode == "ordered":
            return {
                partition: Checkpoint(start, topic_id, Counts(), fingerprint) for partition, start in starts.items()
            }
        now_ms = time.time_ns() // 1_000_000
        return {
            partition: Checkpoint(
                end, topic_id, Counts(), fingerprint, split=Split(mode, end, starts[partition], now_ms)
            )
            for partition, end in self._cluster.end_offsets(topic.name, starts).items()
        }


def _were(context: Context) -> dict[int, tuple[int, str]]:
    """The offsets and metadata of the picture."""
    return {int(partition): (offset, said) for partition, (offset, said) in context.before.get("committed", {}).items()}
