"""Comparing one partition of a source with what a bridge made of it: a streaming merge, joined on provenance.

A bridge works a partition in order, so its outputs, and its dead letters, stand in the order of their source offsets.
The merge walks the source once and takes from both other streams what belongs to each record. What is not where it
should be is kept aside until it turns up (out of order) or does not (lost). Memory therefore grows with the number of
misplaced records and with nothing else; past ``LIMIT_ASIDE`` of them the comparison says so and counts on without
looking for latecomers.

Redriven dead letters stand behind records that came after them. They carry a marker, are left out of the order, and
are held against the source once everything else is read; memory grows with their number too.

Nothing here is shared with what writes: values come from the reference chain through ``expect``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from instar.core import dead_letter, provenance, redrive
from instar.core.provenance import Direction, Provenance
from instar.core.record import Record
from instar.core.redrive import Settled
from instar.core.rejected import Rejected

LIMIT_ASIDE = 100_000
LIMIT_DIFFERENCES = 100

Kind = Literal[
    "lost", "duplicated", "out-of-order", "value", "key", "timestamp", "headers", "unexpected", "verdict", "rogue"
]


class Expected(NamedTuple):
    """What must become of a source record: outputs, a rejection, or nothing because it is our twin's echo."""

    outputs: "list[Matcher]"
    rejected: Rejected | None = None
    echo: bool = False


Matcher = Callable[[Record], str | None]
"""Whether a record is the expected output: None when it is, else which part differs, in words."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose outputs are compared: records of other migrations, and native ones, are only counted."""

    migration: str
    direction: Direction
    topic_id: bytes


@dataclass(frozen=True, slots=True)
class Difference:
    """One record that is not as it must be. Offsets are of the source and, where there is one, of the target."""

    kind: Kind
    partition: int
    source_offset: int
    target_offset: int | None
    message: str


class Redriven(NamedTuple):
    """An output that a dead letter became, out of the order of its source."""

    partition: int
    source_offset: int
    target_offset: int


@dataclass(slots=True)
class Comparison:
    """The outcome, summable over partitions.

    Counts are of source records except ``outputs``, ``redriven_outputs`` and ``native``. ``dead_lettered`` are all
    that became dead letters; ``redriven`` and ``discarded`` are those of them that are settled. ``outputs`` are those
    that stand in order. ``redriven_records`` lists the first of the redriven ones.
    """

    read: int = 0
    published: int = 0
    outputs: int = 0
    dead_lettered: int = 0
    redriven: int = 0
    redriven_outputs: int = 0
    discarded: int = 0
    dropped: int = 0
    echoed: int = 0
    native: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    mismatched: int = 0
    aside_exceeded: bool = False
    differences: list[Difference] = field(default_factory=list)
    redriven_records: list[Redriven] = field(default_factory=list)

    @property
    def outstanding(self) -> int:
        """Dead letters that nobody has settled."""
        return self.dead_lettered - self.redriven - self.discarded

    @property
    def right(self) -> bool:
        return not (self.lost or self.duplicated or self.out_of_order or self.mismatched or self.aside_exceeded)

    def add(self, other: "Comparison") -> None:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.aside_exceeded = self.aside_exceeded or other.aside_exceeded
        self.differences = (self.differences + other.differences)[:LIMIT_DIFFERENCES]
        self.redriven_records = (self.redriven_records + other.redriven_records)[:LIMIT_DIFFERENCES]

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in COUNTS}


COUNTS = (
    "read",
    "published",
    "outputs",
    "dead_lettered",
    "redriven",
    "redriven_outputs",
    "discarded",
    "dropped",
    "echoed",
    "native",
    "lost",
    "duplicated",
    "out_of_order",
    "mismatched",
)


@dataclass(frozen=True, slots=True)
class _Output:
    record: Record
    source_offset: int
    index: int
    count: int


class _Letter(NamedTuple):
    record: Record
    source_offset: int
    verdict: dead_letter.Verdict
    settled: Settled | None


