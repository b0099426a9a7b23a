"""``DrainBridge``: everything that the left topic holds is carried."""

from collections.abc import Mapping

from instar.core import checkpoint
from instar.core.checkpoint import group_of
from instar.core.rollout import effect as do
from instar.core.rollout.effect import Effect
from instar.kafka.cluster import Cluster, Topic
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.reversible import Reversible

_PARTITIONS_TOLD = 5


class DrainBridgeHandler(Reversible):
    """Asks the checkpoints, which are committed with what was published; a worker's own word is not needed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def run(self, effect: Effect, context: Context) -> Outcome:
        """Waiting, with how much each partition has still to go, until every checkpoint is at its bound."""
        assert isinstance(effect, do.DrainBridge)  # noqa: S101 - the runner dispatches by type
        topic = self._cluster.topic(effect.topic)
        if effect.ends == "B":
            bounds = dict(context.offsets.get("B", {}))
            if sorted(bounds) != list(range(topic.partitions)):
                return Outcome("failed", message=f"the ends B of {topic.name} were not recorded in every partition")
        else:
            bounds = self._cluster.end_offsets(topic.name, range(topic.partitions))
        group = group_of(context.migration, effect.direction)
        committed = self._cluster.committed(group, topic.name, bounds)
        points = {partition: checkpoint.parse(offset, said) for partition, (offset, said) in committed.items()}
        foreign = sorted({point.topic_id for point in points.values()} - {"", topic.id.hex()})
        if foreign:
            return Outcome(
                "failed",
                message=f"checkpoints of {group} are of an earlier {topic.name} (topic id {', '.join(foreign)})",
                remedy=f"Let `instar worker {context.migration}` say what to do about it first.",
            )
        history = sum(point.history_left for point in points.values())
        left = {
            partition: bound - (points[partition].offset if partition in points else 0)
            for partition, bound in sorted(bounds.items())
            if bound > 0 and (partition not in points or points[partition].offset < bound)
        }
        if left or history:
            return self._waiting(context, effect, topic, left, history)
        reached = {str(partition): points[partition].offset for partition in sorted(points)}
        return Outcome("done", {"checkpoints": reached, "bounds": {str(key): end for key, end in bounds.items()}})

    def _waiting(
        self, context: Context, effect: do.DrainBridge, topic: Topic, left: Mapping[int, int], history: int
    ) -> Outcome:
        told = [f"{records:,} in partition {partition}" for partition, records in left.items()][:_PARTITIONS_TOLD]
        if len(left) > _PARTITIONS_TOLD:
            told.append(f"and {len(left) - _PARTITIONS_TOLD} partitions more")
        if history:
            told.append(f"{history:,} of history")
        runs = bool(self._cluster.members(group_of(context.migration, effect.direction)))
        start = f"Start `instar worker {context.migration} --direction {effect.direction}`."
        return Outcome(
            "waiting",
            {"left_records": sum(left.values()) + history},
            f"the {effect.direction} bridge is {sum(left.values()) + history:,} records behind in {topic.name} "
            f"({', '.join(told)}){'' if runs else ', and none of its workers runs'}",
            "" if runs else start,
        )
