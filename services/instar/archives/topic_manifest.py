"""What an archive of a topic says of itself: ``export.json`` while it is written, ``manifest.json`` once it is whole.

``export.json`` comes first and fixes what is exported: which topic (by id), from where to where. So a run that is
killed is finished with the same bounds. ``manifest.json`` comes last, by a rename, and is what makes an archive one:
it lists every segment with its checksums, and carries a digest of itself.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from instar.archives.draft import Draft
from instar.archives.errors import Unusable
from instar.archives.topic_segment import Compression, Segment, open_plain

FORMAT = 1
MANIFEST, EXPORT = "manifest.json", "export.json"
LIMIT_BYTES = 256 * 1024 * 1024
MAX_PARTITIONS = 100_000  # five digits in a segment's name, and more than any cluster holds in one topic
_LIMIT_TEXT_CHARS = 10_000
_REMEDY = "Take a sound copy of the archive."


@dataclass(frozen=True, slots=True)
class Scope:
    """What is exported. ``topic_id`` is hexadecimal; ``settings`` are those that a copy of the topic needs.

    ``starts`` and ``bounds`` are of the exported partitions: from the one offset up to and without the other.
    ``asked`` is what the caller named, as text, so that a run that goes on is held against the one that began.
    """

    cluster_id: str
    topic: str
    topic_id: str
    partitions: int
    settings: Mapping[str, str]
    starts: Mapping[int, int]
    bounds: Mapping[int, int]
    compression: Compression
    began_ms: int
    asked: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        said = asdict(self)
        return said | {name: {str(key): each for key, each in said[name].items()} for name in ("starts", "bounds")}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """ValueError, KeyError, TypeError or AttributeError for what is none."""
        starts, bounds = (
            {int(key): _offset(each) for key, each in said[name].items()} for name in ("starts", "bounds")
        )
        partitions = int(said["partitions"])
        if not 0 < partitions <= MAX_PARTITIONS or starts.keys() != bounds.keys():
            raise ValueError("its partitions do not fit")
        for partition, start in starts.items():
            if not 0 <= partition < partitions or start > bounds[partition]:
                raise ValueError(f"partition {partition} has no offsets {start} to {bounds[partition]}")
        if said["compression"] not in ("gzip", "zstd"):
            raise ValueError(f"its compression is {said['compression']!r}")
        return cls(
            _text(said["cluster_id"]),
            _text(said["topic"]),
            _text(said["topic_id"]),
            partitions,
            _texts(said["settings"]),
            starts,
            bounds,
            said["compression"],
            int(said["began_ms"]),
            _texts(said["asked"]),
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole archive. ``partitions`` are the summaries of each, as plain data."""

    scope: Scope
    segments: tuple[Segment, ...]
    partitions: Mapping[int, Mapping[str, Any]]
    ended_ms: int

    @property
    def digest(self) -> str:
        """SHA-256 of the content: partitions, offset ranges and records, whatever the compression and the files."""
        made = hashlib.sha256()
        for partition, summary in sorted(self.partitions.items()):
            start, bound = self.scope.starts[partition], self.scope.bounds[partition]
            made.update(f"{partition}:{start}-{bound}:{summary['digest']}\n".encode())
        return made.hexdigest()

    @property
    def records(self) -> int:
        return sum(int(summary["records"]) for summary in self.partitions.values())

    def most(self, name: str) -> int:
        """The greatest of the partitions' figures of that name, 0 where there is none."""
        return max((int(each[name]) for each in self.partitions.values() if each[name] is not None), default=0)

    def total(self, name: str) -> int:
        return sum(int(each[name]) for each in self.partitions.values())

    def document(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "digest": self.digest,
            "records": self.records,
            "source": self.scope.document(),
            "ended_ms": self.ended_ms,
            "partitions": {str(number): dict(each) for number, each in self.partitions.items()},
            "segments": [{"file": each.file, **each._asdict()} for each in self.segments],
        }


# --------------------------------------------------------------------------------------------------- files


def write(path: Path, document: Mapping[str, Any], *, replace: bool = False) -> None:
    """Whole or not at all, and on the disk when this returns. Raises ``Unusable``."""
    sealed = {**document, "sha256": _seal(document)}
    draft = Draft(path)
    try:
        draft.file.write((json.dumps(sealed, indent=1) + "\n").encode())
        draft.seal()
        draft.keep(replace=replace)
    except OSError as error:
        draft.discard()
        raise Unusable(f"{path} cannot be written: {error.strerror}.", remedy="Make room and start again.") from error