class _Mended(NamedTuple):
    """A dead letter that today's chain takes: what it would become."""

    source: Record
    letter: _Letter
    expected: list[Matcher]


def compare_partition(
    scope: Scope,
    sources: Iterable[Record],
    targets: Iterable[Record],
    letters: Iterable[Record],
    expect: Callable[[Record], Expected],
    settled: Mapping[tuple[int, int], Settled] | None = None,
) -> Comparison:
    """Compare one partition: records of the source in scope, and all of the target's and the dead letters'.

    ``settled`` says what was done with dead letters, by their own partition and offset.
    """
    return _Merge(scope, targets, letters, expect, settled or {}).run(sources)


class _Merge:
    def __init__(
        self,
        scope: Scope,
        targets: Iterable[Record],
        letters: Iterable[Record],
        expect: Callable[[Record], Expected],
        settled: Mapping[tuple[int, int], Settled],
    ) -> None:
        self._scope = scope
        self._expect = expect
        self._settled = settled
        self.result = Comparison()
        # What stands out of order on purpose: (source offset, index) to the output, and the letters that it is of.
        self._redriven: dict[tuple[int, int], Record] = {}
        self._mended: dict[int, _Mended] = {}
        self._outputs = self._ours(targets)
        self._output = next(self._outputs, None)
        self._letters = self._our_letters(letters)
        self._letter = next(self._letters, None)
        # Outputs that were not there when their source was passed: (source offset, index) to what they should be.
        self._missing: dict[tuple[int, int], tuple[Record, Matcher]] = {}
        self._missing_letters: dict[int, tuple[Record, Rejected]] = {}

    def run(self, sources: Iterable[Record]) -> Comparison:
        for source in sources:
            self._take_passed(source.offset)
            expected = self._expect(source)
            if expected.echo:
                self.result.echoed += 1
                self.result.read += 1
                continue
            self.result.read += 1
            if expected.rejected is not None:
                self._take_letter(source, expected.rejected)
            elif self._letter is not None and self._letter.source_offset == source.offset:
                self._take_mended(source, self._letter, expected.outputs)
            elif expected.outputs:
                self._take_outputs(source, expected.outputs)
            else:
                self.result.dropped += 1
        self._take_passed(None)
        self._take_redriven()
        for (offset, index), (source, _) in self._missing.items():
            self.result.lost += 1
            self._say("lost", source, None, f"output {index} of source offset {offset} is not in the target")
        for offset, (source, rejected) in self._missing_letters.items():
            self.result.lost += 1
            self._say("lost", source, None, f"source offset {offset} ({rejected.code}) is not among the dead letters")
        return self.result

    # ------------------------------------------------------------------ the two streams

    def _ours(self, targets: Iterable[Record]) -> Iterator[_Output]:
        for record in targets:
            found: Provenance | None = provenance.of(record.headers, record.key, record.value)
            if found is None and any(name == provenance.HEADER for name, _ in record.headers):
                found = self._damaged(record)
            if (
                found is None
                or found.migration != self._scope.migration
                or found.direction != self._scope.direction
                or found.topic_id != self._scope.topic_id
            ):
                self.result.native += 1
                continue
            if redrive.redriven_from(record.headers) is not None:
                self._keep_redriven(record, found)
                continue
            yield _Output(record, found.offset, found.index, found.count)

    def _keep_redriven(self, record: Record, found: Provenance) -> None:
        if (found.offset, found.index) in self._redriven:
            self.result.duplicated += 1
            self._differ("duplicated", found.offset, record, f"redriven output {found.index} is there twice")
        elif len(self._redriven) >= LIMIT_ASIDE:
            self.result.aside_exceeded = True
        else:
            self._redriven[found.offset, found.index] = record

    def _damaged(self, record: Record) -> Provenance | None:
        """A record that names a source and does not match its own checksum is a forwarded header, or was changed.

        Only when it stands in its source's own partition is it taken for ours, and then its value tells.
        """
        content = next(content for name, content in reversed(record.headers) if name == provenance.HEADER)
        found = provenance.parse(content)
        return found if found is not None and found.partition == record.partition else None

    def _our_letters(self, letters: Iterable[Record]) -> Iterator[_Letter]:
        for record in letters:
            parsed = dead_letter.parse(record.headers)
            if parsed is None:
                continue
            verdict, original = parsed
            if (verdict.migration, verdict.direction) != (self._scope.migration, self._scope.direction):
                continue
            settled = self._settled.get((record.partition, record.offset))
            yield _Letter(record._replace(headers=original), verdict.source.offset, verdict, settled)

    # ------------------------------------------------------------------ merging

    def _take_passed(self, offset: int | None) -> None:
        """Take what stands before ``offset`` (None: all that is left): latecomers and what should not be there."""
        while self._output is not None and (offset is None or self._output.source_offset < offset):
            self._take_late(self._output)
            self._output = next(self._outputs, None)
        while self._letter is not None and (offset is None or self._letter.source_offset < offset):
            self._take_late_letter(self._letter)
            self._letter = next(self._letters, None)

    def _take_outputs(self, source: Record, expected: list[Matcher]) -> None:
        self.result.published += 1
        index = 0
        while self._output is not None and self._output.source_offset == source.offset:
            output = self._output
            if output.index == index and index < len(expected):
                self.result.outputs += 1
                self._match(source, output, expected[index], len(expected))
                index += 1
            elif output.index < index:
                self.result.duplicated += 1
                self._say("duplicated", source, output.record, f"output {output.index} is there twice")
            else:
                self._put_aside(source, expected, index, min(output.index, len(expected)))
                index = output.index
                if index >= len(expected):
                    self.result.mismatched += 1
                    self._say("unexpected", source, output.record, f"output {output.index} should not exist")
                    index = len(expected)
                    self._output = next(self._outputs, None)
                continue
            self._output = next(self._outputs, None)
        self._put_aside(source, expected, index, len(expected))

    def _put_aside(self, source: Record, expected: list[Matcher], start: int, end: int) -> None:
        for index in range(start, end):
            if len(self._missing) >= LIMIT_ASIDE:
                self.result.aside_exceeded = True
                self.result.lost += 1
            else:
                self._missing[source.offset, index] = source, expected[index]

    def _match(self, source: Record, output: _Output, matcher: Matcher, count: int) -> None:
        record = output.record
        if output.count != count:
            self._mismatch(
                "headers", source, record, f"provenance says {output.count} outputs, the chain makes {count}"
            )
        elif record.key != source.key:
            self._mismatch("key", source, record, "the key differs")
        elif source.timestamp_ms > 0 and record.timestamp_ms != source.timestamp_ms:
            self._mismatch(
                "timestamp", source, record, f"timestamp {record.timestamp_ms} instead of {source.timestamp_ms}"
            )
        else:
            problem = matcher(record)
            if problem is not None:
                self._mismatch("headers" if problem.startswith("header") else "value", source, record, problem)

    def _take_late(self, output: _Output) -> None:
        aside = self._missing.pop((output.source_offset, output.index), None)
        if aside is None:
            self.result.duplicated += 1
            place = f"source offset {output.source_offset} index {output.index}"
            self._differ("duplicated", output.source_offset, output.record, f"{place} again, or with no such source")
            return
        source, matcher = aside
        self.result.out_of_order += 1
        self._say("out-of-order", source, output.record, "stands behind outputs of later records")
        self.result.outputs += 1
        self._match(source, output, matcher, output.count)

    def _take_letter(self, source: Record, rejected: Rejected) -> None:
        self.result.dead_lettered += 1
        letter = self._letter
        if letter is None or letter.source_offset != source.offset:
            self._missing_letters[source.offset] = source, rejected
            return
        self._letter = next(self._letters, None)
        self._match_letter(source, letter, rejected)

    def _take_late_letter(self, letter: _Letter) -> None:
        aside = self._missing_letters.pop(letter.source_offset, None)
        if aside is None:
            self.result.mismatched += 1
            code = letter.verdict.rejected.code
            message = f"source offset {letter.source_offset} is a dead letter ({code}) that should not be one, or twice"
            self._differ("unexpected", letter.source_offset, letter.record, message)
            return
        self.result.out_of_order += 1
        source, rejected = aside
        self._match_letter(source, letter, rejected)

    def _match_letter(self, source: Record, letter: _Letter, rejected: Rejected) -> None:
        record, verdict = letter.record, letter.verdict
        if letter.settled is not None:
            self.result.redriven += letter.settled.deed == "redriven"
            self.result.discarded += letter.settled.deed == "discarded"
        if not self._is_original(source, record):
            self._mismatch("value", source, record, "the dead letter is not the original record")
        elif verdict.rejected.code != rejected.code:
            said, meant = verdict.rejected.code, rejected.code
            self._mismatch("verdict", source, record, f"the dead letter says {said}, the reference says {meant}")

    def _is_original(self, source: Record, letter: Record) -> bool:
        return (letter.key, letter.value, letter.headers) == (source.key, source.value, source.headers)

    # ------------------------------------------------------------------ redriven dead letters

    def _take_mended(self, source: Record, letter: _Letter, expected: list[Matcher]) -> None:
        """A dead letter that the chain takes by now: it is settled, or waits to be redriven."""
        self._letter = next(self._letters, None)
        self.result.dead_lettered += 1
        if not self._is_original(source, letter.record):
            self._mismatch("value", source, letter.record, "the dead letter is not the original record")
        if letter.settled is not None and letter.settled.deed == "discarded":
            self.result.discarded += 1
        elif len(self._mended) >= LIMIT_ASIDE:
            self.result.aside_exceeded = True
        else:
            self._mended[source.offset] = _Mended(source, letter, expected)

    def _take_redriven(self) -> None:
        """Hold what was redriven against what its sources become, now that all of both are known."""
        with_outputs = {offset for offset, _ in self._redriven}
        for offset, (source, letter, expected) in self._mended.items():
            if offset not in with_outputs and letter.settled is None:
                code = letter.verdict.rejected.code
                message = f"is an outstanding dead letter ({code}) that the chain takes by now: redrive it"
                self._mismatch("verdict", source, letter.record, message)
                continue
            self.result.redriven += 1
            for index, matcher in enumerate(expected):
                record = self._redriven.pop((offset, index), None)
                if record is None:
                    self.result.lost += 1
                    self._say("lost", source, None, f"redriven output {index} of source offset {offset} is missing")
                    continue
                self._match_redriven(source, record, matcher, len(expected))
        for (offset, index), record in self._redriven.items():
            self.result.mismatched += 1
            self._differ("unexpected", offset, record, f"redriven output {index} is of no dead letter that makes it")

    def _match_redriven(self, source: Record, record: Record, matcher: Matcher, count: int) -> None:
        found = provenance.of(record.headers, record.key, record.value)
        stated = count if found is None else found.count
        index = 0 if found is None else found.index
        self._match(source, _Output(record, source.offset, index, stated), matcher, count)
        self.result.redriven_outputs += 1
        if len(self.result.redriven_records) < LIMIT_DIFFERENCES:
            self.result.redriven_records.append(Redriven(source.partition, source.offset, record.offset))

    # ------------------------------------------------------------------ saying so

    def _mismatch(self, kind: Kind, source: Record, record: Record, message: str) -> None:
        self.result.mismatched += 1
        self._say(kind, source, record, message)

    def _say(self, kind: Kind, source: Record, record: Record | None, message: str) -> None:
        if len(self.result.differences) < LIMIT_DIFFERENCES:
            offset = None if record is None else record.offset
            self.result.differences.append(Difference(kind, source.partition, source.offset, offset, message))

    def _differ(self, kind: Kind, source_offset: int, record: Record, message: str) -> None:
        if len(self.result.differences) < LIMIT_DIFFERENCES:
            self.result.differences.append(Difference(kind, record.partition, source_offset, record.offset, message))
