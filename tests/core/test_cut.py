"""A comparison that is cut anywhere and gone on with finds exactly what one in a single pass finds."""

import json
from collections.abc import Callable, Iterable
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from tests.core.test_compare import (
    MENDED,
    SUBJECT,
    double,
    drop,
    flip,
    header,
    redriven,
    replay_a_later_copy,
    sources_of,
    swap,
    timestamp,
)
from tests.support.bridging import MIGRATION, TOPIC_ID, Expecter, bridge_of, published

from instar.core.compare import Merge
from instar.core.comparison import Comparison
from instar.core.cut import Cut, Recall
from instar.core.published import Scope
from instar.core.record import Record
from instar.core.subject import Subject

FAULTS: list[Callable[[list[Record], int], list[Record]]] = [
    lambda records, at: records,
    flip,
    drop,
    double,
    swap,
    header,
    timestamp,
    replay_a_later_copy,
]
NUMBERS = st.lists(st.integers(0, 15), min_size=2, max_size=30)


def numbered(records: Iterable[Record]) -> list[Record]:
    return [record._replace(offset=place) for place, record in enumerate(records)]


class Topics:
    def __init__(self, sources: list[Record], targets: list[Record], letters: list[Record], subject: Subject) -> None:
        self.sources, self.targets, self.letters = sources, targets, letters
        self.expect = Expecter(subject, 2)
        self.bound = sources[-1].offset + 1

    def merge(self, bound: int, cut: Cut | None) -> tuple[Merge, list[Record]]:
        start = 0 if cut is None else cut.source
        scope = Scope(MIGRATION, "up", TOPIC_ID, bound=bound)
        merge = Merge(
            scope,
            [one for one in self.targets if cut is None or cut.target is None or one.offset >= cut.target],
            [one for one in self.letters if cut is None or cut.letters is None or one.offset >= cut.letters],
            self.expect,
            {},
            cut=cut,
            recall=Recall(*(self.at(topic) for topic in (self.sources, self.targets, self.letters))),
        )
        return merge, [one for one in self.sources if start <= one.offset < bound]

    def at(self, topic: list[Record]) -> Callable[[int], Record | None]:
        return lambda offset: next((one for one in topic if one.offset == offset), None)

    def whole(self) -> Comparison:
        return self.through([])

    def through(self, cuts: list[int]) -> Comparison:
        """Compare with a stop at each of the source offsets, as a program that is started again and again."""
        cut: Cut | None = None
        for upto in cuts:
            merge, sources = self.merge(self.bound, cut)
            for source in sources:
                if source.offset < upto:
                    merge.feed(source)
            made = merge.cut(upto)
            assert made is not None
            cut = self.stored(made)
        merge, sources = self.merge(self.bound, cut)
        for source in sources:
            merge.feed(source)
        return merge.finish()

    def stored(self, cut: Cut) -> Cut:
        """As a file holds it. Where a stream was read to its end, the next merge begins there."""
        read = Cut.of(json.loads(json.dumps(cut.document())))
        ends = [topic[-1].offset + 1 if topic else 0 for topic in (self.targets, self.letters)]
        return Cut(
            read.source,
            ends[0] if read.target is None else read.target,
            ends[1] if read.letters is None else read.letters,
            read.counted,
            read.missing,
            read.missing_letters,
            read.mended,
            read.redriven,
        )


def same(one: Comparison, other: Comparison) -> None:
    assert one.as_dict() == other.as_dict(), (one.differences, other.differences)
    assert one.differences == other.differences
    assert sorted(one.redriven_records) == sorted(other.redriven_records)


@given(
    numbers=NUMBERS,
    fault=st.sampled_from(FAULTS),
    mended=st.booleans(),
    cuts=st.lists(st.integers(0, 90), max_size=4),
    seed=st.integers(0, 1_000),
)
def test_cut_anywhere_the_result_is_that_of_a_single_pass(
    numbers: list[int], fault: Callable[..., list[Record]], mended: bool, cuts: list[int], seed: int
) -> None:
    sources = sources_of(numbers)
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    if targets:
        targets = fault(targets, Random(seed).randrange(len(targets)))
    letters = numbered(letters)
    if mended:
        for record in redriven(sources, letters, MENDED)[: Random(seed).randint(0, 3)]:
            targets.insert(Random(seed).randint(0, len(targets)), record)
    topics = Topics(sources, numbered(targets), letters, MENDED if mended else SUBJECT)
    same(topics.through(sorted(min(cut, topics.bound) for cut in cuts)), topics.whole())


@given(numbers=NUMBERS, bounds=st.lists(st.integers(0, 90), min_size=1, max_size=4))
def test_rounds_behind_a_running_bridge_find_what_one_pass_finds(numbers: list[int], bounds: list[int]) -> None:
    """Each round sees outputs past its bound, and leaves them to the next."""
    sources = sources_of(numbers)
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    native = Record("target", 0, 0, b"k", b"v", (), 5)
    targets = [record for one in targets for record in (one, native)]
    topics = Topics(sources, numbered(targets), numbered(letters), SUBJECT)
    cut: Cut | None = None
    for bound in [*sorted(min(bound, topics.bound) for bound in bounds), topics.bound]:
        merge, fed = topics.merge(bound, cut)
        for source in fed:
            merge.feed(source)
        made = merge.cut(bound)
        assert made is not None
        cut = topics.stored(made)
        result = merge.finish()
        assert result.right, result.differences
        assert result.native == len(targets) // 2  # all are seen in each round, and none is counted twice
    same(result, topics.whole())


def test_what_is_missing_at_a_cut_and_turns_up_later_is_out_of_order() -> None:
    sources = sources_of([1, 2, 3, 4])
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    topics = Topics(sources, numbered([*targets[:1], *targets[2:], targets[1]]), letters, SUBJECT)
    found = topics.through([9])
    assert (found.out_of_order, found.lost) == (1, 0)
