"""A topic into an archive: committed records, byte for byte, with the offsets that they stood at.

One partition after the other, into segments of bounded size. What a killed run left is taken up by the next: its
bounds stand in ``export.json``, segments that are in their place are read again and kept when they are sound, whatever
else it was writing is thrown away. The manifest is written last.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from instar.archives.errors import Unusable
from instar.archives.topic_manifest import EXPORT, FORMAT, MANIFEST, Manifest, Scope, read_manifest, read_scope, write
from instar.archives.topic_records import LIMIT_RECORD_BYTES, Summary, encode
from instar.archives.topic_segment import Compression, Segment, SegmentReader, SegmentWriter, file_name, packer
from instar.clock import now_ms
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Refused
from instar.kafka.stored import read_stored

SEGMENT_BYTES = 128 * 1024 * 1024  # of records, uncompressed: what a kill may cost to read again
_SAY_EVERY_RECORDS = 2_000

# What decides how the records live in a topic. Replication, min.insync.replicas and where segments lie on disks belong
# to a cluster, and may not even be possible on the one that an archive is brought back to.
SETTINGS = (
    "cleanup.policy",
    "compression.type",
    "delete.retention.ms",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.ms",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be exported: all partitions from the first record to the end of now, where nothing else is said.

    ``words`` are the caller's own, for the archive; a run that is taken up must be asked for in the same ones.
    ``settings`` go into the archive instead of what the topic says now, as where it is locked by one.
    """

    starts: Mapping[int, int] | None = None
    bounds: Mapping[int, int] | None = None
    partitions: tuple[int, ...] | None = None
    compression: Compression = "gzip"
    words: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """How far an export is, in offsets: those without a record count too."""

    offsets: int
    of_offsets: int
    records: int


class Stopped(Exception):
    """It was asked to stop; what is finished is kept."""


def export_topic(
    cluster: Cluster,
    topic: str,
    folder: Path,
    asked: Asked | None = None,
    *,
    segment_bytes: int = SEGMENT_BYTES,
    on_progress: Callable[[Done], None] = lambda _: None,
    stop: Event | None = None,
) -> Manifest:
    """Write the archive, or finish one that was begun.

    Raises ``Unusable`` where the folder holds anything else, a whole archive included; ``Refused`` where the topic or
    what is asked is not what the archive began with, or records were deleted meanwhile; ``Stopped`` once ``stop`` is
    set, with what is finished kept; ``KafkaTrouble``.
    """
    found = cluster.topic(topic)
    asked = asked or Asked()
    packer(asked.compression)  # says at once that it cannot
    with _alone(folder):
        _refuse_whole(folder)
        scope = read_scope(folder)
        if scope is None:
            scope = _begin(cluster, found, folder, asked)
        else:
            _same(scope, cluster, found, asked)
        run = _Export(cluster, scope, folder, segment_bytes, on_progress, stop or Event())
        manifest = run.finish()
        now = cluster.find(topic)
        if now is None or now.id != found.id:
            raise Refused(
                f"Topic {topic} was deleted or made again while it was exported.", "Export it again into a new folder."
            )
        write(folder / MANIFEST, manifest.document())
        (folder / EXPORT).unlink()
    return manifest


