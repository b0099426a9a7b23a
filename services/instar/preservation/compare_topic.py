"""Is an archive what the log holds? The log is read a second time, and must come to the same digest."""

from dataclasses import dataclass
from threading import Event

from instar.archives.topic_manifest import Manifest
from instar.archives.topic_records import Summary, encode
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.stored import read_stored
from instar.preservation.export_topic import Stopped

_STOP_EVERY_RECORDS = 2_000


@dataclass(frozen=True, slots=True)
class Compared:
    """``wrong`` says what does not agree. ``passed_over`` are partitions that cannot be read as they were: compaction
    or retention may have taken records since."""

    wrong: tuple[str, ...]
    passed_over: tuple[int, ...]


def compare_topic(cluster: Cluster, topic: Topic, manifest: Manifest, stop: Event | None = None) -> Compared:
    """Hold an archive against the topic. Raises ``KafkaTrouble``, and ``Stopped`` once ``stop`` is set."""
    scope = manifest.scope
    if (scope.topic, scope.topic_id, scope.cluster_id) != (topic.name, topic.id.hex(), cluster.id):
        other = f"it is of {scope.topic} (topic id {scope.topic_id}, cluster {scope.cluster_id})"
        return Compared((f"{other}, and this is {topic.name} (topic id {topic.id.hex()}, cluster {cluster.id})",), ())
    numbers = range(topic.partitions)
    starts, ends = cluster.start_offsets(topic.name, numbers), cluster.end_offsets(topic.name, numbers)
    wrong: list[str] = []
    passed_over: list[int] = []
    for number in numbers:
        if number not in scope.starts:
            wrong.append(f"partition {number} is not in it")
        elif scope.starts[number] > starts[number] or scope.bounds[number] < ends[number]:
            wrong.append(
                f"partition {number} is in it from {scope.starts[number]:,} to {scope.bounds[number]:,}, and the log "
                f"has {starts[number]:,} to {ends[number]:,}"
            )
        elif topic.compacted or scope.starts[number] < starts[number]:
            passed_over.append(number)
        elif _digest(cluster, manifest, number, stop) != manifest.partitions[number]:
            wrong.append(f"partition {number} was read again, and the records are not the same")
    return Compared(tuple(wrong), tuple(passed_over))


def _digest(cluster: Cluster, manifest: Manifest, partition: int, stop: Event | None) -> object:
    scope = manifest.scope
    summary = Summary()
    records = read_stored(cluster.kafka, scope.topic, partition, scope.starts[partition], scope.bounds[partition])
    for stored in records:
        summary.add(stored, encode(stored))
        if stop is not None and summary.records % _STOP_EVERY_RECORDS == 0 and stop.is_set():
            raise Stopped
    return summary.as_dict()
