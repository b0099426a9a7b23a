"""An archive into a topic, exactly once.

How far it is stands in Kafka, as the offsets of a consumer group of the import's own, ``instar.import.<topic>``: for
each partition of the topic, the *archive's* offset from which it goes on. They are committed in the transactions that
write the records, so that neither can be ahead of the other, and a file beside the archive could not do that. With each
offset goes which archive (its digest) and which topic (its id) it is of: another archive, or a topic that was made
again, is noticed and refused. Nothing is added to the records, which stay byte for byte what they were.

One transactional id for each topic: an import that is started while another runs fences it, and goes on behind what
that one committed; a killed one's open transaction is aborted by the next one's start. Kafka forgets a group's offsets
(``offsets.retention.minutes``, a week) some time after their last commit. An unfinished import that is taken up later
than that finds records and no offsets, and is refused rather than begun again.

When all is written, the topic is read back and held against the archive record by record. That is the proof, and gives
the map of offsets at the same time: since only this import wrote the topic, the n-th committed record of a partition is
the archive's n-th, and whatever stands between them (markers, aborted attempts) becomes a shift. Compaction is held
until then. Then the group is marked as through, so that another import of the same archive does nothing.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

import orjson
from confluent_kafka import Consumer, TopicPartition

from instar.archives.topic_check import read_partition
from instar.archives.topic_manifest import Manifest
from instar.core.record import Output, Record
from instar.core.stored import Stored, size_bytes
from instar.kafka import config, topic_settings
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Aborted, AmbiguousOutcome, Fenced, KafkaTrouble, Refused, Unreachable
from instar.kafka.failpoints import Failpoints
from instar.kafka.stored import read_stored
from instar.kafka.writer import Writer
from instar.preservation.export_topic import Stopped
from instar.preservation.import_plan import ImportPlan, Wish, plan_import
from instar.preservation.offsets_map import OffsetsMapWriter

FORMAT = 1
BATCH_RECORDS = 5_000
BATCH_BYTES = 16 * 1024 * 1024
PATIENCE_S = 120.0
_DIGEST_CHARS = 32
_BACKOFF_S = 0.5
_SAY_EVERY_RECORDS = 5_000


@dataclass(frozen=True, slots=True)
class Imported:
    """``written`` by this call, of ``records``; the rest was there from an earlier, interrupted one."""

    topic: str
    records: int
    written: int
    ranges: int  # in which old and new offsets advance alike
    offsets_map: Path | None  # None where an earlier call had written it
    shifts: Mapping[int, tuple[int, int]]  # partition to (end in the archive, end in the topic)
    recoveries: int


@dataclass(frozen=True, slots=True)
class Progress:
    doing: str  # "writing" or "reading back"
    records: int


@dataclass(frozen=True, slots=True)
class _Mark:
    """What the group says of one partition."""

    next: int
    archive: str
    topic_id: str
    through: bool

    def metadata(self) -> str:
        said = {"f": FORMAT, "a": self.archive, "t": self.topic_id, "through": self.through}
        return orjson.dumps(said).decode()


def group_of(topic: str) -> str:
    return f"instar.import.{topic}"


def standing(cluster: Cluster, manifest: Manifest, topic: Topic | None) -> dict[int, _Mark]:
    """How far an import of this archive into this topic is; nothing where none was begun.

    Raises ``Refused`` where the topic holds a part of another archive, or what is known of it cannot be read.
    """
    if topic is None or cluster.built_in:
        return {}
    group = group_of(topic.name)
    marks: dict[int, _Mark] = {}
    for partition, (offset, said) in cluster.committed(group, topic.name, range(topic.partitions)).items():
        mark = _parse(offset, said)
        if mark is None:
            raise Refused(
                f"Group {group} holds an offset that no import wrote (partition {partition}).",
                "Delete that group if nobody needs it, and import into a topic that is empty.",
            )
        if mark.topic_id != topic.id.hex():
            continue  # of an earlier topic of this name
        if mark.archive != manifest.digest[:_DIGEST_CHARS]:
            raise Refused(
                f"Another archive (digest {mark.archive}...) was imported into {topic.name}, in whole or in part; this "
                f"one is {manifest.digest[:_DIGEST_CHARS]}...",
                "Import into a topic of its own, or delete this one first.",
            )
        marks[partition] = mark
    return marks


def import_topic(
    cluster: Cluster,
    folder: Path,
    manifest: Manifest,
    topic: str,
    offsets_map: Path,
    wish: Wish | None = None,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    stop: Event | None = None,
    failpoints: Failpoints | None = None,
) -> Imported:
    """Write the archive's records, or finish an import that was begun; then prove it, and write the map of offsets.

    ``manifest`` is what ``check_archive`` has found sound. Raises ``Refused`` with the first thing that stands against
    it (``plan_import`` tells all), ``Stopped`` between two transactions once ``stop`` is set, ``Unusable`` where the
    archive changes meanwhile, and ``KafkaTrouble``.
    """
    wish = wish or Wish()
    marks = standing(cluster, manifest, cluster.find(topic))
    plan = plan_import(cluster, manifest, topic, wish, time.time_ns() // 1_000_000, begun=bool(marks))
    if _through(marks, manifest):
        _settle(cluster, plan)
        return Imported(topic, manifest.records, 0, 0, None, {}, 0)
    for reason, remedy in plan.refusals:
        raise Refused(reason, remedy)
    if plan.makes_topic:
        cluster.create(topic, plan.partitions, plan.settings)
    elif plan.settings:
        topic_settings.alter(cluster, topic, plan.settings)
    found = cluster.topic(topic)
    with _importing(cluster, folder, manifest, found, wish, stop, failpoints) as run:
        written = run.write(lambda records: on_progress(Progress("writing", records)))
        ranges, ends = run.read_back(offsets_map, lambda records: on_progress(Progress("reading back", records)))
        run.mark_through()
        recoveries = run.recoveries
    _settle(cluster, plan)
    return Imported(topic, manifest.records, written, ranges, offsets_map, ends, recoveries)


def _through(marks: Mapping[int, _Mark], manifest: Manifest) -> bool:
    return all(partition in marks and marks[partition].through for partition in manifest.scope.starts)


def _settle(cluster: Cluster, plan: ImportPlan) -> None:
    """Give the topic what was held back. Done again without harm, so that a kill before it costs nothing."""
    if plan.afterwards:
        topic_settings.alter(cluster, plan.topic, plan.afterwards)


@contextlib.contextmanager
def _importing(
    cluster: Cluster,
    folder: Path,
    manifest: Manifest,
    topic: Topic,
    wish: Wish,
    stop: Event | None,
    failpoints: Failpoints | None,
) -> Iterator["_Import"]:
    writer = Writer(cluster.kafka, [topic], group_of(topic.name), failpoints or Failpoints())
    consumer = Consumer(config.offsets_of(cluster.kafka, group_of(topic.name)))
    run = _Import(cluster, folder, manifest, topic, wish, writer, consumer.consumer_group_metadata(), stop or Event())
    try:
        yield run
    finally:
        run.leave()
        consumer.close()


class _Import:
    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        manifest: Manifest,
        topic: Topic,
        wish: Wish,
        writer: Writer,
        group_metadata: object,
        stop: Event,
    ) -> None:
        self._cluster = cluster
        self._folder = folder
        self._manifest = manifest
        self._topic = topic
        self._wish = wish
        self._writer = writer
        self._group_metadata = group_metadata
        self._stop = stop
        self._written = 0
        self._advanced_s = time.monotonic()
        self.recoveries = 0

    def write(self, on_progress: Callable[[int], None]) -> int:
        """Everything that is not there yet; how many records that were."""

        def rest() -> None:
            marks = standing(self._cluster, self._manifest, self._topic)
            starts, bounds = self._manifest.scope.starts, self._manifest.scope.bounds
            if not marks:
                self._begin()
                marks = {}
            for partition, start in sorted(starts.items()):
                reached = marks[partition].next if partition in marks else start
                if reached < bounds[partition]:
                    self._partition(partition, reached, on_progress)

        self._until_known(rest)
        return self._written

    def read_back(self, path: Path, on_progress: Callable[[int], None]) -> tuple[int, dict[int, tuple[int, int]]]:
        """Hold the topic against the archive and write the map. Raises ``KafkaTrouble`` for the first difference."""
        scope, name = self._manifest.scope, self._topic.name
        numbers = range(self._topic.partitions)
        starts, ends = self._cluster.start_offsets(name, numbers), self._cluster.end_offsets(name, numbers)
        sides = {
            "archive": self._manifest.digest,
            "from": {"topic": scope.topic, "topic_id": scope.topic_id, "cluster_id": scope.cluster_id},
            "to": {"topic": name, "topic_id": self._topic.id.hex(), "cluster_id": self._cluster.id},
        }
        lines = OffsetsMapWriter(path, sides)
        done = 0
        try:
            for partition in sorted(scope.starts):
                there = read_stored(self._cluster.kafka, name, partition, starts[partition], ends[partition])
                for old in read_partition(self._folder, self._manifest, partition, 0):
                    new = next(there, None)
                    self._compare(old, new, partition)
                    assert new is not None  # noqa: S101 - it was compared
                    lines.pair(partition, old.record.offset, new.record.offset)
                    done += 1
                    if done % _SAY_EVERY_RECORDS == 0:
                        on_progress(done)
                        self._stopped()
                self._compare(None, next(there, None), partition)
                lines.end(partition, scope.bounds[partition], ends[partition])
            lines.keep()
        except BaseException:
            lines.discard()
            raise
        on_progress(done)
        return lines.ranges, {each: (scope.bounds[each], ends[each]) for each in scope.starts}

    def mark_through(self) -> None:
        self._until_known(lambda: self._commit(self._manifest.scope.bounds, through=True))

    def leave(self) -> None:
        """What is open would hold readers back until it times out."""
        # Where it cannot be ended, its timeout ends it; what made us leave is on its way to the caller.
        with contextlib.suppress(Aborted, AmbiguousOutcome, KafkaTrouble):
            self._writer.abort()
        self._writer.discard()

    # ------------------------------------------------------------------ writing

    def _begin(self) -> None:
        """The group's first offsets, in a transaction too: one that was fenced cannot set them back."""
        numbers = range(self._topic.partitions)
        name = self._topic.name
        # Asked again: between the plan and the producer's start another import may have come and gone.
        if self._cluster.start_offsets(name, numbers) != self._cluster.end_offsets(name, numbers):
            raise Refused(
                f"Topic {name} holds records, and nothing says that an import wrote them.",
                "Import into a topic that is not there, or that is empty.",
            )
        self._commit(self._manifest.scope.starts)

    def _partition(self, partition: int, start: int, on_progress: Callable[[int], None]) -> None:
        for batch in _batches(read_partition(self._folder, self._manifest, partition, start)):
            self._writer.begin()
            self._writer.produce(self._topic.name, partition, [_output(each.record) for each in batch])
            self._commit({partition: batch[-1].record.offset + 1})
            self._written += len(batch)
            on_progress(self._written)
            self._stopped()
        # Behind the last record there may be offsets without one.
        self._commit({partition: self._manifest.scope.bounds[partition]})

    def _commit(self, offsets: Mapping[int, int], *, through: bool = False) -> None:
        digest, topic_id = self._manifest.digest[:_DIGEST_CHARS], self._topic.id.hex()
        wanted = [
            TopicPartition(self._topic.name, partition, offset, _Mark(offset, digest, topic_id, through).metadata())
            for partition, offset in offsets.items()
        ]
        self._writer.begin()
        self._writer.commit(wanted, self._group_metadata)
        self._advanced_s = time.monotonic()

    def _until_known(self, work: Callable[[], None]) -> None:
        """Do it with a new producer, and again after an abort or an outcome that only a new producer can tell."""
        while True:
            try:
                self._writer.replace()
                work()
            except Fenced as problem:
                raise Fenced(
                    f"Another import into {self._topic.name} was started; this one has written nothing since.",
                    "Let that one finish: it goes on behind what this one wrote.",
                ) from problem
            except (Aborted, AmbiguousOutcome) as reason:
                self.recoveries += 1
                if time.monotonic() - self._advanced_s > PATIENCE_S:
                    raise Unreachable(
                        f"The import does not get on: {reason}.", "Run it again: it goes on where it stopped."
                    ) from reason
                self._stop.wait(_BACKOFF_S)
                self._stopped()
            else:
                return

    def _stopped(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _compare(self, old: Stored | None, new: Stored | None, partition: int) -> None:
        if old is None and new is None:
            return
        name = self._topic.name
        if old is None and new is not None:
            raise KafkaTrouble(
                f"{name} partition {partition} offset {new.record.offset} is not of the archive: somebody else writes "
                "this topic.",
                "Delete the topic, keep others from writing to it, and import again.",
            )
        assert old is not None  # noqa: S101 - for the type checker
        where = f"partition {partition} offset {old.record.offset} of the archive"
        if new is None:
            raise KafkaTrouble(
                f"{where} is not in {name}: what was written was deleted since.",
                "Look at the topic's retention, delete the topic and import again.",
            )
        for what in ("key", "value", "headers", "timestamp_ms"):
            if what == "timestamp_ms" and self._wish.accept_timestamps:
                continue
            if getattr(old.record, what) != getattr(new.record, what):
                raise KafkaTrouble(
                    f"{where} and {name} offset {new.record.offset} differ in their {what}: somebody else writes this "
                    "topic, or records of it were deleted.",
                    "Delete the topic, keep others from writing to it, and import again.",
                )


def _batches(records: Iterator[Stored]) -> Iterator[list[Stored]]:
    """By number and by size, whichever comes first."""
    for first in records:
        batch, size = [first], size_bytes(first.record)
        for each in islice(records, BATCH_RECORDS - 1):
            batch.append(each)
            size += size_bytes(each.record)
            if size >= BATCH_BYTES:
                break
        yield batch


def _output(record: Record) -> Output:
    return Output(record.key, record.value, record.headers, record.timestamp_ms)


def _parse(offset: int, metadata: str | None) -> _Mark | None:
    try:
        said: Any = orjson.loads(metadata or "")
        if said["f"] != FORMAT:
            return None
        return _Mark(offset, str(said["a"]), str(said["t"]), bool(said["through"]))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
