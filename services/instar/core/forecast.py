"""What a run would do, told from what its records became when nothing was published."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instar.core.bridge import Carried
from instar.core.checkpoint import Counts
from instar.core.estimate import duration_text, shared_seconds, size_text
from instar.core.record import Output, Record

_HEADER_OVERHEAD_BYTES = 2  # two lengths of a byte or more each (Kafka's record format v2)
_RECORD_OVERHEAD_BYTES = 10

Cause = tuple[str, str, str]  # code, hop, field path; empty where there is none


@dataclass(slots=True)
class Forecast:
    """``versions`` counts records by ``orders v2``; ``examples`` names the first record of each cause."""

    counts: Counts = field(default_factory=Counts)
    versions: Counter[str] = field(default_factory=Counter)
    rejects: Counter[Cause] = field(default_factory=Counter)
    examples: dict[Cause, str] = field(default_factory=dict)
    read_bytes: int = 0
    written_bytes: int = 0
    seconds: float = 0.0

    def take(self, record: Record, version: str, carried: Carried) -> None:
        counts = self.counts
        counts.read += 1
        self.versions[version] += 1
        self.read_bytes += len(record.key or b"") + len(record.value or b"")
        match carried.result:
            case "published":
                counts.published += 1
                counts.outputs += len(carried.outputs)
                self.written_bytes += sum(map(size_of, carried.outputs))
            case "dropped":
                counts.dropped += 1
            case "echoed":
                counts.echoed += 1
            case "current":
                counts.current += 1
            case "dead-lettered":
                counts.dead_lettered += 1
        if carried.rejected is not None:
            rejected = carried.rejected
            cause = (rejected.code, rejected.hop or "", rejected.path or "")
            self.rejects[cause] += 1
            if cause not in self.examples:
                self.examples[cause] = f"partition {record.partition} offset {record.offset:,}: {rejected.message}"

    def as_dict(self, lags: Mapping[int, int], workers: int) -> dict[str, Any]:
        """``lags`` are the offsets that the run would read, by partition; the forecast may have seen only a part."""
        scale = self._scale(lags)
        return {
            **self.counts.as_dict(),
            "todo_records": sum(lags.values()),
            "versions": dict(self.versions.most_common()),
            "rejects": [
                {
                    "code": cause[0],
                    "hop": cause[1] or None,
                    "path": cause[2] or None,
                    "records": count,
                    "first": self.examples[cause],
                }
                for cause, count in self.rejects.most_common()
            ],
            "read_bytes": round(self.read_bytes * scale),
            "written_bytes": round(self.written_bytes * scale),
            "records_per_s": round(self._pace),
            "estimated_s": round(shared_seconds(list(lags.values()), workers, self._pace), 1),
        }

    def text(self, lags: Mapping[int, int], workers: int) -> str:
        said = self.as_dict(lags, workers)
        seen, todo = said["read"], said["todo_records"]
        lines = [f"{seen:,} records read of {todo:,} offsets, nothing published", "", "versions"]
        lines += [f"  {name:<24}{count:>12,}  {count / seen:6.1%}" for name, count in said["versions"].items()]
        lines += ["", "what they would become"]
        for name in ("published", "outputs", "dead_lettered", "dropped", "echoed"):
            lines.append(f"  {name.replace('_', ' '):<24}{said[name]:>12,}")
        for one in said["rejects"]:
            where = " ".join(part for part in (one["hop"], one["path"]) if part)
            lines.append(f"    {one['records']:,} × {one['code']} {where}".rstrip())
            lines.append(f"      first: {one['first']}")
        many = "s" if workers > 1 else ""
        pace = f"{said['records_per_s']:,} records/s"
        lines += [
            "",
            f"size   {size_text(said['read_bytes'])} in, {size_text(said['written_bytes'])} out, uncompressed",
            f"time   about {duration_text(said['estimated_s'])} for {workers} worker{many} at {pace}; publishing adds",
        ]
        return "\n".join(lines)

    @property
    def _pace(self) -> float:
        return self.counts.read / self.seconds if self.seconds else 0.0

    def _scale(self, lags: Mapping[int, int]) -> float:
        """From what was seen to the whole. Offsets without a record (markers, compaction) make it an overestimate."""
        return max(1.0, sum(lags.values()) / self.counts.read) if self.counts.read else 0.0


def size_of(output: Output) -> int:
    """Bytes of an output in a batch, before compression."""
    headers = sum(len(name) + len(value or b"") + _HEADER_OVERHEAD_BYTES for name, value in output.headers)
    return _RECORD_OVERHEAD_BYTES + len(output.key or b"") + len(output.value or b"") + headers
