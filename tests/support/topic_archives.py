"""Archives of topics, made without a Kafka."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from instar.archives.topic_manifest import MANIFEST, Manifest, Scope, write
from instar.archives.topic_records import Summary, encode
from instar.archives.topic_segment import Compression, Segment, SegmentWriter
from instar.core.record import Headers, Record
from instar.core.stored import Stored, TimestampKind

HEADERS: Headers = (("trace", b"7"), ("twice", b"a"), ("twice", None), ("", b""))


def stored(offset: int, partition: int = 0, **changed: object) -> Stored:
    record = Record(
        "orders", partition, offset, b"key-%d" % (offset % 3), b"value-%d" % offset, HEADERS, 1_000 + offset
    )
    return Stored(record._replace(**changed), TimestampKind.CREATE)  # type: ignore[arg-type]


def write_archive(
    folder: Path,
    partitions: Mapping[int, Iterable[Stored]],
    *,
    settings: Mapping[str, str] | None = None,
    compression: Compression = "gzip",
    records_a_segment: int = 4,
) -> Manifest:
    """Each partition from offset 0 to one behind its last record."""
    folder.mkdir(parents=True, exist_ok=True)
    segments: list[Segment] = []
    summaries = {}
    bounds = {}
    for partition, records in partitions.items():
        summary = Summary()
        writer, first = SegmentWriter(folder, partition, 0, compression), 0
        for each in records:
            if writer.records >= records_a_segment:
                first = each.record.offset
                segments.append(writer.finish(first))
                writer = SegmentWriter(folder, partition, first, compression)
            encoded = encode(each)
            writer.add(encoded)
            summary.add(each, encoded)
            first = each.record.offset + 1
        bounds[partition] = first
        segments.append(writer.finish(first))
        summaries[partition] = summary.as_dict()
    scope = Scope(
        "cluster",
        "orders",
        "00" * 16,
        max(partitions) + 1,
        settings or {},
        dict.fromkeys(partitions, 0),
        bounds,
        compression,
        1,
        {},
    )
    manifest = Manifest(scope, tuple(segments), summaries, 2)
    write(folder / MANIFEST, manifest.document())
    return manifest
