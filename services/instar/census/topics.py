"""The topics of the census, and how they are made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from instar.core.census_message import TOPIC
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused, TopicMissing

PARTITIONS: Final = 4

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
KEEP_SUMMARIES_MS: Final = 7 * _DAY_MS
KEEP_RESULTS_MS: Final = 30 * _DAY_MS
KEEP_WINDOWS_MS: Final = _DAY_MS  # how late a summary may come
_COMPACTED = "compact,delete"


@dataclass(frozen=True, slots=True)
class CensusTopics:
    """All names follow from that of the topic of summaries."""

    summaries: str = TOPIC

    @property
    def results(self) -> str:
        return f"{self.summaries}.results"

    @property
    def group(self) -> str:
        """The consumer group, and what Faust's names of changelogs begin with."""
        return self.summaries

    @property
    def mix_changelog(self) -> str:
        return f"{self.group}-mix-changelog"

    @property
    def clients_changelog(self) -> str:
        return f"{self.group}-clients-changelog"

    def settings(self) -> Mapping[str, Mapping[str, str]]:
        """Each topic with the settings that it is made with."""
        return {
            self.summaries: {"cleanup.policy": "delete", "retention.ms": str(KEEP_SUMMARIES_MS)},
            self.results: {"cleanup.policy": _COMPACTED, "retention.ms": str(KEEP_RESULTS_MS)},
            # Twice as long as windows are kept: what is restored from it must not have holes.
            self.mix_changelog: {"cleanup.policy": _COMPACTED, "retention.ms": str(2 * KEEP_WINDOWS_MS)},
            self.clients_changelog: {"cleanup.policy": _COMPACTED, "retention.ms": str(KEEP_RESULTS_MS)},
        }

    def ready(self, cluster: Cluster, *, create: bool, partitions: int = PARTITIONS) -> int:
        """The number of partitions, which all topics share. With ``create`` the missing ones are made.

        Raises ``TopicMissing``; ``Refused`` where the numbers of partitions differ: a table's changelog has those of
        the topic that it is computed from.
        """
        there = {name: cluster.find(name) for name in self.settings()}
        missing = [name for name, topic in there.items() if topic is None]
        summaries = there[self.summaries]
        count = partitions if summaries is None else summaries.partitions
        if missing and not create:
            raise TopicMissing(
                f"The census has no topic {', '.join(missing)} on {cluster.bootstrap}.",
                f"Run with --create to make what is missing, with {count} partitions each.",
            )
        for name in missing:
            cluster.create(name, count, self.settings()[name])
        for name, topic in there.items():
            if topic is not None and topic.partitions != count:
                raise Refused(
                    f"Topic {name} has {topic.partitions} partitions, {self.summaries} has {count}; the census needs "
                    "the same number in all of its topics.",
                    f"Stop the census, delete {name} and run with --create: what it holds is counted again from "
                    f"{self.summaries} once the offsets of group {self.group} are deleted too.",
                )
        return count