class _Export:
    def __init__(
        self,
        cluster: Cluster,
        scope: Scope,
        folder: Path,
        segment_bytes: int,
        on_progress: Callable[[Done], None],
        stop: Event,
    ) -> None:
        self._cluster = cluster
        self._scope = scope
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._on_progress = on_progress
        self._stop = stop
        self._total = sum(scope.bounds[partition] - start for partition, start in scope.starts.items())
        self._before = 0  # offsets of partitions that are through
        self._records = 0
        self._segments: list[Segment] = []

    def finish(self) -> Manifest:
        for pattern in ("*/.*.part", ".*.part"):
            for part in self._folder.glob(pattern):
                part.unlink()
        summaries: dict[int, Mapping[str, Any]] = {}
        for partition, start in sorted(self._scope.starts.items()):
            summary = Summary()
            reached = self._kept(partition, summary)
            if reached < self._scope.bounds[partition]:
                self._read(partition, reached, summary)
            summaries[partition] = summary.as_dict()
            self._before += self._scope.bounds[partition] - start
        self._say(0)
        return Manifest(self._scope, tuple(self._segments), summaries, now_ms())

    def _kept(self, partition: int, summary: Summary) -> int:
        """Read what an earlier run finished of a partition; where it ends. Raises ``Unusable`` for what is damaged."""
        reached = start = self._scope.starts[partition]
        while (self._folder / file_name(partition, reached)).exists():
            with SegmentReader(self._folder, partition, reached) as reader:
                for stored, encoded in reader.records():
                    summary.add(stored, encoded)
                    self._records += 1
                    if self._records % _SAY_EVERY_RECORDS == 0:
                        self._stopped()
                        self._say(stored.record.offset - start)
            assert reader.segment is not None  # noqa: S101 - the reader came to the end
            self._segments.append(reader.segment)
            if reader.segment.next == reached:
                break
            reached = reader.segment.next
        return reached

    def _read(self, partition: int, first: int, summary: Summary) -> None:
        scope = self._scope
        start, bound = scope.starts[partition], scope.bounds[partition]
        writer = SegmentWriter(self._folder, partition, first, scope.compression)
        size = 0
        try:
            for stored in read_stored(self._cluster.kafka, scope.topic, partition, first, bound):
                encoded = encode(stored)
                offset = stored.record.offset
                _refuse_huge(scope.topic, partition, offset, len(encoded))
                if size and size + len(encoded) > self._segment_bytes:
                    self._segments.append(writer.finish(offset))
                    writer, size = SegmentWriter(self._folder, partition, offset, scope.compression), 0
                writer.add(encoded)
                summary.add(stored, encoded)
                size += len(encoded)
                self._records += 1
                if self._records % _SAY_EVERY_RECORDS == 0:
                    self._say(offset - start)
                    if self._stop.is_set():
                        writer.finish(offset + 1)
                        self._stopped()
            self._segments.append(writer.finish(bound))
        except BaseException:
            writer.discard()
            raise

    def _stopped(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _say(self, offsets: int) -> None:
        self._on_progress(Done(self._before + offsets, self._total, self._records))


def _refuse_huge(topic: str, partition: int, offset: int, size_bytes: int) -> None:
    if size_bytes > LIMIT_RECORD_BYTES:
        raise Refused(
            f"{topic} partition {partition} offset {offset} has {size_bytes:,} bytes; an archive takes records of up "
            f"to {LIMIT_RECORD_BYTES:,}.",
            "Export the partition up to it and from behind it (--until, --from).",
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One export at a time in a folder. The lock is the kernel's: it ends with the process, however that ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise Unusable(
            f"{folder} cannot be made or used: {error.strerror}.", remedy="Name a folder that can be written."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Refused(f"Another export is writing to {folder}.", "Wait for it, or name another folder.") from error
        yield
    finally:
        os.close(descriptor)


def _refuse_whole(folder: Path) -> None:
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        (folder / EXPORT).unlink(missing_ok=True)  # where the last run was killed between its last two steps
        raise Unusable(
            f"{folder} holds a whole archive already: {manifest.records:,} records of {manifest.scope.topic}.",
            remedy="Name another folder; `instar topic check` says whether it is sound.",
        )


def _begin(cluster: Cluster, topic: Topic, folder: Path, asked: Asked) -> Scope:
    left = [path for path in folder.iterdir() if not (path.name.startswith(f".{EXPORT}.") and path.suffix == ".part")]
    if left:
        raise Unusable(
            f"{folder} is not empty: it holds {left[0].name}.", remedy="Name a folder that is empty or not there."
        )
    for part in folder.iterdir():  # of a run that was killed before it had begun
        part.unlink()
    numbers = range(topic.partitions) if asked.partitions is None else asked.partitions
    first, ends = cluster.start_offsets(topic.name, numbers), cluster.end_offsets(topic.name, numbers)
    starts = {number: max(first[number], (asked.starts or first).get(number, first[number])) for number in numbers}
    bounds = {number: min(ends[number], (asked.bounds or ends).get(number, ends[number])) for number in numbers}
    scope = Scope(
        cluster_id=cluster.id,
        topic=topic.name,
        topic_id=topic.id.hex(),
        partitions=topic.partitions,
        settings={name: topic.settings[name] for name in SETTINGS if name in topic.settings} | dict(asked.settings),
        starts=starts,
        bounds={number: max(bound, starts[number]) for number, bound in bounds.items()},
        compression=asked.compression,
        began_ms=now_ms(),
        asked=dict(asked.words),
    )
    write(folder / EXPORT, {"format": FORMAT, **scope.document()})
    return scope


def _same(scope: Scope, cluster: Cluster, topic: Topic, asked: Asked) -> None:
    began = f"The export was begun of {scope.topic} (topic id {scope.topic_id}, cluster {scope.cluster_id})"
    if (scope.topic, scope.topic_id, scope.cluster_id) != (topic.name, topic.id.hex(), cluster.id):
        raise Refused(
            f"{began}; this is {topic.name} (topic id {topic.id.hex()}, cluster {cluster.id}).",
            "Export it into another folder.",
        )
    words = {**asked.words}
    if scope.asked != words or scope.compression != asked.compression:
        raise Refused(
            f"{began} with {_worded(scope.asked, scope.compression)}, and is now asked for with "
            f"{_worded(words, asked.compression)}.",
            "Go on as it was begun, or export into another folder.",
        )


def _worded(words: Mapping[str, str], compression: Compression) -> str:
    return " ".join(f"--{name} {text}" for name, text in {**words, "compress": compression}.items())
