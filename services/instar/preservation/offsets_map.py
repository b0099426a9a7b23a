"""Where each record of an archive stands in the topic that it was imported into.

A file of JSON lines: a header, then ranges in which old and new offsets advance alike, in order, then a line for each
partition's end. A gap in the old offsets (a marker, an aborted or a compacted record) or in the new ones (a marker of
the import's own transactions) begins the next range, and that is all that shifts are.

    {"format": 1, "archive": "<digest>", "from": {"topic", "topic_id", "cluster_id"}, "to": {...}}
    {"partition": 0, "old": 0, "new": 0, "records": 5000}
    {"partition": 0, "old_end": 5001, "new_end": 5002}
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson

from instar.archives.draft import Draft
from instar.archives.errors import Unusable

FORMAT = 1
_LIMIT_LINE_BYTES = 64 * 1024


class Run(NamedTuple):
    """So many records from ``old`` on stand at ``new`` and behind it, without a gap on either side."""

    old: int
    new: int
    records: int


@dataclass(slots=True)
class _Partition:
    runs: list[Run] = field(default_factory=list)
    old_end: int = 0
    new_end: int = 0


class OffsetsMapWriter:
    """Writes the file as the pairs come, in order. ``keep`` puts it in its place whole, ``discard`` leaves nothing."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._draft = Draft(path)
        self._run: Run | None = None
        self.ranges = 0
        self._line({"format": FORMAT, **header})

    def pair(self, partition: int, old: int, new: int) -> None:
        run = self._run
        if run is not None and (old, new) == (run.old + run.records, run.new + run.records):
            self._run = Run(run.old, run.new, run.records + 1)
            return
        self._flush(partition)
        self._run = Run(old, new, 1)

    def end(self, partition: int, old_end: int, new_end: int) -> None:
        self._flush(partition)
        self._line({"partition": partition, "old_end": old_end, "new_end": new_end})

    def keep(self) -> None:
        self._draft.seal()
        self._draft.keep(replace=True)

    def discard(self) -> None:
        self._draft.discard()

    def _flush(self, partition: int) -> None:
        if self._run is not None:
            self._line({"partition": partition, **self._run._asdict()})
            self.ranges += 1
            self._run = None

    def _line(self, said: Mapping[str, Any]) -> None:
        self._draft.file.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))


@dataclass(frozen=True, slots=True)
class OffsetsMap:
    """Read back. ``header`` says of which archive and of which topic."""

    header: Mapping[str, Any]
    _partitions: Mapping[int, _Partition]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises ``Unusable`` for a file that is none, with the line."""
        partitions: dict[int, _Partition] = {}
        header: dict[str, Any] = {}
        number = 0
        try:
            with path.open("rb") as file:
                while line := file.readline(_LIMIT_LINE_BYTES):
                    number += 1
                    said = orjson.loads(line)
                    if number == 1:
                        header = dict(said)
                        if header["format"] != FORMAT:
                            raise ValueError(f"it is of format {header['format']}")  # noqa: TRY301
                        continue
                    found = partitions.setdefault(int(said["partition"]), _Partition())
                    if "old_end" in said:
                        found.old_end, found.new_end = int(said["old_end"]), int(said["new_end"])
                    else:
                        found.runs.append(Run(int(said["old"]), int(said["new"]), int(said["records"])))
        except OSError as error:
            raise Unusable(f"{path} cannot be read: {error.strerror}.", remedy="Name an offsets map.") from error
        except (ValueError, KeyError, TypeError) as problem:
            raise Unusable(
                f"{path} line {number} is not of an offsets map: {problem}.", remedy="Import again to write it."
            ) from problem
        return cls(header, partitions)

    def translate(self, partition: int, offset: int) -> int:
        """Where a group that would read ``offset`` next goes on: at the first record at or behind it; the end where
        there is none. KeyError for a partition that was not imported."""
        found = self._partitions[partition]
        place = bisect_right(found.runs, offset, key=lambda run: run.old) - 1
        if place >= 0 and offset < found.runs[place].old + found.runs[place].records:
            return found.runs[place].new + offset - found.runs[place].old
        return found.runs[place + 1].new if place + 1 < len(found.runs) else found.new_end
