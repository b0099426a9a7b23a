"""Comparing one partition by digests: of what must be there, which is kept, and of what is there.

The expected digest of a range of source offsets costs a look at the source and the chain once. With those of an
earlier run a check reads the target and the dead letters alone. A range whose digests differ is compared in full: that
is its second reading, and what counts.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, Protocol

from instar.core import compare
from instar.core.comparison import LIMIT_DIFFERENCES, ROGUE, Comparison, Difference, Kind
from instar.core.digest import COUNTED, ChunkDigest, Making, Sum, bounds_of, chunk_of
from instar.core.published import Letter, Output, Scope, classify, letter_of, letters_of
from instar.core.record import Record
from instar.verifier.full import Watch, add_ahead
from instar.verifier.inputs import Inputs, Opener

LIMIT_COMPARED = 100  # ranges that are compared in full; each further one counts as one mismatch
LIMIT_LATE = 100_000


@dataclass(slots=True)
class DigestResult:
    """``kept`` ranges came from an earlier run, ``made`` ones were computed, ``compared`` were compared in full."""

    result: Comparison = field(default_factory=Comparison)
    kept: int = 0
    made: int = 0
    compared: int = 0
    complete: bool = True


class _Suspect(NamedTuple):
    """A range to be compared in full, and where its records stand in the other two topics."""

    expected: ChunkDigest
    target: tuple[int, int]
    letters: tuple[int, int]


class Kept(Protocol):
    """Expected digests of an earlier run: ranges in order and without gaps, ``first`` up to and without ``bound``."""

    @property
    def first(self) -> int: ...

    @property
    def bound(self) -> int: ...

    def __iter__(self) -> Iterator[ChunkDigest]: ...


class _Expecting:
    """The expected digests of a partition's ranges in order: kept ones first, then computed ones.

    ``keep`` is given each computed range that is whole.
    """

    def __init__(
        self,
        inputs: Inputs,
        partition: int,
        kept: Kept | None,
        keep: Callable[[ChunkDigest], None],
        watch: Watch,
    ) -> None:
        self._inputs = inputs
        self._partition = partition
        self._kept = kept
        self._keep = keep
        self._watch = watch
        self.counts = DigestResult()

    def __iter__(self) -> Iterator[ChunkDigest]:
        first, bound = self._inputs.first(self._partition), self._inputs.bound(self._partition)
        if self._kept is not None:
            for one in self._kept:
                self.counts.kept += 1
                yield one
            first = max(first, self._kept.bound)
        yield from self._made(first, bound)

    def _made(self, first: int, bound: int) -> Iterator[ChunkDigest]:
        if first >= bound:
            return
        making = Making(*bounds_of(chunk_of(first), first, bound))
        for source in self._inputs.source.read(self._partition, first, bound):
            self._watch.on_record()
            while source.offset >= making.bound:
                yield self._finished(making)
                making = Making(*bounds_of(chunk_of(making.bound), making.bound, bound))
            self._add(making, source)
        while True:
            yield self._finished(making)
            if making.bound >= bound:
                return
            making = Making(*bounds_of(chunk_of(making.bound), making.bound, bound))

    def _add(self, making: Making, source: Record) -> None:
        decision = self._inputs.judge.decide(source)
        making.read += 1
        if decision.echo:
            making.echoed += 1
        elif decision.rejected is not None:
            making.letters.add_letter(source.offset, decision.rejected.code, source.key, source.value, source.headers)
        elif decision.contents:
            making.published += 1
            for index, content in enumerate(decision.contents):
                making.outputs.add_output(source.offset, index, len(decision.contents), content)
        else:
            making.dropped += 1

    def _finished(self, making: Making) -> ChunkDigest:
        made = making.made()
        self.counts.made += 1
        if made.whole:
            self._keep(made)
        return made


class _Found:
    """The target's and the dead letters' records of one partition, range by range."""

    def __init__(self, inputs: Inputs, partition: int, scope: Scope, gap: range, result: Comparison) -> None:
        self._inputs, self._scope, self._gap, self._result = inputs, scope, gap, result
        target, letters = inputs.target, inputs.letters
        self._end = target.ends[partition]
        self._letters_end = letters.ends[partition]
        self.late: dict[int, list[int]] = {}  # by chunk: offsets of records that stand where others should
        self.late_letters: dict[int, list[int]] = {}
        self.redriven: dict[int, list[int]] = {}
        self.furthest_ahead = -1
        self._outputs = self._in_order(target.read(partition, target.starts[partition], self._end))
        self._letters = self._letters_in_scope(letters.read(partition, letters.starts[partition], self._letters_end))
        self._output = next(self._outputs, None)
        self._letter = next(self._letters, None)

    @property
    def position(self) -> tuple[int, int]:
        """Where the two streams stand."""
        return (
            self._end if self._output is None else self._output.record.offset,
            self._letters_end if self._letter is None else self._letter.record.offset,
        )

    def take(self, first: int, bound: int) -> tuple[Sum, Sum]:
        """The digests of what is there of source offsets ``first`` up to and without ``bound``."""
        outputs, letters = Sum(), Sum()
        while self._output is not None and self._output.source_offset < bound:
            self._add(outputs, self._output, first)
            self._output = next(self._outputs, None)
        while self._letter is not None and self._letter.source_offset < bound:
            self._add_letter(letters, self._letter, first)
            self._letter = next(self._letters, None)
        return outputs, letters

    def _add(self, outputs: Sum, output: Output, first: int) -> None:
        if output.source_offset < first:
            if not output.own:
                self._native(output.record, foreign=False)
            elif self._gone(output.source_offset):
                self._result.unjudged += 1
            else:
                self._late(self.late, output.source_offset, output.record.offset)
            return
        if not output.own:
            # Changed, or forwarded by an application: only the full comparison can tell.
            outputs.add_unreadable(output.source_offset, "the checksum is another's")
            return
        content = self._inputs.judge.content(output.record)
        if isinstance(content, str):
            outputs.add_unreadable(output.source_offset, content)
        else:
            outputs.add_output(output.source_offset, output.index, output.count, content)

    def _add_letter(self, letters: Sum, letter: Letter, first: int) -> None:
        record = letter.record
        if self._gone(letter.source_offset):
            self._result.unjudged += 1
        elif letter.source_offset < first:
            self._late(self.late_letters, letter.source_offset, record.offset)
        else:
            code = letter.verdict.rejected.code
            letters.add_letter(letter.source_offset, code, record.key, record.value, record.headers)
            if letter.settled is not None:
                self._result.discarded += letter.settled.deed == "discarded"
                self._result.redriven += letter.settled.deed == "redriven"

    def _gone(self, source_offset: int) -> bool:
        """Retention deleted the source record before a digest was made of it."""
        return source_offset < self._scope.first or source_offset in self._gap

    def _late(self, kept: dict[int, list[int]], source_offset: int, offset: int) -> None:
        of_chunk = kept.setdefault(chunk_of(source_offset), [])
        if len(of_chunk) < LIMIT_LATE:
            of_chunk.append(offset)

    def _in_order(self, records: Iterable[Record]) -> Iterator[Output]:
        for record in records:
            what, output = classify(self._scope, record)
            if what == "redriven" and output is not None:
                self._result.redriven_outputs += 1
                self._late(self.redriven, output.source_offset, record.offset)
            elif what == "astray":
                self._result.mismatched += 1
                self._say(Difference("partition", record.partition, None, record.offset, "is of another partition"))
            elif output is None:
                self._native(record, foreign=what == "foreign")
            elif self._scope.ahead(output.source_offset):
                if output.own:
                    self._result.ahead += 1
                    self.furthest_ahead = max(self.furthest_ahead, output.source_offset)
                else:
                    self._native(record, foreign=False)
            else:
                yield output

    def _letters_in_scope(self, records: Iterable[Record]) -> Iterator[Letter]:
        for letter in letters_of(self._scope, records, self._inputs.settled, self._letter_astray):
            if self._scope.ahead(letter.source_offset):
                self.furthest_ahead = max(self.furthest_ahead, letter.source_offset)
            else:
                yield letter

    def _letter_astray(self, letter: Letter) -> None:
        self._result.mismatched += 1
        where = letter.verdict.source.partition
        message = f"is a dead letter of partition {where}"
        self._say(Difference("partition", letter.record.partition, letter.source_offset, letter.record.offset, message))

    def _native(self, record: Record, *, foreign: bool) -> None:
        if foreign or not self._scope.rogue(record.offset):
            self._result.native += 1
            return
        self._result.rogue += 1
        self._say(Difference("rogue", record.partition, None, record.offset, ROGUE, found=record))

    def _say(self, difference: Difference) -> None:
        if len(self._result.differences) < LIMIT_DIFFERENCES:
            self._result.differences.append(difference)


def compare_partition(
    opener: Opener,
    inputs: Inputs,
    partition: int,
    kept: Kept | None,
    keep: Callable[[ChunkDigest], None],
    watch: Watch,
) -> DigestResult:
    """Compare a partition by digests. ``kept`` must end at or below the checkpoint."""
    start, bound = inputs.first(partition), inputs.bound(partition)
    first = start if kept is None else min(start, kept.first)
    gap = range(0) if kept is None else range(kept.bound, max(start, kept.bound))
    expecting = _Expecting(inputs, partition, kept, keep, watch)
    done = expecting.counts
    found = _Found(inputs, partition, inputs.scope(partition, first=first), gap, done.result)
    suspects: dict[int, _Suspect] = {}
    for expected in expecting:
        if watch.stopped:
            done.complete = False
            return done
        before = found.position
        outputs, letters = found.take(expected.first, expected.bound)
        _count(done.result, expected, 1)
        if (outputs.digest, letters.digest) != (expected.outputs, expected.letters):
            window = zip(before, found.position, strict=True)
            suspects[chunk_of(expected.first)] = _Suspect(expected, *window)
    found.take(bound, bound)  # what is left of the streams is late
    for number, suspect in suspects.items():
        done.compared += 1
        if done.compared > LIMIT_COMPARED or start > suspect.expected.first:
            _differs(done.result, partition, suspect.expected)
        else:
            _count(done.result, suspect.expected, -1)
            done.result.add(_in_full(inputs, partition, found, number, suspect))
    _count_late(found, suspects.keys(), partition, done.result)
    if found.furthest_ahead >= 0:
        add_ahead(done.result, partition, found.furthest_ahead, opener.committed().get(partition))
    return done


def _count(result: Comparison, expected: ChunkDigest, sign: int) -> None:
    for name, count in zip(COUNTED, expected.counts, strict=True):
        setattr(result, name, getattr(result, name) + sign * count)


def _differs(result: Comparison, partition: int, expected: ChunkDigest) -> None:
    """A range that cannot be looked into, because its source is gone or because there are too many."""
    result.mismatched += 1
    message = f"something of source offsets {expected.first:,} to {expected.bound - 1:,} is not as it must be"
    _append(result, Difference("digest", partition, expected.first, None, message))


def _in_full(inputs: Inputs, partition: int, found: _Found, number: int, suspect: _Suspect) -> Comparison:
    """Compare a range record by record, with what stands elsewhere of it."""
    first, bound = suspect.expected.first, suspect.expected.bound
    scope = inputs.scope(partition, first=first, bound=bound)
    late, late_letters = found.late.get(number, []), found.late_letters.get(number, [])
    targets = chain(
        inputs.target.read(partition, *suspect.target),
        _records(inputs.target.record, partition, [*late, *found.redriven.get(number, [])]),
    )
    letters = chain(
        inputs.letters.read(partition, *suspect.letters), _records(inputs.letters.record, partition, late_letters)
    )
    result = compare.compare_partition(
        scope,
        inputs.source.read(partition, first, bound),
        (record for record in targets if _is_of(scope, record)),
        (record for record in letters if _is_letter_of(scope, record)),
        inputs.judge.expect,
        inputs.settled,
    )
    # These are counted where the streams are read.
    result.redriven_outputs = result.redriven = result.discarded = 0
    return result


def _records(read: Callable[[int, int], Record | None], partition: int, offsets: list[int]) -> Iterator[Record]:
    for offset in sorted(offsets):
        record = read(partition, offset)
        if record is not None:
            yield record


def _is_of(scope: Scope, record: Record) -> bool:
    what, output = classify(scope, record)
    return what in {"output", "redriven"} and output is not None and _within(scope, output.source_offset)


def _is_letter_of(scope: Scope, record: Record) -> bool:
    letter = letter_of(scope, record, {})
    return letter is not None and _within(scope, letter.source_offset)


def _within(scope: Scope, source_offset: int) -> bool:
    return scope.first <= source_offset and not scope.ahead(source_offset)


def _count_late(found: _Found, suspects: Iterable[int], partition: int, result: Comparison) -> None:
    """What stands out of order and is of a range that is whole without it."""
    compared = set(suspects)
    for what, by_chunk in (("output", found.late), ("dead letter", found.late_letters), ("redriven", found.redriven)):
        for number, offsets in by_chunk.items():
            if number in compared:
                continue
            kind: Kind = "duplicated" if what == "output" else "unexpected"
            result.duplicated += len(offsets) if kind == "duplicated" else 0
            result.mismatched += len(offsets) if kind == "unexpected" else 0
            message = f"a {what} that is there twice, or of no such source record"
            for offset in offsets[:LIMIT_DIFFERENCES]:
                _append(result, Difference(kind, partition, None, offset, message))


def _append(result: Comparison, difference: Difference) -> None:
    if len(result.differences) < LIMIT_DIFFERENCES:
        result.differences.append(difference)
