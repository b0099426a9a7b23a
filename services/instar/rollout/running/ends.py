"""``RecordEnds``: where a topic ends at this moment, in every partition."""

from instar.core.rollout import effect as do
from instar.core.rollout.effect import Effect
from instar.kafka.cluster import Cluster
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.reversible import Reversible


class RecordEndsHandler(Reversible):
    """Read uncommitted: read committed, an end stands still at an open transaction and leaves records behind it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def run(self, effect: Effect, context: Context) -> Outcome:  # noqa: ARG002
        assert isinstance(effect, do.RecordEnds)  # noqa: S101 - the runner dispatches by type
        topic = self._cluster.topic(effect.topic)
        ends = self._cluster.end_offsets(topic.name, range(topic.partitions))
        return Outcome("done", {"offsets": {str(partition): end for partition, end in sorted(ends.items())}})
