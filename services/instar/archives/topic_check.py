"""Is an archive of a topic what was written? Needs no Kafka."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from instar.archives.errors import Unusable
from instar.archives.topic_manifest import EXPORT, MANIFEST, Manifest, read_manifest
from instar.archives.topic_records import Summary
from instar.archives.topic_segment import SegmentReader
from instar.core.stored import Stored

_SAY_EVERY_RECORDS = 5_000


@dataclass(frozen=True, slots=True)
class Checked:
    """``strangers`` are files in the folder that do not belong to the archive; nothing reads them."""

    manifest: Manifest
    strangers: tuple[str, ...]


class Interrupted(Exception):
    """It was asked to stop before it was through."""


def check_archive(
    folder: Path, *, on_progress: Callable[[int], None] = lambda _: None, stop: Event | None = None
) -> Checked:
    """Read every byte and hold it against the manifest. ``on_progress`` is given the records read so far.

    Raises ``Unusable`` that names the file, and the place in it, for the first thing that is not as it was written;
    ``Interrupted`` once ``stop`` is set.
    """
    manifest = read_manifest(folder)
    scope = manifest.scope
    summaries = {partition: Summary() for partition in scope.starts}
    done = 0
    for segment in manifest.segments:
        summary = summaries[segment.partition]
        with SegmentReader(folder, segment.partition, segment.first) as reader:
            for stored, encoded in reader.records():
                summary.add(stored, encoded)
                done += 1
                if done % _SAY_EVERY_RECORDS == 0:
                    on_progress(done)
                    if stop is not None and stop.is_set():
                        raise Interrupted
        if reader.segment != segment:
            raise Unusable(
                f"{reader.path} is not the segment that {MANIFEST} lists: it has {reader.segment}.",
                remedy="Take a sound copy of the archive.",
            )
    for partition, summary in summaries.items():
        if summary.as_dict() != manifest.partitions[partition]:
            raise Unusable(
                f"{folder / MANIFEST} says of partition {partition} what its segments do not hold.",
                remedy="Take a sound copy of the archive.",
            )
    on_progress(done)
    return Checked(manifest, tuple(_strangers(folder, manifest)))


def read_partition(folder: Path, manifest: Manifest, partition: int, start: int) -> Iterator[Stored]:
    """The records of a partition from an offset on, in order. Raises ``Unusable``."""
    for segment in manifest.segments:
        if segment.partition != partition or segment.next <= start:
            continue
        with SegmentReader(folder, partition, segment.first, manifest.scope.topic) as reader:
            for stored, _ in reader.records():
                if stored.record.offset >= start:
                    yield stored
        if reader.segment != segment:
            raise Unusable(
                f"{reader.path} has changed since the archive was checked.", remedy="Take a sound copy of the archive."
            )


def _strangers(folder: Path, manifest: Manifest) -> Iterator[str]:
    known = {segment.file for segment in manifest.segments} | {MANIFEST, EXPORT}
    known |= {file.split("/")[0] for file in known}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in known:
            yield name
