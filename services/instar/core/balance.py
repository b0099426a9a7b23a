"""The balance of one direction's partition: what its checkpoint counts against what can be counted.

read = published + dead-lettered + dropped + current + echoed, and each of what was written stands in its topic. Counts
say nothing about what a record holds, and two faults can cancel each other out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from instar.core.checkpoint import Checkpoint
from instar.core.comparison import LIMIT_DIFFERENCES, ROGUE, Comparison, Difference
from instar.core.published import Scope, classify, letters_of
from instar.core.record import Record
from instar.core.redrive import Settled


@dataclass(slots=True)
class Counted:
    """What stands in the two topics, of source offsets below the checkpoint."""

    outputs: int = 0
    redriven_outputs: int = 0
    letters: int = 0
    redriven: int = 0
    discarded: int = 0
    native: int = 0
    rogue: int = 0
    ahead: int = 0
    astray: int = 0
    furthest: int = -1  # source offset of what is ahead
    differences: list[Difference] = field(default_factory=list)


def count(
    scope: Scope, targets: Iterable[Record], letters: Iterable[Record], settled: Mapping[tuple[int, int], Settled]
) -> Counted:
    """Count one partition of the target and of the dead letters by their headers alone."""
    counted = Counted()
    for record in targets:
        what, output = classify(scope, record)
        if what == "astray":
            counted.astray += 1
            _say(counted, Difference("partition", record.partition, None, record.offset, "is of another partition"))
        elif output is None or not output.own:
            _count_native(counted, scope, record, foreign=what == "foreign")
        elif scope.ahead(output.source_offset):
            counted.ahead += 1
            counted.furthest = max(counted.furthest, output.source_offset)
        elif what == "redriven":
            counted.redriven_outputs += 1
        else:
            counted.outputs += 1
    for letter in letters_of(scope, letters, settled):
        if scope.ahead(letter.source_offset):
            counted.furthest = max(counted.furthest, letter.source_offset)
            continue
        counted.letters += 1
        if letter.settled is not None:
            counted.redriven += letter.settled.deed == "redriven"
            counted.discarded += letter.settled.deed == "discarded"
    return counted


@dataclass(frozen=True, slots=True)
class Watermarks:
    """First offset and end of the three topics' partition."""

    source: tuple[int, int]
    target: tuple[int, int]
    letters: tuple[int, int]


def balance(
    partition: int, point: Checkpoint, marks: Watermarks, counted: Counted, *, compacted: bool = False
) -> Comparison:
    """The comparison that counts allow. A compacted target may hold fewer outputs than were published."""
    said = point.counts
    result = Comparison(
        read=said.read,
        published=said.published,
        outputs=counted.outputs,
        dead_lettered=counted.letters,
        redriven=counted.redriven,
        redriven_outputs=counted.redriven_outputs,
        discarded=counted.discarded,
        dropped=said.dropped,
        echoed=said.echoed,
        native=counted.native,
        rogue=counted.rogue,
        ahead=counted.ahead,
        differences=list(counted.differences),
    )
    result.mismatched += counted.astray
    parts = said.published + said.dead_lettered + said.dropped + said.current + said.echoed
    if not said.balanced:
        _unequal(result, partition, f"the checkpoint says {said.read:,} read, and the parts sum to {parts:,}")
    if said.read > point.offset:
        _unequal(result, partition, f"{said.read:,} records read below offset {point.offset:,}")
    if point.offset > marks.source[1]:
        message = f"the checkpoint {point.offset:,} is past the source's end {marks.source[1]:,}: it was cut short"
        _unequal(result, partition, message)
    if compacted and counted.outputs <= said.outputs:
        result.superseded += said.outputs - counted.outputs
    else:
        _compare(result, partition, "outputs in the target", said.outputs, counted.outputs, gone=marks.target[0] > 0)
    _compare(result, partition, "dead letters", said.dead_lettered, counted.letters, gone=marks.letters[0] > 0)
    return result


def _compare(result: Comparison, partition: int, what: str, said: int, there: int, *, gone: bool) -> None:
    """``gone``: retention, or somebody, has deleted from the topic's start."""
    if said == there:
        return
    message = f"the checkpoint counts {said:,} {what}, there are {there:,}"
    if gone and there < said:
        message += "; records were deleted from the topic's start"
    if there < said:
        result.lost += said - there
    else:
        result.duplicated += there - said
    _append(result, Difference("count", partition, None, None, message))


def _unequal(result: Comparison, partition: int, message: str) -> None:
    result.mismatched += 1
    _append(result, Difference("balance", partition, None, None, message))


def _append(result: Comparison, difference: Difference) -> None:
    if len(result.differences) < LIMIT_DIFFERENCES:
        result.differences.append(difference)


def _count_native(counted: Counted, scope: Scope, record: Record, *, foreign: bool) -> None:
    if foreign or not scope.rogue(record.offset):
        counted.native += 1
        return
    counted.rogue += 1
    _say(counted, Difference("rogue", record.partition, None, record.offset, ROGUE, found=record))


def _say(counted: Counted, difference: Difference) -> None:
    if len(counted.differences) < LIMIT_DIFFERENCES:
        counted.differences.append(difference)
