"""While a worker is idle: is its source still the topic that it was, and does anybody hold records of it back?"""

from collections.abc import Iterable, Mapping
from typing import Any

from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.processor.plan import BridgePlan
from instar.processor.position import Position

TOPIC_CHECK_EVERY_S = 10.0
HELD_CHECK_EVERY_S = 2.0


class SourceWatch:
    """``log`` is the worker's; ``now_s`` are monotonic seconds."""

    def __init__(self, plan: BridgePlan, log: Any, now_s: float) -> None:
        self._plan = plan
        self._log = log
        self._cluster: Cluster | None = None
        self._next_topic_check_s = now_s + TOPIC_CHECK_EVERY_S
        self._next_held_check_s = 0.0
        self._held_at: dict[int, int] = {}  # partitions that stood below their end when last looked at, and where

    def look(self, positions: Iterable[Position], now_s: float) -> None:
        """Look where it is time to. Raises ``KafkaTrouble``, ``Unreachable`` of it when the cluster does not answer."""
        if self._plan.bounds is not None and now_s >= self._next_held_check_s:
            self._next_held_check_s = now_s + HELD_CHECK_EVERY_S
            self._tell_what_holds(positions, self._plan.bounds)
        if self._plan.built_in or now_s < self._next_topic_check_s:
            return
        self._next_topic_check_s = now_s + TOPIC_CHECK_EVERY_S
        cluster = self.check()
        if self._plan.bounds is None:
            self._tell_what_holds(positions, cluster.end_offsets(self._plan.source.name, self._plan.partitions))

    def check(self) -> Cluster:
        """Is the source still the topic that it was? Raises ``Refused`` or ``TopicMissing`` when it is not."""
        self._cluster = self._cluster or Cluster(self._plan.kafka)
        source = self._cluster.topic(self._plan.source.name)
        if source.id != self._plan.source.id:
            raise Refused(
                f"Topic {source.name} was deleted and created again while the worker ran.",
                f"If the new topic is to be read from its start, delete group {self._plan.group} first.",
            )
        if source.partitions > self._plan.source.partitions:
            raise Refused(
                f"Topic {source.name} has {source.partitions} partitions now, {self._plan.source.partitions} when the "
                "worker started.",
                f"Give {self._plan.target.name} and {self._plan.dead_letters.name} as many, then start it again.",
            )
        return self._cluster

    def _tell_what_holds(self, positions: Iterable[Position], ends: Mapping[int, int]) -> None:
        """Idle below an end that was read uncommitted, twice at the same place: somebody's transaction is open."""
        below = {
            position.partition: position.next for position in positions if position.next < ends[position.partition]
        }
        for partition, offset in below.items():
            if self._held_at.get(partition) == offset:
                self._log.warning(
                    "an open transaction of another producer holds records back: they are read when it ends",
                    topic=self._plan.source.name,
                    partition=partition,
                    offset=offset,
                    end=ends[partition],
                )
        self._held_at = below
