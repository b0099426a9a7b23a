"""How far a direction is: read from the group's checkpoints, which are the truth, not from what workers say."""

from collections.abc import Mapping
from dataclasses import dataclass

from instar.core import checkpoint
from instar.core.checkpoint import Counts
from instar.kafka.cluster import Cluster
from instar.processor.plan import BridgePlan


@dataclass(frozen=True, slots=True)
class Standing:
    """Committed offsets and cumulative counts by partition, and the end offsets that they are held against."""

    offsets: Mapping[int, int]
    counts: Mapping[int, Counts]
    ends: Mapping[int, int]
    history_left: Mapping[int, int]

    @property
    def lag_records(self) -> int:
        """Offsets, to be exact: markers and compacted records count."""
        return self.todo_records(self.ends)

    def todo_records(self, bounds: Mapping[int, int]) -> int:
        """Offsets up to the bounds, and history, which is always carried whole."""
        live = sum(max(0, bound - self.offsets.get(partition, 0)) for partition, bound in bounds.items())
        return live + sum(self.history_left.values())

    @property
    def total(self) -> Counts:
        total = Counts()
        for counts in self.counts.values():
            total = total.plus(counts)
        return total


def standing(plan: BridgePlan, cluster: Cluster) -> Standing:
    committed = cluster.committed(plan.group, plan.source.name, plan.partitions)
    points = {partition: checkpoint.parse(offset, metadata) for partition, (offset, metadata) in committed.items()}
    return Standing(
        {partition: point.offset for partition, point in points.items()},
        {partition: point.counts for partition, point in points.items()},
        {
            partition: points[partition].end(end) if partition in points else end
            for partition, end in cluster.end_offsets(plan.source.name, plan.partitions).items()
        },
        {partition: point.history_left for partition, point in points.items()},
    )
