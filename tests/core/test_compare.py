"""The comparison accepts exactly what a bridge publishes, and finds every kind of fault put into it."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.bridging import (
    FRAMING,
    MIGRATION,
    TOPIC_ID,
    Expecter,
    bridge_of,
    event_subject,
    event_subject_mended,
    published,
)

from instar.core import compare, dead_letter, redrive
from instar.core.compare import Comparison, Scope, compare_partition
from instar.core.provenance import Stamp
from instar.core.record import Record
from instar.core.redrive import LetterPosition, Settled
from instar.core.subject import Subject
from instar.core.upcasting import exact_json

SUBJECT = event_subject()
SCOPE = Scope(MIGRATION, "up", TOPIC_ID)
NUMBERS = st.lists(st.integers(0, 15), min_size=1, max_size=30)


def sources_of(numbers: list[int], partition: int = 0) -> list[Record]:
    records = []
    for place, number in enumerate(numbers):
        headers = (("trace", b"1"), ("instar-version", b"v1"))
        value = exact_json.dumps({"number": number, "text": f"t{place}"}) if number != 15 else None
        records.append(Record("source", partition, place * 3, str(place).encode(), value, headers, 1_000 + place))
    return records


def judged(sources: list[Record], targets: list[Record], letters: list[Record]) -> Comparison:
    return compare_partition(SCOPE, sources, targets, letters, Expecter(SUBJECT, 2))


@given(NUMBERS)
def test_what_a_bridge_publishes_is_right(numbers: list[int]) -> None:
    sources = sources_of(numbers)
    targets, letters, results = published(bridge_of(SUBJECT, 2), sources)
    found = judged(sources, targets, letters)
    assert found.right, found.differences
    assert found.read == len(numbers)
    assert found.outputs == len(targets)
    assert found.dead_lettered == len(letters) == numbers.count(5)
    assert found.dropped == numbers.count(13)
    assert found.published == sum(result.result == "published" for result in results)


def flip(records: list[Record], at: int) -> list[Record]:
    value = bytearray(records[at].value or b"")
    value[-2] ^= 1
    return [*records[:at], records[at]._replace(value=bytes(value)), *records[at + 1 :]]


def drop(records: list[Record], at: int) -> list[Record]:
    return records[:at] + records[at + 1 :]


def double(records: list[Record], at: int) -> list[Record]:
    return [*records[: at + 1], records[at], *records[at + 1 :]]


def swap(records: list[Record], at: int) -> list[Record]:
    other = at + 1 if at + 1 < len(records) else at - 1
    swapped = list(records)
    swapped[at], swapped[other] = swapped[other], swapped[at]
    return swapped


def header(records: list[Record], at: int) -> list[Record]:
    headers = tuple((name, b"2" if name == "trace" else content) for name, content in records[at].headers)
    return [*records[:at], records[at]._replace(headers=headers), *records[at + 1 :]]


def timestamp(records: list[Record], at: int) -> list[Record]:
    return [*records[:at], records[at]._replace(timestamp_ms=7), *records[at + 1 :]]


def replay_a_later_copy(records: list[Record], at: int) -> list[Record]:
    return [*records, records[at]]


@pytest.mark.parametrize(
    ("fault", "counted"),
    [
        (flip, "mismatched"),
        (drop, "lost"),
        (double, "duplicated"),
        (swap, "out_of_order"),
        (header, "mismatched"),
        (timestamp, "mismatched"),
        (replay_a_later_copy, "duplicated"),
    ],
)
@given(numbers=st.lists(st.integers(0, 4), min_size=2, max_size=30), seed=st.integers(0, 1_000))
def test_a_fault_in_the_target_is_found_and_named(
    fault: Callable[[list[Record], int], list[Record]], counted: str, numbers: list[int], seed: int
) -> None:
    sources = sources_of(numbers)
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    found = judged(sources, fault(targets, Random(seed).randrange(len(targets))), letters)
    assert not found.right
    assert getattr(found, counted) == 1, found.differences
    assert sum(found.as_dict()[name] for name in ("lost", "duplicated", "out_of_order", "mismatched")) == 1


def test_a_lost_dead_letter_is_found() -> None:
    sources = sources_of([1, 5, 2])
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    assert judged(sources, targets, []).lost == 1
    assert judged(sources, targets, letters).right


def test_a_dead_letter_whose_bytes_changed_is_found() -> None:
    sources = sources_of([1, 5, 2])
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    assert judged(sources, targets, [letters[0]._replace(value=b"other")]).mismatched == 1


def test_a_record_that_should_have_been_a_dead_letter_is_found() -> None:
    sources = sources_of([1, 5, 2])
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    value = exact_json.dumps({"number": 6, "text": "t1"})
    stamped = Stamp(MIGRATION, "up", TOPIC_ID, 0).header(3, 0, 1, b"1", value)
    written = FRAMING.writer(subject="orders", version=2, schema_id=None)(value)
    assert isinstance(written, tuple)
    rogue = Record("target", 0, 3, b"1", value, (("trace", b"1"), *written[1], stamped), 1_001)
    found = judged(sources, [targets[0], rogue, *targets[1:]], letters)
    assert found.duplicated == 1
    assert found.differences[0].source_offset == 3


def test_native_records_and_those_of_other_migrations_are_only_counted() -> None:
    sources = sources_of([1, 2])
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    foreign = Stamp("another", "up", TOPIC_ID, 0).header(0, 0, 1, b"k", b"v")
    native = Record("target", 0, 1, b"k", b"v", (), 5)
    other = Record("target", 0, 2, b"k", b"v", (foreign,), 5)
    found = judged(sources, [native, targets[0], other, *targets[1:]], letters)
    assert found.right
    assert found.native == 2


def test_memory_is_bounded_when_a_whole_partition_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "LIMIT_ASIDE", 3)
    found = judged(sources_of([1] * 10), [], [])
    assert found.lost == 10
    assert found.aside_exceeded
    assert not found.right


# ---------------------------------------------------------------------- redriven dead letters

MENDED = event_subject_mended()


def redriven(sources: list[Record], letters: list[Record], subject: Subject) -> list[Record]:
    """What the letters become through a chain that takes them."""
    by_offset = {source.offset: source for source in sources}
    bridge = bridge_of(subject, 2)
    made: list[Record] = []
    for letter in letters:
        parsed = dead_letter.parse(letter.headers)
        assert parsed is not None
        source = by_offset[parsed[0].source.offset]
        mark = redrive.marker(LetterPosition(bytes(16), 0, letter.offset))
        for output in bridge.carry(source, Stamp(MIGRATION, "up", TOPIC_ID, 0)).outputs:
            marked = output._replace(headers=(*output.headers, mark))
            made.append(Record("target", 0, 10_000 + len(made), *marked))
    return made


def judged_after(
    sources: list[Record], targets: list[Record], letters: list[Record], settled: dict[tuple[int, int], Settled]
) -> Comparison:
    return compare_partition(SCOPE, sources, targets, letters, Expecter(MENDED, 2), settled)


REDRIVEN = Settled("redriven", 0, "ada", outputs=1)
DISCARDED = Settled("discarded", 0, "ada", "a test record")


@given(numbers=NUMBERS, seed=st.integers(0, 1_000))
def test_redriven_records_are_counted_apart_wherever_they_stand(numbers: list[int], seed: int) -> None:
    sources = sources_of(numbers)
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    again = redriven(sources, letters, MENDED)
    for record in again:  # Behind its letter's place, which is not looked at, or anywhere else.
        targets.insert(Random(seed).randint(0, len(targets)), record)
    found = judged_after(sources, targets, letters, {})
    assert found.right, found.differences
    assert (found.dead_lettered, found.redriven, found.outstanding) == (len(letters), len(letters), 0)
    assert (found.redriven_outputs, found.outputs) == (len(again), len(targets) - len(again))
    assert sorted(one.target_offset for one in found.redriven_records) == [one.offset for one in again]
    assert found.read == found.published + found.dead_lettered + found.dropped


def test_a_letter_that_the_chain_takes_by_now_is_found_until_it_is_redriven_or_discarded() -> None:
    sources = sources_of([1, 5, 2])
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    waiting = judged_after(sources, targets, letters, {})
    assert (waiting.mismatched, waiting.lost, waiting.outstanding) == (1, 0, 1)
    assert "redrive" in waiting.differences[0].message
    discarded = judged_after(sources, targets, letters, {(0, letters[0].offset): DISCARDED})
    assert discarded.right
    assert (discarded.discarded, discarded.outstanding) == (1, 0)


def test_a_discarded_letter_that_is_still_rejected_is_no_longer_outstanding() -> None:
    sources = sources_of([1, 5, 5])
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    found = compare_partition(
        SCOPE, sources, targets, letters, Expecter(SUBJECT, 2), {(0, letters[1].offset): DISCARDED}
    )
    assert found.right
    assert (found.dead_lettered, found.discarded, found.outstanding) == (2, 1, 1)


def test_a_redriven_record_that_is_wrong_twice_missing_or_of_no_letter_is_found() -> None:
    sources = sources_of([1, 5, 2])
    targets, letters, _ = published(bridge_of(SUBJECT, 2), sources)
    (again,) = redriven(sources, letters, MENDED)
    settled = {(0, letters[0].offset): REDRIVEN}
    assert judged_after(sources, [*targets, again], letters, settled).right
    wrong = flip([again], 0)
    assert judged_after(sources, [*targets, *wrong], letters, settled).mismatched == 1
    assert judged_after(sources, [*targets, again, again], letters, settled).duplicated == 1
    assert judged_after(sources, targets, letters, settled).lost == 1
    # The chain still rejects it: nothing can have been redriven.
    assert judged(sources, [*targets, again], letters).mismatched == 1


def test_a_marker_that_an_application_forwarded_does_not_make_a_record_redriven() -> None:
    sources = sources_of([1, 2])
    mark = redrive.marker(LetterPosition(bytes(16), 0, 7))
    marked = [sources[0]._replace(headers=(*sources[0].headers, mark)), sources[1]]
    targets, letters, _ = published(bridge_of(SUBJECT, 2), marked)
    found = judged(marked, targets, letters)
    assert found.right, found.differences
    assert (found.outputs, found.redriven_outputs) == (2, 0)
