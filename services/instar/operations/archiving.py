"""What writes the old topic's archive in a rollout: the same export as `instar topic export`, held against the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from instar.archives.errors import Unusable
from instar.archives.topic_check import Interrupted, check_archive
from instar.archives.topic_manifest import MANIFEST
from instar.kafka.cluster import Cluster
from instar.preservation.compare_topic import compare_topic
from instar.preservation.export_topic import Asked, Stopped, export_topic
from instar.rollout.ports import Outcome


@dataclass(frozen=True, slots=True)
class TopicArchiver:
    """An ``Archiver`` (instar.rollout.running.archives). Destinations are folders, relative ones below ``root``."""

    cluster: Cluster
    root: Path
    stop: Event | None = None

    def archive(self, topic: str, destination: str, settings: Mapping[str, str]) -> Outcome:
        folder = self.root / destination
        try:
            return self._archive(topic, folder, settings)
        except (Stopped, Interrupted):
            return Outcome("waiting", message="it was stopped; what is finished of the archive is kept")
        except Unusable as problem:
            return Outcome("failed", message=str(problem), remedy=problem.remedy)

    def _archive(self, topic: str, folder: Path, settings: Mapping[str, str]) -> Outcome:
        if not (folder / MANIFEST).exists():
            export_topic(self.cluster, topic, folder, Asked(settings=settings), stop=self.stop)
        manifest = check_archive(folder, stop=self.stop).manifest
        compared = compare_topic(self.cluster, self.cluster.topic(topic), manifest, self.stop)
        if compared.wrong:
            return Outcome(
                "failed",
                message=f"the archive in {folder} is not the whole of {topic}: {'; '.join(compared.wrong)}",
                remedy="Move it away, or name another folder.",
            )
        evidence = {
            "folder": str(folder),
            "records": manifest.records,
            "size_bytes": manifest.total("size_bytes"),
            "digest": manifest.digest,
            "not_read_again": list(compared.passed_over),
        }
        return Outcome("done", evidence)
