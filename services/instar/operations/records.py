"""One record of a topic: found by its place, and brought to every version."""

import sys
from contextlib import redirect_stdout

from instar.core.reading import Read, context_of
from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.core.trace_document import seal_stages
from instar.core.upcasting.chain import Stage, TracedRecord
from instar.core.upcasting.difference import differences
from instar.kafka.cluster import Cluster
from instar.kafka.scan import scan
from instar.operations.failure import USAGE, NotThere
from instar.operations.scope import existing_topic, version_of

_SILENCE_TIMEOUT_S = 15.0


def fetch(cluster: Cluster, topic: str, partition: int, offset: int) -> tuple[Record, str]:
    """The record, and whether readers see it. Read uncommitted: what is in an open transaction can be looked at."""
    partitions = existing_topic(cluster, topic).partitions
    if partition >= partitions:
        has = f"It has {partitions}, from 0 to {partitions - 1}."
        raise NotThere(f"{topic} has no partition {partition}.", has, USAGE)
    start = cluster.start_offsets(topic, [partition])[partition]
    end = cluster.end_offsets(topic, [partition])[partition]
    if not start <= offset < end:
        has = f"It has offsets {start:,} to {end - 1:,}." if end > start else "It is empty."
        raise NotThere(f"Partition {partition} of {topic} has no offset {offset:,}.", has)
    found = _scan_one(cluster, topic, partition, offset, committed=False)
    if found is None:
        raise NotThere(
            f"There is no record at offset {offset:,} of partition {partition} of {topic}.",
            "It is a transaction's marker, or compaction removed it. Try a neighbouring offset.",
        )
    if offset >= cluster.end_offsets(topic, [partition], committed=True)[partition]:
        return found, "in or behind an open transaction: readers of committed records do not see it yet"
    if _scan_one(cluster, topic, partition, offset, committed=True) is None:
        return found, "aborted: readers of committed records never see it"
    return found, "committed"


def _scan_one(cluster: Cluster, topic: str, partition: int, offset: int, *, committed: bool) -> Record | None:
    records = scan(
        cluster.kafka,
        topic,
        {partition: offset},
        {partition: offset + 1},
        committed=committed,
        batch_records=1,
        silence_timeout_s=_SILENCE_TIMEOUT_S,
    )
    return next((record for record in records if record.offset == offset), None)


def stages_of(read: Read, record: Record, to_version: str | None) -> list[Stage]:
    subject = read.subject
    end = subject.latest if to_version is None else version_of(subject, to_version)
    value = read.value()
    if isinstance(value, Rejected):
        return [Stage(read.version, None, (), value)]
    way = subject.chain(read.version, end)
    if isinstance(way, Rejected):
        own = subject.chain(read.version, read.version)
        if isinstance(own, Rejected):
            return [Stage(read.version, None, (), own)]
        return [*seal_stages(subject, own.trace(value, context_of(record))), Stage(end, None, (), way)]
    with redirect_stdout(sys.stderr):  # a hop that prints must not end up in the data
        stages = way.trace(value, context_of(record))
    return seal_stages(subject, stages)


def stages_both_ways(read: Read, record: Record) -> list[Stage]:
    """The record from the first version to the newest: what the way down makes of it, itself, and the way up.

    What each hop changed is told upwards for all of them. Where no way leads down, it begins at its own version.
    """
    upwards = stages_of(read, record, None)
    value = read.value()
    subject = read.subject
    way = subject.chain(read.version, min(subject.versions))
    if isinstance(value, Rejected) or isinstance(way, Rejected):
        return upwards
    with redirect_stdout(sys.stderr):
        down = seal_stages(subject, way.trace(value, context_of(record)))
    if any(stage.rejected is not None or len(stage.records) != 1 for stage in down):
        return upwards
    values = [stage.records[0].value for stage in reversed(down)]
    hops = [None, *(stage.hop for stage in reversed(down[1:]))]
    below = [
        Stage(stage.version, hop, (TracedRecord(after, 0, tuple(differences(before, after)) if hop else ()),))
        for stage, hop, before, after in zip(reversed(down), hops, [None, *values], values, strict=False)
    ]
    return [*below, *upwards[1:]]
