"""The control topic, read and written: what operators ask for reaches workers on any machine through it."""

from collections.abc import Mapping
from typing import Any

import structlog

from instar.core.control import TOPIC, Orders
from instar.core.rollout.control_messages import Said, said_of
from instar.kafka.cluster import Cluster
from instar.kafka.entries import EntriesFollower, ensure, read_entries, write_entries
from instar.kafka.errors import KafkaTrouble, NotAllowed

log = structlog.get_logger(__name__)


class Control:
    """The topic as an operator's command uses it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def ensure(self) -> None:
        """Make the topic where it is not there. Raises ``KafkaTrouble``."""
        ensure(self._cluster, TOPIC)

    def orders(self, migration: str, direction: str) -> Orders:
        """What stands now. Raises ``KafkaTrouble``."""
        return Orders.of(migration, direction, read_entries(self._cluster, TOPIC))

    def said(self, migration: str) -> Said:
        """What the migration's rollout says now; nothing where it has none. Raises ``KafkaTrouble``."""
        return said_of(migration, read_entries(self._cluster, TOPIC))

    def write(self, entries: Mapping[str, bytes | None]) -> None:
        """Set entries, or with None take them back; returns when all are written. Raises ``KafkaTrouble``."""
        write_entries(self._cluster, TOPIC, entries)


class Follower(EntriesFollower):
    """Keeps the orders of one migration and direction up to date, and what its rollout says.

    ``orders`` and ``said`` may be read at any time.
    """

    def __init__(self, kafka: Mapping[str, Any], migration: str, direction: str) -> None:
        self._name = migration, direction
        self.orders = Orders()
        self.said = Said()
        self._said_trouble = ""
        super().__init__(kafka, TOPIC, self._take_orders, troubled=self._tell)

    def catch_up(self, timeout_s: float) -> None:
        """Return when everything that was written before this call is in ``orders`` and ``said``.

        Raises ``AmbiguousOutcome`` when that takes too long. Somebody who may not read the topic has no orders.
        """
        try:
            super().catch_up(timeout_s)
        except NotAllowed as denied:
            log.warning("the control topic cannot be read; pause and rate do not reach this worker", why=str(denied))

    def _take_orders(self, entries: Mapping[str, bytes]) -> None:
        self.orders = Orders.of(*self._name, entries)
        self.said = said_of(self._name[0], entries)

    def _tell(self, problem: KafkaTrouble) -> None:
        if str(problem) != self._said_trouble:
            self._said_trouble = str(problem)
            say = log.warning if isinstance(problem, NotAllowed) else log.info
            say("the control topic cannot be read", why=str(problem))
