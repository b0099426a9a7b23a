"""A checkpoint: the source offset up to which everything is published, with cumulative counts in its metadata.

Both travel in the output's own transaction (``send_offsets_to_transaction``), so neither can be ahead of what was
published. Kafka limits the metadata to ``offset.metadata.max.bytes`` (4096 by default); ours stays below 1000.
"""

from dataclasses import dataclass, fields
from typing import Any

import orjson

FORMAT = 1
SPLIT_FORMAT = 2  # with a split: a release that knows format 1 only would pass over the history
LIMIT_HELD_CHARS = 120


def group_of(migration: str, direction: str) -> str:
    """The consumer group of a direction's workers, which has its checkpoints."""
    return f"instar.{migration}.{direction}"


@dataclass(slots=True)
class Counts:
    """Cumulative counts of one source partition and direction.

    read = published + dead_lettered + dropped + current + echoed + overtaken. ``expired`` were deleted by retention
    before they were read and accepted as lost by an operator. ``published`` counts source records, ``outputs`` what
    they became. ``overtaken`` are records whose key had a newer value published already, which they must not replace.
    """

    read: int = 0
    published: int = 0
    outputs: int = 0
    dead_lettered: int = 0
    dropped: int = 0
    current: int = 0
    echoed: int = 0
    expired: int = 0
    overtaken: int = 0

    def copy(self) -> "Counts":
        return Counts(*(getattr(self, name) for name in COUNT_NAMES))

    def plus(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in COUNT_NAMES))

    def minus(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) - getattr(other, name) for name in COUNT_NAMES))

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNT_NAMES}

    @property
    def balanced(self) -> bool:
        kept = self.published + self.dead_lettered + self.current
        return self.read == kept + self.dropped + self.echoed + self.overtaken


COUNT_NAMES = tuple(field.name for field in fields(Counts))


@dataclass(frozen=True, slots=True)
class Split:
    """Where one source partition is read in two parts: history, below ``at``, and what came since.

    ``at`` is the high watermark at the first start, ``past`` the next offset of history, ``since_ms`` the time of the
    first start. In place there is no history apart: all below ``at`` is rewritten, and ``past`` is ``at``. ``mode`` is
    the migration's: a checkpoint of one mode means nothing in another.
    """

    mode: str
    at: int
    past: int
    since_ms: int = 0
    note: str = ""  # in place: what the fence rests on

    @property
    def behind(self) -> bool:
        """Is there history that is not carried yet?"""
        return self.past < self.at


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a group has committed for one partition: the next offset, of which topic, under which plan."""

    offset: int
    topic_id: str  # hexadecimal; empty when another tool committed the offset
    counts: Counts
    fingerprint: str = ""
    size_bytes: int = 0  # of the keys and values read, cumulative
    at_ms: int = 0  # when it was written, by the worker's clock; 0 where nobody said
    held: str = ""  # why the worker is not going as fast as it could
    begin: int = 0  # where the group began; what lies before was left out on purpose
    split: Split | None = None  # with one, ``offset`` is that of what came since

    @property
    def mode(self) -> str:
        return "ordered" if self.split is None else self.split.mode

    @property
    def history_left(self) -> int:
        """Offsets of history that are not carried yet."""
        return 0 if self.split is None else max(0, self.split.at - self.split.past)

    @property
    def reads_from(self) -> int:
        """The lowest offset that is still to be read."""
        return self.offset if self.split is None or not self.split.behind else self.split.past

    def end(self, end: int) -> int:
        """Where reading ends in a topic that now ends at ``end``: in place, what was rewritten is not read again."""
        return self.split.at if self.split is not None and self.split.mode == "in-place" else end

    @property
    def passed(self) -> int:
        """Grows with every offset that is read, in either part."""
        return self.offset if self.split is None else self.offset + self.split.past

    def metadata(self) -> str:
        said: dict[str, Any] = {"f": FORMAT, "t": self.topic_id, "p": self.fingerprint[:16]}
        if self.split is not None:
            split = self.split
            said |= {
                "f": SPLIT_FORMAT,
                "split": [split.mode, split.at, split.past, split.since_ms, split.note[:LIMIT_HELD_CHARS]],
            }
        said |= {name: count for name, count in self.counts.as_dict().items() if count}
        held = self.held[:LIMIT_HELD_CHARS]
        rest = {"bytes": self.size_bytes, "at": self.at_ms, "held": held, "begin": self.begin}
        said |= {name: each for name, each in rest.items() if each}
        return orjson.dumps(said).decode()


def parse(offset: int, metadata: str | None) -> Checkpoint:
    """A committed offset and its metadata. Metadata that is not ours (an operator's reset) gives zero counts."""
    try:
        said = orjson.loads(metadata or "")
    except orjson.JSONDecodeError:
        return Checkpoint(offset, "", Counts())
    if not isinstance(said, dict) or said.get("f") not in (FORMAT, SPLIT_FORMAT):
        return Checkpoint(offset, "", Counts())
    try:
        return Checkpoint(
            offset,
            str(said.get("t", "")),
            Counts(**{name: int(said.get(name, 0)) for name in COUNT_NAMES}),
            str(said.get("p", "")),
            int(said.get("bytes", 0)),
            int(said.get("at", 0)),
            str(said.get("held", "")),
            int(said.get("begin", 0)),
            _split(said["split"]) if said["f"] == SPLIT_FORMAT else None,
        )
    except (ValueError, TypeError, OverflowError, KeyError):  # looks like ours, and was never written by us
        return Checkpoint(offset, "", Counts())


def _split(said: Any) -> Split:
    mode, at, past, since_ms, note = said
    return Split(str(mode), int(at), int(past), int(since_ms), str(note))
