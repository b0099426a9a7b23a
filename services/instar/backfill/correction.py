"""A correction: some source offsets once more through today's chain, into a topic of their own.

After a bug in a hop was mended, the records that it made wrong are made again; what becomes of them is for whoever
asked. They never go into a topic that a migration lives in: readers there would see them twice, and Kafka has no
compare-and-set by which a record could be replaced only while it is still the newest of its key. In place they would
need a write fence for as long as the run takes, and are refused.

A run happens once. Where that stands is decided by three things together:

- *The mark.* A group of the run's own, ``instar.<migration>.<direction>.range.<run-id>``, has an offset in the source
  for each partition of the run, with the range, both topic ids, the fingerprint and the counts in its metadata. It
  commits in the transactions that write the outputs, so a run that is killed goes on exactly behind what is visible,
  and one whose offsets are all behind their ranges is finished: a repeat is refused. A file or a table could be ahead
  of the outputs or behind them; the control topic could be written in the same transaction, but Kafka would keep it
  for ever for each run. A group expires.
- *The outputs.* A week after the last commit (``offsets.retention.minutes``) Kafka forgets the group. So before a run
  begins, the topic and its dead letters are looked through for records that were made of its source offsets, under
  whatever run id, and any is a refusal. Only a run that published nothing at all may then be repeated, without harm.
- *The transactional id*, ``instar.<migration>.<direction>.range.into.<topic>``, is the topic's and not the run's: two
  runs into one topic fence each other even where their ids differ, and the look through the topic comes after the
  fence, when what the other one had open has ended. So there is no moment in which both could find nothing.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from threading import Event
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from instar.core import dead_letter, provenance
from instar.core.bridge import Bridge, Carried
from instar.core.checkpoint import Counts
from instar.core.correction import FINGERPRINT_CHARS, Mark, Range, parse_mark, total
from instar.core.dead_letter import dead_letter as letter_of
from instar.core.provenance import Direction, Stamp
from instar.core.record import Output, Record
from instar.kafka import config
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Aborted, AmbiguousOutcome, Fenced, KafkaTrouble, Refused, Unreachable
from instar.kafka.failpoints import Failpoints
from instar.kafka.scan import scan
from instar.kafka.writer import Writer

PATIENCE_S = 120.0
_BACKOFF_S = 0.5


class Stopped(Exception):
    """It was asked to stop; what is committed is kept, and the same run goes on from there."""


@dataclass(frozen=True, slots=True)
class Job:
    """``into`` and ``letters`` have topic ids of their own once they exist; before that the ids are zero."""

    migration: str
    direction: Direction
    run_id: str
    source: Topic
    into: Topic
    letters: Topic
    ranges: tuple[Range, ...]
    fingerprint: str
    kafka: Mapping[str, Any]
    stop_on_error: bool = False
    batch_records: int = 2_000  # in a transaction

    @property
    def group(self) -> str:
        return f"instar.{self.migration}.{self.direction}.range.{self.run_id}"

    @property
    def transactional_id(self) -> str:
        return f"instar.{self.migration}.{self.direction}.range.into.{self.into.name}"


def standing(job: Job, cluster: Cluster, *, mine: bool = False) -> dict[int, Mark]:
    """How far the run is; nothing where it has not begun. ``mine``: the caller is the one who may have finished it.

    Raises ``Refused`` where the run id was another run's, or this run is finished.
    """
    partitions = range(job.source.partitions)
    marks: dict[int, Mark] = {}
    for partition, (offset, said) in cluster.committed(job.group, job.source.name, partitions).items():
        mark = parse_mark(partition, offset, said)
        if mark is None:
            raise Refused(
                f"Group {job.group} holds an offset that no run wrote (partition {partition}).",
                "Choose another --run-id.",
            )
        marks[partition] = mark
    if marks:
        _refuse_other(job, marks, mine=mine)
    return marks


def _refuse_other(job: Job, marks: Mapping[int, Mark], *, mine: bool) -> None:
    ranges = tuple(marks[partition].range for partition in sorted(marks))
    began = f"Run {job.run_id} of {job.migration} {job.direction} was begun"
    if ranges != job.ranges:
        raise Refused(
            f"{began} over {', '.join(map(str, ranges))}, not {', '.join(map(str, job.ranges))}.",
            "A run id stands for one run: choose another --run-id.",
        )
    one = marks[ranges[0].partition]
    if (one.source_id, one.into_id) != (job.source.id.hex(), job.into.id.hex()):
        raise Refused(
            f"{began} from topic id {one.source_id} into {one.into_id}; {job.source.name} is {job.source.id.hex()} and "
            f"{job.into.name} is {job.into.id.hex()}.",
            "Another topic, or a topic that was made again, is another run: choose another --run-id.",
        )
    if all(mark.finished for mark in marks.values()) and not mine:
        counts = total(marks)
        raise Refused(
            f"Run {job.run_id} of {job.migration} {job.direction} is finished: {counts.read:,} records read, "
            f"{counts.outputs:,} in {job.into.name}. Carrying them again would publish them twice.",
            "To carry them again after another change, use a new topic.",
        )
    if one.fingerprint != job.fingerprint[:FINGERPRINT_CHARS]:
        raise Refused(
            f"{began} under another plan ({one.fingerprint}, now {job.fingerprint[:FINGERPRINT_CHARS]}): its first "
            "records were made by other rules than its last would be.",
            "Take the change back and finish it, or begin a new run into a new topic.",
        )


def check(job: Job, cluster: Cluster, *, mine: bool = False) -> dict[int, Mark]:
    """Everything that stands against it, looked at without changing anything. How far it is already.

    Raises ``Refused``.
    """
    if cluster.built_in:
        raise Refused("The broker that is built into librdkafka has no transactions.", "Use a real Kafka.")
    marks = standing(job, cluster, mine=mine)
    partitions = [each.partition for each in job.ranges]
    beyond = [partition for partition in partitions if partition >= job.source.partitions]
    if beyond:
        raise Refused(f"{job.source.name} has no partition {beyond[0]}.", f"It has 0 to {job.source.partitions - 1}.")
    narrow = [partition for partition in partitions if partition >= job.into.partitions]
    if narrow:
        raise Refused(
            f"{job.into.name} has {job.into.partitions} partitions, and records keep their partition number: there is "
            f"no partition {narrow[0]}.",
            "Add partitions to it, or choose another topic.",
        )
    firsts, ends = (ask(job.source.name, partitions) for ask in (cluster.start_offsets, cluster.end_offsets))
    for each in job.ranges:
        reached = marks[each.partition].next if each.partition in marks else each.first
        if reached <= each.last and reached < firsts[each.partition]:
            raise Refused(
                f"Retention has deleted partition {each.partition} of {job.source.name} up to offset "
                f"{firsts[each.partition]:,}; the run needs it from {reached:,}.",
                "Restore the records from an archive (`instar topic import`), or begin the range later.",
            )
        if each.last >= ends[each.partition]:
            raise Refused(
                f"Partition {each.partition} of {job.source.name} ends at offset {ends[each.partition]:,}; the range "
                f"goes to {each.last:,}.",
                "End the range where the partition ends; the worker carries what comes later.",
            )
    if not marks:
        _refuse_repeat(job, cluster)
    return marks


def _refuse_repeat(job: Job, cluster: Cluster) -> None:
    """Neither records of the run's own source offsets may be there, nor anybody else's."""
    for topic in (job.into, job.letters):
        if topic.id == provenance.NO_TOPIC_ID:  # not there yet
            continue
        partitions = [each.partition for each in job.ranges if each.partition < topic.partitions]
        starts, ends = cluster.start_offsets(topic.name, partitions), cluster.end_offsets(topic.name, partitions)
        ranges = {each.partition: each for each in job.ranges}
        for record in scan(job.kafka, topic.name, starts, ends):
            found = _made_of(job, record)
            where = f"{topic.name} partition {record.partition} offset {record.offset}"
            if found is None:
                raise Refused(
                    f"{where} is no record of {job.migration} {job.direction}: the topic is somebody else's.",
                    "Choose a topic of its own for the correction.",
                )
            topic_id, offset = found
            each = ranges[record.partition]
            if topic_id == job.source.id.hex() and each.first <= offset <= each.last:
                raise Refused(
                    f"{where} was made of source offset {offset:,} already, by another run or by one that Kafka has "
                    "forgotten.",
                    "Use a new topic for a new correction.",
                )


def _made_of(job: Job, record: Record) -> tuple[str, int] | None:
    """Source topic id and offset of a record that this migration made; None for any other."""
    letter = dead_letter.parse(record.headers)
    if letter is not None:
        verdict, _ = letter
        place = verdict.source
        known = (verdict.migration, verdict.direction, place.partition)
        return (place.topic_id, place.offset) if known == (job.migration, job.direction, record.partition) else None
    found = provenance.of(record.headers, record.key, record.value)
    if found is None or (found.migration, found.direction, found.partition) != (
        job.migration,
        job.direction,
        record.partition,
    ):
        return None
    return found.topic_id.hex(), found.offset


# --------------------------------------------------------------------------------------------------- running


def correct(
    job: Job,
    cluster: Cluster,
    bridge: Bridge,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
    stop: Event | None = None,
    failpoints: Failpoints | None = None,
) -> dict[int, Mark]:
    """Carry the ranges, or what an interrupted run has left of them. What the run came to, for each partition.

    ``on_progress`` is given the records that were read. Raises ``Refused`` as ``check`` does, and where a record is
    rejected by a migration that stops at errors; ``Stopped`` between two transactions; ``KafkaTrouble``.
    """
    writer = Writer(job.kafka, (job.into, job.letters), job.transactional_id, failpoints or Failpoints())
    consumer = Consumer(config.offsets_of(job.kafka, job.group))
    run = _Run(job, cluster, bridge, writer, consumer.consumer_group_metadata(), on_progress, stop or Event())
    try:
        return run.finish()
    finally:
        # What cannot be aborted ends by its timeout; what made us leave is on its way to the caller.
        with contextlib.suppress(Aborted, AmbiguousOutcome, KafkaTrouble):
            writer.abort()
        writer.discard()
        consumer.close()


class _Run:
    def __init__(
        self,
        job: Job,
        cluster: Cluster,
        bridge: Bridge,
        writer: Writer,
        group_metadata: object,
        on_progress: Callable[[int], None],
        stop: Event,
    ) -> None:
        self._job = job
        self._cluster = cluster
        self._bridge = bridge
        self._writer = writer
        self._group_metadata = group_metadata
        self._on_progress = on_progress
        self._stop = stop
        self._advanced_s = time.monotonic()

    def finish(self) -> dict[int, Mark]:
        tried = False
        while True:
            try:
                # Fences whoever runs into the same topic and ends what they have open: only now is a look at what is
                # committed worth anything.
                self._writer.replace()
                # After an outcome that was not known the run may be finished, by us.
                marks = check(self._job, self._cluster, mine=tried)
                tried = True
                marks = marks or self._begin()
                for partition in sorted(marks):
                    marks[partition] = self._carry(marks[partition], marks)
            except Fenced as problem:
                raise Fenced(
                    f"Another correction into {self._job.into.name} was started; this one has written nothing since.",
                    "Run one after the other; the same run goes on where it stopped.",
                ) from problem
            except (Aborted, AmbiguousOutcome) as reason:
                if time.monotonic() - self._advanced_s > PATIENCE_S:
                    raise Unreachable(
                        f"The correction does not get on: {reason}.", "Run it again: it goes on where it stopped."
                    ) from reason
                self._stop.wait(_BACKOFF_S)
                if self._stop.is_set():
                    raise Stopped from reason
            else:
                return marks

    def _begin(self) -> dict[int, Mark]:
        """The run's first marks, in a transaction too: a run that was fenced cannot set another's back."""
        job = self._job
        marks = {
            each.partition: Mark(each.first, each, job.source.id.hex(), job.into.id.hex(), job.fingerprint)
            for each in job.ranges
        }
        self._commit(marks)
        return marks

    def _carry(self, mark: Mark, marks: Mapping[int, Mark]) -> Mark:
        """One partition, from its mark on. The last transaction's mark is behind the range: markers, aborted and
        compacted records at its end are passed over."""
        job, partition, last = self._job, mark.range.partition, mark.range.last
        if mark.finished:
            return mark
        stamp = Stamp(job.migration, job.direction, job.source.id, partition)
        before = sum(each.counts.read for each in marks.values())
        records = scan(job.kafka, job.source.name, {partition: mark.next}, {partition: last + 1})
        counts = mark.counts
        for batch in _batches(records, job.batch_records):
            self._bridge.forget_rejected_routes()
            made, found = self._made(batch, stamp)
            counts = counts.plus(made)
            self._writer.begin()
            for topic, outputs in found.items():
                self._writer.produce(topic, partition, outputs)
            mark = replace(mark, next=batch[-1].offset + 1, counts=counts)
            self._commit({partition: mark})
            self._on_progress(before + counts.read - marks[partition].counts.read)
            if self._stop.is_set() and not mark.finished:
                raise Stopped
        if not mark.finished:
            mark = replace(mark, next=last + 1)
            self._commit({partition: mark})
        return mark

    def _made(self, batch: list[Record], stamp: Stamp) -> tuple[Counts, dict[str, list[Output]]]:
        job = self._job
        counts = Counts()
        found: dict[str, list[Output]] = {}
        for record in batch:
            carried = self._bridge.carry(record, stamp)
            _count(counts, carried)
            if carried.rejected is None:
                if carried.outputs:
                    found.setdefault(job.into.name, []).extend(carried.outputs)
                continue
            if job.stop_on_error:
                raise Refused(
                    f"{record.topic} partition {record.partition} offset {record.offset} is rejected "
                    f"({carried.rejected.code}): {carried.rejected.message}",
                    "Mend the hop and begin a new run into a new topic, or let the migration dead-letter (on_error).",
                )
            letter = letter_of(record, job.source.id, carried.rejected, job.migration, job.direction)
            found.setdefault(job.letters.name, []).append(letter)
        return counts, found

    def _commit(self, marks: Mapping[int, Mark]) -> None:
        wanted = [
            TopicPartition(self._job.source.name, partition, mark.next, mark.metadata())
            for partition, mark in marks.items()
        ]
        self._writer.begin()
        self._writer.commit(wanted, self._group_metadata)
        self._advanced_s = time.monotonic()


def _count(counts: Counts, carried: Carried) -> None:
    counts.read += 1
    match carried.result:
        case "published":
            counts.published += 1
            counts.outputs += len(carried.outputs)
        case "dead-lettered":
            counts.dead_lettered += 1
        case "dropped":
            counts.dropped += 1
        case "echoed":
            counts.echoed += 1


def _batches(records: Iterator[Record], size: int) -> Iterator[list[Record]]:
    for first in records:
        yield [first, *islice(records, size - 1)]
