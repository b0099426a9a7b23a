"""How far a bridge has carried, told by what it wrote: its checkpoint may be lost, provenance is in the records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from instar.core import dead_letter, provenance
from instar.core.provenance import Direction
from instar.core.record import Record
from instar.kafka.cluster import Cluster
from instar.kafka.scan import scan


@dataclass(frozen=True, slots=True)
class Bridging:
    """A direction of a migration: the source topic's id, and the topics that it writes, dead letters included."""

    migration: str
    direction: Direction
    source_id: bytes
    written: tuple[str, ...]


def last_carried(
    cluster: Cluster,
    bridging: Bridging,
    partitions: Sequence[int],
    starts: Mapping[str, Mapping[int, int]] | None = None,
) -> tuple[dict[int, int | None], set[str]]:
    """Per partition, the last source offset that is in the written topics; None when none is.

    And the ids, in hexadecimal, of earlier topics of the source's name that records there were made of. ``starts`` are
    offsets by topic before which nothing of this direction can be.

    Records keep their partition number, so each partition of the source is looked up in the same one of the written
    topics. Read to the end: a native record may stand behind any number of bridged ones. Applications copy records
    with their headers: a copy in another partition tells nothing of that partition. Raises ``KafkaTrouble``.
    """
    last: dict[int, int | None] = dict.fromkeys(partitions)
    earlier_topics: set[str] = set()
    for topic in bridging.written:
        for record in _records(cluster, topic, partitions, (starts or {}).get(topic, {})):
            place = _source_place(bridging, record)
            if place is None:
                continue
            topic_id, offset = place
            if topic_id == bridging.source_id.hex():
                last[record.partition] = max(offset, last[record.partition] or 0)
            else:
                earlier_topics.add(topic_id)
    return last, earlier_topics


def _records(cluster: Cluster, topic: str, partitions: Sequence[int], since: Mapping[int, int]) -> Iterable[Record]:
    starts, ends = cluster.start_offsets(topic, partitions), cluster.end_offsets(topic, partitions)
    starts = {partition: max(start, since.get(partition, 0)) for partition, start in starts.items()}
    return scan(cluster.kafka, topic, starts, ends)


def _source_place(bridging: Bridging, record: Record) -> tuple[str, int] | None:
    """The source topic's id and the offset of a record that this bridge published; None for any other record."""
    wanted = (bridging.migration, bridging.direction, record.partition)
    letter = dead_letter.parse(record.headers)
    if letter is not None:
        verdict, _ = letter
        if (verdict.migration, verdict.direction, verdict.source.partition) != wanted:
            return None
        return verdict.source.topic_id, verdict.source.offset
    found = provenance.of(record.headers, record.key, record.value)
    if found is None or (found.migration, found.direction, found.partition) != wanted:
        return None
    return found.topic_id.hex(), found.offset
