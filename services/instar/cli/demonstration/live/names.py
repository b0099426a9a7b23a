"""What the live demonstration calls its topics, migrations and groups, so that it meets nobody else's."""

import secrets
from dataclasses import dataclass
from typing import Literal, get_args

from instar.kafka.cluster import Cluster

Subject = Literal["orders", "customers"]
SUBJECTS: tuple[Subject, ...] = get_args(Subject)
NEWEST: dict[Subject, int] = {"orders": 3, "customers": 2}
_INTERNAL = "__"  # of Kafka itself


@dataclass(frozen=True, slots=True)
class Names:
    """``tag`` begins every name; it is empty on a cluster that has nothing else."""

    tag: str = ""

    def old(self, subject: Subject) -> str:
        return f"{self.tag}{subject}"

    def new(self, subject: Subject) -> str:
        return f"{self.old(subject)}.v{NEWEST[subject]}"

    def migration(self, subject: Subject) -> str:
        return f"{self.tag}{subject}-v{NEWEST[subject]}"

    def group(self, name: str) -> str:
        return f"{self.tag}{name}"

    @property
    def census(self) -> str:
        return f"{self.tag}instar.census"

    def owns(self, topic: str) -> bool:
        """Is the topic one that the demonstration made, and nobody else's?"""
        if self.tag:
            return topic.startswith(self.tag)
        begins = (self.census, *map(self.new, SUBJECTS))
        return topic in map(self.old, SUBJECTS) or topic.startswith(begins)


def names_on(cluster: Cluster) -> Names:
    """Plain names where the cluster is empty, else names of our own. Raises ``KafkaTrouble``."""
    if cluster.built_in or all(topic.startswith(_INTERNAL) for topic in cluster.topics()):
        return Names()
    return Names(f"demo-{secrets.token_hex(3)}-")
