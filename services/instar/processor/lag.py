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

    @property
    def lag_records(self) -> int:
        """Offsets, to be exact: markers and compacted records count."""
        return sum(max(0, end - self.offsets.get(partition, 0)) for partition, end in self.ends.items())

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
        cluster.end_offsets(plan.source.name, plan.partitions),
    )