def read_scope(folder: Path) -> Scope | None:
    """What an unfinished export began with; None where none was begun. Raises ``Unusable``."""
    path = folder / EXPORT
    if not os.path.lexists(path):
        return None
    said = _read(path)
    try:
        return Scope.of(said)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Unusable(f"{path} cannot be used: {_why(problem)}.", remedy=_REMEDY) from problem


def read_manifest(folder: Path) -> Manifest:
    """The manifest, consistent in itself; the segments are not looked at. Raises ``Unusable``."""
    path = folder / MANIFEST
    if not os.path.lexists(path):
        begun = os.path.lexists(folder / EXPORT)
        raise Unusable(
            f"{folder} holds an export that was not finished." if begun else f"{folder} is no archive: no {MANIFEST}.",
            remedy="Run `instar topic export` again: it goes on from there." if begun else "Name an archive's folder.",
        )
    said = _read(path)
    try:
        scope = Scope.of(said["source"])
        segments = tuple(_segment(each) for each in said["segments"])
        summaries = {int(key): each for key, each in said["partitions"].items()}
        manifest = Manifest(scope, segments, summaries, int(said["ended_ms"]))
        _consistent(manifest, said)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Unusable(f"{path} cannot be used: {_why(problem)}.", remedy=_REMEDY) from problem
    return manifest


def _consistent(manifest: Manifest, said: Mapping[str, Any]) -> None:
    """The segments cover each partition's offsets without a gap, and the digest is theirs."""
    scope = manifest.scope
    if manifest.partitions.keys() != scope.starts.keys():
        raise ValueError("its partitions are not those that were exported")
    reached = dict(scope.starts)
    for each in manifest.segments:
        if reached.get(each.partition) != each.first or each.next < each.first:
            raise ValueError(f"segment {each.file} does not follow the one before it")
        reached[each.partition] = each.next
    for partition, offset in reached.items():
        if offset != scope.bounds[partition]:
            raise ValueError(f"partition {partition} ends at {offset}, not at {scope.bounds[partition]}")
    if said["digest"] != manifest.digest or said["records"] != manifest.records:
        raise ValueError("its digest or its number of records is not that of its partitions")


def _segment(said: Mapping[str, Any]) -> Segment:
    """The name of the file is made from the numbers; one that says otherwise leads nowhere."""
    made = Segment(
        int(said["partition"]),
        _offset(said["first"]),
        _offset(said["next"]),
        int(said["records"]),
        int(said["size_bytes"]),
        str(said["crc32"]),
        str(said["sha256"]),
    )
    if said["file"] != made.file:
        raise ValueError(f"it names the file {ascii(said['file'])[:80]} where {made.file} belongs")
    return made


def _read(path: Path) -> dict[str, Any]:
    with open_plain(path) as file:
        data = file.read(LIMIT_BYTES + 1)
    if len(data) > LIMIT_BYTES:
        raise Unusable(f"{path} has more than {LIMIT_BYTES:,} bytes.", remedy=_REMEDY)
    try:
        said = json.loads(data)
        if not isinstance(said, dict):
            raise TypeError("it is no JSON object")  # noqa: TRY301
        seal = said.pop("sha256", None)
        sound = seal == _seal(said)
    except (ValueError, TypeError, RecursionError) as problem:
        raise Unusable(f"{path} cannot be read: {problem}.", remedy=_REMEDY) from problem
    if said.get("format") != FORMAT:
        raise Unusable(
            f"{path} is of format {str(said.get('format'))[:40]}; this instar reads {FORMAT}.",
            remedy="Use the version of instar that wrote it, or a later one.",
        )
    if not sound:
        raise Unusable(f"{path} is not what was written (SHA-256).", remedy=_REMEDY)
    return said


def _seal(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _offset(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"{str(value)[:40]} is no offset")
    return value


def _text(value: Any) -> str:
    """What an export writes is plain: nothing that a terminal would obey, nothing that JSON could not carry on."""
    if not isinstance(value, str) or len(value) > _LIMIT_TEXT_CHARS or not value.isascii() or not value.isprintable():
        raise ValueError(f"{ascii(value)[:80]} is no plain text")
    return value


def _texts(said: Mapping[str, Any]) -> dict[str, str]:
    return {_text(name): _text(each) for name, each in said.items()}


def _why(problem: Exception) -> str:
    return f"{problem} is missing" if isinstance(problem, KeyError) else str(problem)
