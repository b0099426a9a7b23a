"""``RecordEnds``: where a topic ends at this moment, in every partition."""

from collections.abc import Mapping
from typing import Any

from instar.core.rollout import effect as do
from instar.core.rollout.effect import Effect
from instar.kafka.cluster import Cluster
from instar.rollout.ports import Context, Outcome


class RecordEndsHandler:
    """Read uncommitted: read committed, an end stands still at an open transaction and would leave records behind it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:
        return {}

    def run(self, effect: Effect, context: Context) -> Outcome:
        assert isinstance(effect, do.RecordEnds)  # noqa: S101 - the runner dispatches by type
        topic = self._cluster.topic(effect.topic)
        ends = self._cluster.end_offsets(topic.name, range(topic.partitions))
        return Outcome("done", {"offsets": {str(partition): end for partition, end in sorted(ends.items())}})

    def revert(self, effect: Effect, context: Context) -> Outcome:
        return Outcome("done")

    def happened(self, effect: Effect, context: Context) -> bool | None:
        raise TypeError(f"{effect} can be undone: nobody needs to ask whether it happened")
