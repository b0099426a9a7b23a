"""Dead letters as their topic holds them, and what was done with each, as the topic beside it says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from instar.core import dead_letter, redrive
from instar.core.dead_letter import Verdict
from instar.core.record import Record
from instar.core.redrive import LetterPosition, Settled
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.scan import scan


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. ``record`` is the original as it stood in its source; ``written_ms`` is when it became a letter.

    Without ``settled`` it is outstanding.
    """

    position: LetterPosition
    record: Record
    verdict: Verdict
    written_ms: int
    settled: Settled | None = None


def read_settled(cluster: Cluster, letters: Topic) -> dict[LetterPosition, Settled]:
    """What was done with the topic's letters; nothing where nothing was done yet.

    The last word on a letter counts. Raises ``KafkaTrouble``.
    """
    name = redrive.state_topic(letters.name)
    found = cluster.find(name)
    settled: dict[LetterPosition, Settled] = {}
    if found is None:
        return settled
    partitions = range(found.partitions)
    starts, ends = cluster.start_offsets(name, partitions), cluster.end_offsets(name, partitions)
    for record in scan(cluster.kafka, name, starts, ends):
        position = redrive.parse_key(record.key)
        said = redrive.parse_settled(record.value)
        if position is not None and said is not None and position.topic_id == letters.id:
            settled[position] = said
    return settled


def read_letters(
    cluster: Cluster, letters: Topic, migration: str, settled: Mapping[LetterPosition, Settled]
) -> Iterator[Letter]:
    """The migration's dead letters, both directions, in order within a partition. Raises ``KafkaTrouble``."""
    partitions = range(letters.partitions)
    starts, ends = cluster.start_offsets(letters.name, partitions), cluster.end_offsets(letters.name, partitions)
    for record in scan(cluster.kafka, letters.name, starts, ends):
        letter = to_letter(record, letters.id, settled)
        if letter is not None and letter.verdict.migration == migration:
            yield letter


def to_letter(record: Record, topic_id: bytes, settled: Mapping[LetterPosition, Settled]) -> Letter | None:
    """A record of a dead-letter topic; None when it is none of ours."""
    parsed = dead_letter.parse(record.headers)
    if parsed is None:
        return None
    verdict, headers = parsed
    source = verdict.source
    position = LetterPosition(topic_id, record.partition, record.offset)
    original = Record(
        source.topic, source.partition, source.offset, record.key, record.value, headers, source.timestamp_ms
    )
    return Letter(position, original, verdict, record.timestamp_ms, settled.get(position))
