"""Comparing one partition of a source with what a bridge made of it: a streaming merge, joined on provenance.

A bridge works a partition in order, so its outputs, and its dead letters, stand in the order of their source offsets.
The merge walks the source once and takes from both other streams what belongs to each record. What is not where it
should be is kept aside until it turns up (out of order) or does not (lost). Memory therefore grows with the number of
misplaced records and with nothing else; past ``LIMIT_ASIDE`` of them the comparison says so and counts on without
looking for latecomers.

Redriven dead letters stand behind records that came after them. They carry a marker, are left out of the order, and
are held against the source once everything else is read; memory grows with their number too.

Between two source records the merge can be cut: positions in the three streams, what is aside, and the counts so far.
A merge that is restored from a cut goes on as if it had never stopped.

Nothing here is shared with what writes: values come from the reference chain through ``expect``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from instar.core.aside import Ahead, Mended
from instar.core.comparison import LIMIT_DIFFERENCES, ROGUE, Comparison, Difference, Kind, Redriven
from instar.core.cut import Cut, Expected, Matcher, Recall
from instar.core.published import Letter, Output, Scope, classify, letter_of, letters_of
from instar.core.record import Record
from instar.core.redrive import Settled
from instar.core.rejected import Rejected

__all__ = ["Comparison", "Cut", "Difference", "Expected", "Matcher", "Merge", "Recall", "Scope", "compare_partition"]

LIMIT_ASIDE = 100_000
LIMIT_CUT_ASIDE = 1_000  # each is read again, one by one, when a merge is restored


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
    merge = Merge(scope, targets, letters, expect, settled or {})
    for source in sources:
        merge.feed(source)
    return merge.finish()


class Merge:
    """``cut`` and ``recall`` restore an earlier merge: the streams then begin where the cut says.

    ``overtaken`` tells of a key whether its records may be missing: a newer value was published before them.
    """

    def __init__(
        self,
        scope: Scope,
        targets: Iterable[Record],
        letters: Iterable[Record],
        expect: Callable[[Record], Expected],
        settled: Mapping[tuple[int, int], Settled],
        *,
        cut: Cut | None = None,
        recall: Recall | None = None,
        overtaken: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._scope = scope
        self._overtaken = overtaken
        self._expect = expect
        self._settled = settled
        self.result = Comparison() if cut is None else cut.counted.copy()
        # What stands out of order on purpose: (source offset, index) to the output, and the letters that it is of.
        self._redriven: dict[tuple[int, int], Output] = {}
        self._mended: dict[int, Mended] = {}
        # Outputs that were not there when their source was passed: (source offset, index) to what they should be.
        self._missing: dict[tuple[int, int], tuple[Record, Matcher]] = {}
        self._missing_of: dict[bytes, list[tuple[int, int]]] = {}  # by key, where the target is compacted
        self._missing_letters: dict[int, tuple[Record, Rejected]] = {}
        self._last_source = -1 if cut is None else cut.source - 1
        self._ahead = Ahead()
        self._first_letter_ahead: int | None = None
        if cut is not None and recall is not None:
            self._restore(cut, recall)
        self._outputs = self._in_order(targets)
        self._output = next(self._outputs, None)
        self._letters = self._letters_in_scope(letters)
        self._letter = next(self._letters, None)

    def feed(self, source: Record) -> None:
        """The next source record: offsets must grow."""
        self._take_passed(source.offset)
        self._last_source = source.offset
        expected = self._expect(source)
        self.result.read += 1
        if expected.echo:
            self.result.echoed += 1
        elif expected.rejected is not None:
            self._take_letter(source, expected.rejected)
        elif self._letter is not None and self._letter.source_offset == source.offset:
            self._take_mended(source, self._letter, expected.outputs)
        elif expected.outputs:
            self._take_outputs(source, expected.outputs)
        else:
            self.result.dropped += 1

    def finish(self) -> Comparison:
        """The result, once every source record is fed. The merge is of no use afterwards."""
        self._take_passed(None)
        self._take_redriven()
        result = self.result
        result.native += self._ahead.foreign + self._ahead.native
        result.rogue += self._ahead.rogue
        result.differences = (result.differences + self._ahead.differences)[:LIMIT_DIFFERENCES]
        result.ahead += self._ahead.count
        for (offset, index), (source, _) in self._missing.items():
            if self._scope.target_compacted and source.value is None:
                result.superseded += 1  # compaction removes a tombstone after delete.retention.ms
                continue
            result.lost += 1
            self._say("lost", source, None, f"output {index} of source offset {offset} is not in the target")
        for offset, (source, rejected) in self._missing_letters.items():
            result.lost += 1
            self._say("lost", source, None, f"source offset {offset} ({rejected.code}) is not among the dead letters")
        return result

    @property
    def furthest_ahead(self) -> int:
        """The highest source offset at or past the bound of which there is an output or a dead letter; -1: none."""
        return self._ahead.furthest

    # ------------------------------------------------------------------ cutting

    def cut(self, upto: int) -> Cut | None:
        """The state below source offset ``upto``, which every record that was fed is; None while too much is aside."""
        self._take_passed(upto)
        self._last_source = max(self._last_source, upto - 1)
        aside = len(self._missing) + len(self._missing_letters) + len(self._mended) + len(self._redriven)
        if aside > LIMIT_CUT_ASIDE or self.result.aside_exceeded:
            return None
        target = self._ahead.first if self._output is None else self._output.record.offset
        letters = self._first_letter_ahead if self._letter is None else self._letter.record.offset
        redriven = (one.record.offset for one in self._redriven.values())
        return Cut(
            upto,
            target,
            letters,
            self.result.copy(),
            tuple(self._missing),
            tuple(self._missing_letters),
            tuple((offset, one.letter.record.offset) for offset, one in self._mended.items()),
            tuple(offset for offset in redriven if target is None or offset < target),
        )

    def _restore(self, cut: Cut, recall: Recall) -> None:
        """Read again what was aside. What is gone by now can no longer be judged."""
        for at in cut.missing:
            source = recall.source(at[0])
            expected = None if source is None else self._expect(source)
            if source is None or expected is None or at[1] >= len(expected.outputs):
                self.result.unjudged += 1
            else:
                self._remember_missing(source, at[1], expected.outputs[at[1]])
        for offset in cut.missing_letters:
            source = recall.source(offset)
            rejected = None if source is None else self._expect(source).rejected
            if source is None or rejected is None:
                self.result.unjudged += 1
            else:
                self._missing_letters[offset] = source, rejected
        for offset, letter_offset in cut.mended:
            source, record = recall.source(offset), recall.letter(letter_offset)
            letter = None if record is None else letter_of(self._scope, record, self._settled)
            if source is None or letter is None:
                self.result.unjudged += 1
            else:
                self._mended[offset] = Mended(source, letter, self._expect(source).outputs)
        for offset in cut.redriven:
            record = recall.target(offset)
            output = None if record is None else classify(self._scope, record)[1]
            if output is None:
                self.result.unjudged += 1
            else:
                self._redriven[output.source_offset, output.index] = output

    # ------------------------------------------------------------------ the two streams

    def _in_order(self, targets: Iterable[Record]) -> Iterator[Output]:
        for record in targets:
            if self._missing_of and record.key is not None:
                self._supersede(record.key)
            what, output = classify(self._scope, record)
            if output is None:
                if what == "native":
                    self._native(record)
                else:
                    self._foreign()
            elif what == "redriven":
                self._keep_redriven(output)
            elif what == "astray":
                self.result.mismatched += 1
                message = f"is of another partition's source offset {output.source_offset}"
                self._differ("partition", None, record, message)
            elif self._scope.ahead(output.source_offset):
                self._pass_ahead(output)
            else:
                yield output

    def _pass_ahead(self, output: Output) -> None:
        ahead = self._ahead
        if not output.own:
            self._native(output.record)
            return
        ahead.first = output.record.offset if ahead.first is None else ahead.first
        ahead.furthest = max(ahead.furthest, output.source_offset)
        ahead.count += 1

    def _foreign(self) -> None:
        if self._ahead.first is None:
            self.result.native += 1
        else:
            self._ahead.foreign += 1

    def _native(self, record: Record) -> None:
        """What no bridge wrote. Past the first output that is ahead, the next comparison meets it again."""
        rogue = self._scope.rogue(record.offset)
        difference = Difference("rogue", record.partition, None, record.offset, ROGUE, found=record)
        if self._ahead.first is not None:
            if not rogue:
                self._ahead.native += 1
                return
            self._ahead.rogue += 1
            if len(self._ahead.differences) < LIMIT_DIFFERENCES:
                self._ahead.differences.append(difference)
        elif rogue:
            self.result.rogue += 1
            self._append(difference)
        else:
            self.result.native += 1

    def _keep_redriven(self, output: Output) -> None:
        at = output.source_offset, output.index
        earlier = self._redriven.get(at)
        if earlier is not None and (earlier.own or not output.own):
            if not output.own:
                self._native(output.record)  # an application forwarded the headers
                return
            self.result.duplicated += 1
            message = f"redriven output {output.index} is there twice"
            self._differ("duplicated", output.source_offset, output.record, message)
        elif len(self._redriven) >= LIMIT_ASIDE:
            self.result.aside_exceeded = True
        else:
            self._redriven[at] = output
            if earlier is not None:
                self._native(earlier.record)

    def _letters_in_scope(self, records: Iterable[Record]) -> Iterator[Letter]:
        for letter in letters_of(self._scope, records, self._settled, self._letter_astray):
            if self._scope.ahead(letter.source_offset):
                if self._first_letter_ahead is None:
                    self._first_letter_ahead = letter.record.offset
                self._ahead.furthest = max(self._ahead.furthest, letter.source_offset)
            else:
                yield letter

    def _letter_astray(self, letter: Letter) -> None:
        self.result.mismatched += 1
        message = f"is a dead letter of partition {letter.verdict.source.partition}"
        self._differ("partition", letter.source_offset, letter.record, message)

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
            elif not output.own:
                self._native(output.record)
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
            if self._is_overtaken(source) or self._is_next(source.key):
                self.result.superseded += 1
            elif len(self._missing) >= LIMIT_ASIDE:
                self.result.aside_exceeded = True
                self.result.lost += 1
            else:
                self._remember_missing(source, index, expected[index])

    def _is_overtaken(self, source: Record) -> bool:
        return self._overtaken is not None and source.key is not None and self._overtaken(source.key)

    def _is_next(self, key: bytes | None) -> bool:
        """Does a later value of the key, by which compaction may remove the earlier ones, come next?"""
        return self._scope.target_compacted and self._output is not None and self._output.record.key == key

    def _remember_missing(self, source: Record, index: int, matcher: Matcher) -> None:
        self._missing[source.offset, index] = source, matcher
        if self._scope.target_compacted and source.key is not None:
            self._missing_of.setdefault(source.key, []).append((source.offset, index))

    def _supersede(self, key: bytes) -> None:
        """A later value of the key is there: compaction may remove the earlier ones."""
        for at in self._missing_of.pop(key, ()):
            if self._missing.pop(at, None) is not None:
                self.result.superseded += 1

    def _match(self, source: Record, output: Output, matcher: Matcher, count: int) -> None:
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
            elif not output.own:
                self._mismatch("headers", source, record, "the provenance's checksum is not this record's")

    def _take_late(self, output: Output) -> None:
        aside = self._missing.pop((output.source_offset, output.index), None)
        if aside is not None:
            source, matcher = aside
            self.result.out_of_order += 1
            self._say("out-of-order", source, output.record, "stands behind outputs of later records")
            self.result.outputs += 1
            self._match(source, output, matcher, output.count)
        elif not output.own:
            self._native(output.record)
        elif output.source_offset < self._scope.first or (
            self._scope.source_compacted and output.source_offset > self._last_source
        ):
            self.result.unjudged += 1
        else:
            self.result.duplicated += 1
            place = f"source offset {output.source_offset} index {output.index}"
            self._differ("duplicated", output.source_offset, output.record, f"{place} again, or with no such source")

    def _take_letter(self, source: Record, rejected: Rejected) -> None:
        letter = self._letter
        if letter is None or letter.source_offset != source.offset:
            if self._is_overtaken(source):  # passed over before anybody asked what it would become
                self.result.superseded += 1
                return
            self.result.dead_lettered += 1
            if len(self._missing_letters) >= LIMIT_ASIDE:
                self.result.aside_exceeded = True
                self.result.lost += 1
            else:
                self._missing_letters[source.offset] = source, rejected
            return
        self.result.dead_lettered += 1
        self._letter = next(self._letters, None)
        self._match_letter(source, letter, rejected)

    def _take_late_letter(self, letter: Letter) -> None:
        aside = self._missing_letters.pop(letter.source_offset, None)
        if aside is not None:
            self.result.out_of_order += 1
            source, rejected = aside
            self._say("out-of-order", source, letter.record, "stands behind dead letters of later records")
            self._match_letter(source, letter, rejected)
        elif letter.source_offset < self._scope.first or (
            self._scope.source_compacted and letter.source_offset > self._last_source
        ):
            self.result.unjudged += 1
        else:
            self.result.mismatched += 1
            code = letter.verdict.rejected.code
            message = f"source offset {letter.source_offset} is a dead letter ({code}) that should not be one, or twice"
            self._differ("unexpected", letter.source_offset, letter.record, message)

    def _match_letter(self, source: Record, letter: Letter, rejected: Rejected) -> None:
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

    def _take_mended(self, source: Record, letter: Letter, expected: list[Matcher]) -> None:
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
            self._mended[source.offset] = Mended(source, letter, expected)

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
                output = self._redriven.pop((offset, index), None)
                if output is None:
                    self.result.lost += 1
                    self._say("lost", source, None, f"redriven output {index} of source offset {offset} is missing")
                    continue
                self._match_redriven(source, output, matcher, len(expected))
        for (offset, index), output in self._redriven.items():
            if not output.own:
                self._native(output.record)
            elif offset < self._scope.first:
                self.result.unjudged += 1
            elif self._scope.ahead(offset):
                self.result.ahead += 1
            else:
                self.result.mismatched += 1
                message = f"redriven output {index} is of no dead letter that makes it"
                self._differ("unexpected", offset, output.record, message)

    def _match_redriven(self, source: Record, output: Output, matcher: Matcher, count: int) -> None:
        self._match(source, output, matcher, count)
        self.result.redriven_outputs += 1
        if len(self.result.redriven_records) < LIMIT_DIFFERENCES:
            self.result.redriven_records.append(Redriven(source.partition, source.offset, output.record.offset))

    # ------------------------------------------------------------------ saying so

    def _mismatch(self, kind: Kind, source: Record, record: Record, message: str) -> None:
        self.result.mismatched += 1
        self._say(kind, source, record, message)

    def _say(self, kind: Kind, source: Record, record: Record | None, message: str) -> None:
        offset = None if record is None else record.offset
        self._append(Difference(kind, source.partition, source.offset, offset, message, source=source, found=record))

    def _differ(self, kind: Kind, source_offset: int | None, record: Record, message: str) -> None:
        self._append(Difference(kind, record.partition, source_offset, record.offset, message, found=record))

    def _append(self, difference: Difference) -> None:
        if len(self.result.differences) < LIMIT_DIFFERENCES:
            self.result.differences.append(difference)
