"""Exact offset translation: where a consumer group that stands in one topic of a migration stands in the other.

Two bridges join the topics. Seen from a group that moves from *here* to *there*, one leads its way (``out``) and one
comes against it (``back``). In a partition *there* stand copies, which ``out`` made of records *here*, and native
records, which ``back`` carries *here*. The group has read everything *here* before its position, so of what is *there*
it has not read

- a copy whose source offset is at or past the position;
- a native record whose own copy *here* is at or past the position, or which ``back`` has not carried yet;
- a native record that ``back`` rejected and nobody discarded, unless the group has read a later one.

Its offset *there* is the first record it has not read, or the end. In ordered mode both bridges keep their sources'
order, so the first two rules are one threshold each, and the first of them is found by binary search. Going back is
the same with the topics and the bridges exchanged.

A single offset cannot leave out records that the group has read and that stand among those it has not (both sides
written at once, the middle of a fan-out, redriven records): it never skips, and such repeats are counted.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import orjson

from instar.core import provenance, redrive
from instar.core.provenance import Direction
from instar.core.record import Record

LINEAR_RECORDS = 512  # an interval of this many offsets is read rather than halved again: about one fetch
COUNT_LIMIT_RECORDS = 200_000  # repeats are counted this far, then "at least" so many
FIRST_LETTERS_WINDOW = 256
NOTE_FORMAT = 1

Read = Callable[[int, int], Iterable[Record]]
"""Committed records of one partition from an offset on and below a bound, in order, read as they are asked for."""


@dataclass(frozen=True, slots=True)
class Log:
    """One partition: its records, its first offset, and its end (the high watermark, read uncommitted)."""

    read: Read
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Copy:
    """What provenance says of a record that a bridge wrote."""

    source_offset: int
    index: int
    count: int
    redriven: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """One bridge on one partition.

    ``topic_id`` is its source's, ``checkpoint`` the source offset up to which it has published (None: it never ran).
    ``letters`` are source offsets of its outstanding dead letters, ``redriven`` of those that were redriven.
    """

    migration: str
    direction: Direction
    topic_id: bytes
    checkpoint: int | None
    letters: frozenset[int] = frozenset()
    redriven: frozenset[int] = frozenset()

    def copy(self, record: Record) -> Copy | None:
        """What the record is a copy of; None for one that this bridge did not write."""
        found = provenance.of(record.headers, record.key, record.value)
        if (
            found is None
            or (found.migration, found.direction, found.topic_id) != (self.migration, self.direction, self.topic_id)
            or found.partition != record.partition
        ):
            return None
        redriven = redrive.redriven_from(record.headers) is not None
        return Copy(found.offset, found.index, found.count, redriven)


Stands = Literal["copy", "native", "end"]


@dataclass(frozen=True, slots=True)
class Translation:
    """Where the group stands *there*.

    ``source_offset`` is the record *here* that the next record is a copy of, for a native one its own offset *there*,
    None at the end. ``repeats`` is how many records behind ``offset`` the group has read *here* already
    (``repeats_exact`` False: at least so many); ``fan_out_repeats`` how many outputs, read *here*, of the one native
    record in whose fan-out the group stood; ``redriven_before`` how many records before the position were redriven,
    each of which may be read again. ``restored``: the group has read nothing since it came from exactly here.
    """

    offset: int
    stands: Stands
    source_offset: int | None = None
    repeats: int = 0
    repeats_exact: bool = True
    fan_out_repeats: int = 0
    redriven_before: int = 0
    restored: bool = False


@dataclass(frozen=True, slots=True)
class Untranslatable:
    """There is no exact translation: why, and what to do."""

    code: Literal["bridge-behind", "bridge-missing", "expired"]
    message: str
    remedy: str


def translate(
    position: int, here: Log, there: Log, out: Lane, back: Lane, *, switched: int | None = None
) -> Translation | Untranslatable:
    """The group's offset *there* for its position *here*.

    The ends of both logs must have been taken after the checkpoints of both lanes. ``switched`` is the end of *there*
    at the switch, if there was one: the first record that may be native without anything having gone wrong. It counts
    where ``back`` never ran; without it, native records are then taken to be none of the group's.
    """
    problem = _behind(position, here, out, back)
    if problem is not None:
        return problem
    after, first = first_copy(there, out, position)
    unread = _unread_natives(position, here, back, switched)
    begin = min(
        after, there.end, *(each for each in (unread.threshold, min(unread.single, default=None)) if each is not None)
    )
    found = next(
        (
            (record, copy)
            for record in there.read(max(begin, there.start), there.end)
            for copy in [out.copy(record)]
            if (copy.source_offset >= position if copy else unread.holds(record.offset))
        ),
        None,
    )
    offset = there.end if found is None else found[0].offset
    expired = _expired(position, here, there, out, back, after, first, unread.threshold)
    if expired is not None:
        return expired
    repeats, exact = _repeats(position, there, out, unread, offset, first)
    redriven_before = sum(source < position for source in out.redriven)
    if found is None:
        return Translation(offset, "end", None, repeats, exact, unread.fan_out_repeats, redriven_before)
    record, copy = found
    stands: Stands = "copy" if copy else "native"
    source = copy.source_offset if copy else record.offset
    return Translation(offset, stands, source, repeats, exact, unread.fan_out_repeats, redriven_before)


def restore(offset: int, there: Log, out: Lane) -> Translation | None:
    """Where a group stands again that comes back with the note of its former offset *there*, having read nothing since.

    None where retention deleted that offset.
    """
    if offset < there.start:
        return None
    record = next(iter(there.read(offset, there.end)), None)
    if record is None:
        return Translation(offset, "end", restored=True)
    copy = out.copy(record)
    if copy is None:
        return Translation(offset, "native", record.offset, restored=True)
    return Translation(offset, "copy", copy.source_offset, restored=True)


def first_copy(log: Log, lane: Lane, source_offset: int) -> tuple[int, int | None]:
    """Where the lane's ordered copies reach a source offset.

    Returns the offset right behind the last ordered copy before it (the log's start when there is none), and the
    offset of the first one at or past it. Found by halving; other records are read past, each at most once. Where the
    copies turn out not to be in order, the whole log is read, and the first offset is its start.
    """
    low, high = log.start, log.end
    low_source, at, at_source = -1, None, None
    while high - low > LINEAR_RECORDS:
        middle = (low + high) // 2
        probe = next(_ordered(log, lane, middle, high), None)
        if probe is None:
            high = middle
            continue
        offset, source = probe
        if source < low_source or (at_source is not None and source > at_source):
            return _linear(log, lane, source_offset)
        if source >= source_offset:
            high, at, at_source = middle, offset, source
        else:
            low, low_source = offset + 1, source
    for offset, source in _ordered(log, lane, low, high):
        if source < low_source or (at_source is not None and source > at_source):
            return _linear(log, lane, source_offset)
        if source >= source_offset:
            return low, offset
        low, low_source = offset + 1, source
    return low, at


def _linear(log: Log, lane: Lane, source_offset: int) -> tuple[int, int | None]:
    found = (offset for offset, source in _ordered(log, lane, log.start, log.end) if source >= source_offset)
    return log.start, next(found, None)


def _ordered(log: Log, lane: Lane, start: int, bound: int) -> Iterator[tuple[int, int]]:
    for record in log.read(start, bound):
        copy = lane.copy(record)
        if copy is not None and not copy.redriven:
            yield record.offset, copy.source_offset


# ---------------------------------------------------------------------- whether there is an exact answer


def _behind(position: int, here: Log, out: Lane, back: Lane) -> Untranslatable | None:
    """Is there something that the group has read, or may miss, and that the bridge has not carried over yet?"""
    bound = here.end if out.checkpoint is None else position
    start = position if out.checkpoint is None else out.checkpoint
    # Between a checkpoint and a position there may be only markers: then nothing is missing.
    missing = next((record for record in here.read(max(start, here.start), bound) if back.copy(record) is None), None)
    if missing is None:
        return None
    if out.checkpoint is None:
        return Untranslatable(
            "bridge-missing",
            f"the record at offset {missing.offset:,} of partition {missing.partition} of {missing.topic} has no copy, "
            f"since the {out.direction} bridge of {out.migration} never ran",
            f"Run `instar worker {out.migration} --direction {out.direction}` first.",
        )
    return Untranslatable(
        "bridge-behind",
        f"the group stands at offset {position:,} of partition {missing.partition} of {missing.topic}, and the "
        f"{out.direction} bridge has published up to {out.checkpoint:,}",
        f"Let `instar worker {out.migration}` catch up and try again.",
    )


def _expired(
    position: int, here: Log, there: Log, out: Lane, back: Lane, after: int, first: int | None, threshold: int | None
) -> Untranslatable | None:
    """Could retention have deleted, *there*, something that the group has not read?

    Nothing was deleted where the log starts at 0. No copy that is unread was, where one that the group has read is
    still there, or where nothing *here* could have become a copy that stood before the first that is left.
    """
    if there.start == 0:
        return None
    sure = threshold is None or threshold >= there.start
    if sure and after == there.start and out.checkpoint is not None:
        bound = out.checkpoint
        left = None if first is None else next(iter(there.read(first, first + 1)), None)
        copy = None if left is None else out.copy(left)
        if copy is not None:  # of a fan-out that is cut off, the source itself is one that may be unread
            bound = copy.source_offset + (copy.index > 0)
        between = here.read(max(position, here.start), min(bound, here.end))
        sure = all(back.copy(record) is not None for record in between)
    if sure:
        return None
    return Untranslatable(
        "expired",
        f"records before offset {there.start:,} were deleted there, and some of them the group may not have read",
        "Restart the group from the beginning, or from a position that it knows.",
    )


# ---------------------------------------------------------------------- native records


@dataclass(frozen=True, slots=True)
class _Unread:
    """Native records that the group has not read: all from ``threshold`` on, and single ones before it."""

    threshold: int | None
    single: frozenset[int]
    fan_out_repeats: int = 0

    def holds(self, offset: int) -> bool:
        return (self.threshold is not None and offset >= self.threshold) or offset in self.single


def _unread_natives(position: int, here: Log, back: Lane, switched: int | None) -> _Unread:
    if back.checkpoint is None:
        return _Unread(switched, frozenset())
    threshold, fan_out_repeats = back.checkpoint, 0
    redriven: set[int] = set()
    for record in here.read(max(position, here.start), here.end):
        copy = back.copy(record)
        if copy is None:
            continue
        if copy.redriven:
            redriven.add(copy.source_offset)
        elif copy.source_offset < threshold:  # the first: copies stand in order
            threshold, fan_out_repeats = copy.source_offset, copy.index
        if not copy.redriven and not back.redriven:
            break
    single = {source for source in redriven if source < threshold}
    letters = sorted(source for source in back.letters if source < threshold)
    if letters:
        last = _last_copy_before(position, here, back)
        single |= {source for source in letters if source > last}
    return _Unread(threshold, frozenset(single), fan_out_repeats)


def _last_copy_before(position: int, here: Log, back: Lane) -> int:
    """The source offset of the last ordered copy before the position, read backwards in growing windows; -1: none."""
    bound, width = min(position, here.end), FIRST_LETTERS_WINDOW
    while bound > here.start:
        start = max(here.start, bound - width)
        sources = [source for _, source in _ordered(here, back, start, bound)]
        if sources:
            return sources[-1]
        bound, width = start, width * 2
    return -1


def _repeats(position: int, there: Log, out: Lane, unread: _Unread, offset: int, first: int | None) -> tuple[int, bool]:
    """How many records from ``offset`` on the group has read, and whether all were counted.

    Copies that it has read stand before the first that it has not, natives before the threshold.
    """
    bound = max(there.end if first is None else first, min(unread.threshold or 0, there.end))
    if offset >= bound:
        return 0, True
    repeats = 0
    for seen, record in enumerate(there.read(offset, bound)):
        if seen >= COUNT_LIMIT_RECORDS:
            return repeats, False
        copy = out.copy(record)
        if copy is not None:
            repeats += copy.source_offset < position
        elif unread.threshold is not None:
            repeats += not unread.holds(record.offset)
    return repeats, True


# ---------------------------------------------------------------------- the note in a translated offset


def note(topic_id: bytes, position: int) -> str:
    """The metadata of a translated offset: the position that it was made from.

    A group that comes back without having committed anything since stands exactly there again, even where the chain
    dropped the record at that position and no copy could tell.
    """
    return orjson.dumps({"f": NOTE_FORMAT, "translated": [topic_id.hex(), position]}).decode()


def noted(metadata: str | None, topic_id: bytes) -> int | None:
    """The position in the topic of that id that an offset was translated from; None when it was not."""
    try:
        said = orjson.loads(metadata or "")
        if said["f"] != NOTE_FORMAT:
            return None
        of_topic, position = said["translated"]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    return position if isinstance(position, int) and of_topic == topic_id.hex() else None
