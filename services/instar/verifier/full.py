"""The full comparison of one partition, in constant memory, that can be cut and gone on with.

What differs is read a second time before it counts: from the last point at which nothing was amiss, with the topics'
ends taken anew. What differs in both readings counts; where the second differs from the first, a third decides.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

from instar.core.checkpoint import Checkpoint
from instar.core.compare import Merge
from instar.core.comparison import Comparison, Difference
from instar.core.cut import Cut, Recall
from instar.core.record import Record
from instar.verifier.inputs import Inputs, Opener

CUT_EVERY_RECORDS = 10_000
LIMIT_READINGS = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """One pass. ``cut`` is where it can be gone on with; ``calm`` the last point at which nothing was aside or amiss.

    ``complete`` is False where it was stopped; ``result`` then speaks of what is below ``cut``. ``furthest_ahead`` is
    the highest source offset past the bound that there is an output of, -1 without one.
    """

    result: Comparison
    cut: Cut | None
    calm: Cut | None
    complete: bool
    furthest_ahead: int


@dataclass(slots=True)
class Watch:
    """Who is told how it goes, and who may stop it. ``on_cut`` is given points at which nothing was amiss."""

    on_record: Callable[[], None] = lambda: None
    on_cut: Callable[[int, Cut], None] = lambda _partition, _cut: None
    stop: Event | None = None

    @property
    def stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()


@dataclass(frozen=True, slots=True)
class PartitionResult:
    """``unconfirmed`` is how many differences of the first reading the last one did not show."""

    result: Comparison
    cut: Cut | None
    complete: bool
    readings: int = 1
    unconfirmed: int = 0


def compare_partition(opener: Opener, inputs: Inputs, partition: int, cut: Cut | None, watch: Watch) -> PartitionResult:
    """Compare a partition from ``cut`` (None: its first record) up to its checkpoint. Raises what reading raises."""
    faults_before = cut.counted.faults if cut is not None else 0
    reading = read_once(inputs, partition, cut, watch)
    if not reading.complete:
        at = reading.cut
        if at is None or at.counted.faults != faults_before or _missing(at):
            at = reading.calm or cut  # what is amiss has not been read a second time
        return PartitionResult(reading.result, at, complete=False)
    if reading.result.faults == faults_before and not reading.result.aside_exceeded:
        return _with_ahead(opener, partition, PartitionResult(reading.result, reading.cut, complete=True), reading)
    first, readings = reading, 1
    base = reading.calm or cut
    while readings < LIMIT_READINGS:
        again = opener.open({number: inputs.bound(number) for number in inputs.checkpoints})
        earlier, reading = reading, read_once(again, partition, base, Watch(stop=watch.stop))
        readings += 1
        if not reading.complete:
            return PartitionResult(first.result, base, complete=False, readings=readings)
        if _same(reading.result, earlier.result) or reading.result.faults == faults_before:
            break
    shown = {_signature(one) for one in reading.result.differences}
    unconfirmed = sum(_signature(one) not in shown for one in first.result.differences)
    done = PartitionResult(reading.result, reading.cut, complete=True, readings=readings, unconfirmed=unconfirmed)
    return _with_ahead(opener, partition, done, reading)


def read_once(inputs: Inputs, partition: int, cut: Cut | None, watch: Watch) -> Reading:
    """One pass from ``cut`` on."""
    source, target, letters = inputs.source, inputs.target, inputs.letters
    bound, scope = inputs.bound(partition), inputs.scope(partition)
    start = inputs.first(partition) if cut is None else max(cut.source, inputs.first(partition))
    target_start = target.starts[partition] if cut is None else _from(cut.target, target.ends[partition])
    letters_start = letters.starts[partition] if cut is None else _from(cut.letters, letters.ends[partition])
    merge = Merge(
        scope,
        target.read(partition, max(target_start, target.starts[partition]), target.ends[partition]),
        letters.read(partition, max(letters_start, letters.starts[partition]), letters.ends[partition]),
        inputs.judge.expect,
        inputs.settled,
        cut=cut,
        recall=_recall(inputs, partition),
        overtaken=inputs.overtaken,
    )
    faults_before = merge.result.faults
    calm: Cut | None = None
    for fed, record in enumerate(_counted(source.read(partition, start, bound), watch), start=1):
        if watch.stopped:
            at = _resolved(merge.cut(record.offset), inputs, partition)
            result = merge.result if at is None else at.counted
            return Reading(result, at, calm, complete=False, furthest_ahead=-1)
        merge.feed(record)
        if fed % CUT_EVERY_RECORDS == 0 and merge.result.faults == faults_before:
            point = _resolved(merge.cut(record.offset + 1), inputs, partition)
            # What is missing may have been passed over: a second reading must begin before it.
            if point is not None and point.counted.faults == faults_before and not _missing(point):
                calm = point
                watch.on_cut(partition, point)
    last = _resolved(merge.cut(bound), inputs, partition)
    result = merge.finish()
    return Reading(result, last, calm, complete=True, furthest_ahead=merge.furthest_ahead)


def _from(position: int | None, end: int) -> int:
    return end if position is None else position


def _resolved(cut: Cut | None, inputs: Inputs, partition: int) -> Cut | None:
    """A cut whose positions are offsets: where all is taken, the end that was read up to."""
    if cut is None:
        return None
    target, letters = inputs.target.ends[partition], inputs.letters.ends[partition]
    return replace(cut, target=_from(cut.target, target), letters=_from(cut.letters, letters))


def _missing(cut: Cut) -> bool:
    return bool(cut.missing or cut.missing_letters)


def _recall(inputs: Inputs, partition: int) -> Recall:
    return Recall(
        partial(inputs.source.record, partition),
        partial(inputs.target.record, partition),
        partial(inputs.letters.record, partition),
    )


def _counted(records: Iterable[Record], watch: Watch) -> Iterator[Record]:
    for record in records:
        watch.on_record()
        yield record


def _signature(difference: Difference) -> tuple[object, ...]:
    return difference.kind, difference.source_offset, difference.target_offset


def _same(one: Comparison, other: Comparison) -> bool:
    return one.faults == other.faults and [_signature(each) for each in one.differences] == [
        _signature(each) for each in other.differences
    ]


def _with_ahead(opener: Opener, partition: int, done: PartitionResult, reading: Reading) -> PartitionResult:
    """Every output commits with its checkpoint: one ahead of a checkpoint that was read after it has none."""
    if reading.furthest_ahead < 0:
        return done
    add_ahead(done.result, partition, reading.furthest_ahead, opener.committed().get(partition))
    return done


def add_ahead(result: Comparison, partition: int, furthest_ahead: int, now: Checkpoint | None) -> None:
    """Count outputs ahead of the checkpoint as it is ``now``, which was read after them."""
    if now is not None and furthest_ahead < now.offset:
        return
    result.mismatched += 1
    at = "none" if now is None else f"{now.offset:,}"
    message = f"is published, and the checkpoint is {at}: it will be published again"
    result.differences.append(Difference("ahead", partition, furthest_ahead, None, message))
