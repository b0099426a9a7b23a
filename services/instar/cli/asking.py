"""A worker that was started before its time: it waits until the rollout asks for it."""

import threading

from instar.backfill.control import Follower
from instar.cli.output import stderr
from instar.core.checkpoint import group_of
from instar.core.provenance import Direction
from instar.kafka.cluster import Cluster
from instar.project.migration import Migration

_LOOK_EVERY_S = 0.5


def wait_until_asked(
    cluster: Cluster, migration: Migration, name: str, direction: Direction, stop: threading.Event
) -> bool:
    """Return True once the rollout asks for the direction and every partition has a start checkpoint of its making.

    False when ``stop`` was set before that. Raises ``KafkaTrouble``.
    """
    follower = Follower(cluster.kafka, name, direction)
    source = (migration.source if direction == "up" else migration.target).topic
    stderr.print(f"waiting until the rollout of {name} asks for its {direction} bridge", markup=False)
    try:
        while not stop.is_set():
            asked = follower.said.bridges.get(direction)
            if asked is not None and asked.order == "run" and _has_begun(cluster, name, direction, source):
                return True
            stop.wait(_LOOK_EVERY_S)
        return False
    finally:
        follower.close()


def _has_begun(cluster: Cluster, name: str, direction: Direction, source: str) -> bool:
    topic = cluster.find(source)
    if topic is None:
        return False
    committed = cluster.committed(group_of(name, direction), source, range(topic.partitions))
    return len(committed) == topic.partitions
