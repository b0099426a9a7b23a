"""The connection to Kafka that all requests share, made when the first one needs it and again when it was lost."""

import threading
from typing import Any

from instar.kafka.cluster import Cluster
from instar.operations.scope import kafka_settings
from instar.project.project import Project

TIMEOUT_S = 5.0  # somebody waits before a screen


class Connection:
    """One cluster. A failed attempt is not kept: the next request tries again."""

    def __init__(self, project: Project, bootstrap: str | None = None) -> None:
        self._project = project
        self.bootstrap = bootstrap
        self._lock = threading.Lock()
        self._cluster: Cluster | None = None

    def settings(self) -> dict[str, Any]:
        """librdkafka's settings. Raises ``Failure`` where they do not say where Kafka is."""
        return kafka_settings(self._project, self.bootstrap)

    def cluster(self) -> Cluster:
        """Raises ``KafkaTrouble`` and ``Failure``."""
        with self._lock:
            if self._cluster is None:
                self._cluster = Cluster(self.settings(), TIMEOUT_S)
            return self._cluster
