"""The full comparison of a partition that was read in two parts (live-first, segregated).

Each part is compared as any partition is, against what of the target and of the dead letters names its source
offsets. What must hold between the two is found in a pass of its own (``core.halves``). Memory: the keys that live has
published. A comparison of parts is not gone on with: each begins anew.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from instar.core import dead_letter
from instar.core.checkpoint import Checkpoint, Split
from instar.core.comparison import Comparison
from instar.core.halves import Survey, own_output, survey_one_topic, survey_two_topics
from instar.core.record import Record
from instar.kafka.errors import Refused
from instar.verifier import full
from instar.verifier.full import PartitionResult, Watch
from instar.verifier.inputs import Inputs, Opener, Side
from instar.verifier.modes import Mode

Half = Literal["live", "history"]


def require_whole(inputs: Inputs, mode: Mode, *, again: bool) -> None:
    """Raises ``Refused`` where the source was read in two parts and ``mode``, or going on (``again``), needs one."""
    point = next((one for one in inputs.checkpoints.values() if one.split is not None), None)
    if point is None or (mode is Mode.FULL and not again):
        return
    what = "Going on with a comparison (--resume, --follow)" if again else f"Mode {mode.value}"
    raise Refused(
        f"{what} works by the order of one source, and {inputs.migration} is {point.mode}: history and what came since "
        "were published in an order of their own each.",
        "Use --mode full, which compares the two parts, without --resume and --follow.",
    )


def compare_partition(opener: Opener, inputs: Inputs, partition: int, watch: Watch) -> PartitionResult:
    """Compare both parts up to their checkpoints. Raises what reading raises."""
    split = _split(inputs, partition)
    surveyed = _confirmed_survey(opener, inputs, partition, split)
    total = Comparison()
    readings, unconfirmed = 1, 0
    halves: tuple[Half, ...] = ("live", "history")
    for half in halves:
        one = HalfOpener(opener, half, partition, split, frozenset(surveyed.live_keys))
        part = one.of(inputs, None)
        done = full.compare_partition(one, part, partition, None, watch)
        total.add(done.result)
        readings, unconfirmed = max(readings, done.readings), unconfirmed + done.unconfirmed
        if not done.complete:
            return PartitionResult(total, None, complete=False, readings=readings, unconfirmed=unconfirmed)
    if split.mode == "live-first":
        total.out_of_order += surveyed.faults
    else:
        total.mismatched += surveyed.faults
    total.differences = total.differences + surveyed.differences
    return PartitionResult(total, None, complete=True, readings=readings, unconfirmed=unconfirmed)


@dataclass(frozen=True, slots=True)
class HalfOpener:
    """An opener of one part: its source offsets, and what of the other topics is of them."""

    opener: Opener
    half: Half
    partition: int
    split: Split
    live_keys: frozenset[bytes]

    def open(self, bounds: Mapping[int, int] | None = None) -> Inputs:
        return self.of(self.opener.open(), bounds)

    def committed(self) -> Mapping[int, Checkpoint]:
        return {number: self._point(one) for number, one in self.opener.committed().items() if one.split is not None}

    def of(self, inputs: Inputs, bounds: Mapping[int, int] | None) -> Inputs:
        point = self._point(inputs.checkpoints[self.partition])
        if bounds is not None:
            point = replace(point, offset=bounds[self.partition])
        target = inputs.target
        if self.half == "history" and inputs.history is not None:
            target = inputs.history
        elif self.split.mode == "live-first":
            target = _only(target, self._stands_here(inputs))
        live_first = self.split.mode == "live-first" and self.half == "history"
        return replace(
            inputs,
            checkpoints={self.partition: point},
            target=target,
            letters=_only(inputs.letters, self._is_letter_here),
            overtaken=self.live_keys.__contains__ if live_first else None,
        )

    def _point(self, point: Checkpoint) -> Checkpoint:
        """The part's own checkpoint, as if it were all there is."""
        split = point.split or self.split
        if self.half == "history":
            return replace(point, offset=split.past, split=None)
        return replace(point, begin=max(point.begin, split.at), split=None)

    def _stands_here(self, inputs: Inputs) -> Callable[[Record], bool]:
        """History's outputs are the one part; live's, and whatever no part has written, the other."""
        scope, at, history = inputs.scope(self.partition), self.split.at, self.half == "history"

        def stands_here(record: Record) -> bool:
            output = own_output(scope, record)
            return (output is not None and output.source_offset < at) == history

        return stands_here

    def _is_letter_here(self, record: Record) -> bool:
        letter = dead_letter.parse(record.headers)
        return (letter is not None and letter[0].source.offset < self.split.at) == (self.half == "history")


def _only(side: Side, wanted: Callable[[Record], bool]) -> Side:
    def read(partition: int, start: int, end: int) -> Iterable[Record]:
        return (record for record in side.read(partition, start, end) if wanted(record))

    return replace(side, read=read)


def _split(inputs: Inputs, partition: int) -> Split:
    split = inputs.checkpoints[partition].split
    if split is None:
        raise ValueError(f"partition {partition} was read in one part")
    return split


def _confirmed_survey(opener: Opener, inputs: Inputs, partition: int, split: Split) -> Survey:
    """What is amiss between the parts counts once it was seen in a second reading."""
    found = _survey(inputs, partition, split)
    return _survey(opener.open(), partition, split) if found.faults else found


def _survey(inputs: Inputs, partition: int, split: Split) -> Survey:
    scope = inputs.scope(partition)
    target = _all(inputs.target, partition)
    if inputs.history is None:
        return survey_one_topic(scope, split.at, target)
    return survey_two_topics(scope, split.at, target, _all(inputs.history, partition))


def _all(side: Side, partition: int) -> Iterable[Record]:
    return side.read(partition, side.starts[partition], side.ends[partition])
