"""A group that moves to the other topic reads on at exactly the record where it stood, whatever happened before."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.two_topics import MIGRATION, TWIN, Made, TwoTopics, history

from instar.core import translate
from instar.core.provenance import Direction, Stamp
from instar.core.record import Record
from instar.core.translate import Lane, Log, Translation, Untranslatable

SEEDS = st.integers(0, 2**32)
STEPS = st.integers(0, 120)


@pytest.fixture(autouse=True, scope="module")
def small_windows() -> Iterator[None]:
    """Histories of a hundred records are halved as those of a billion are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translate, "LINEAR_RECORDS", 2)
        patch.setattr(translate, "FIRST_LETTERS_WINDOW", 2)
        yield


def move(topics: TwoTopics, side: Direction, position: int) -> Translation | Untranslatable:
    """``side`` names the bridge that reads the topic that the group leaves."""
    twin = TWIN[side]
    return translate.translate(position, topics.log(side), topics.log(twin), topics.lane(side), topics.lane(twin))


def moved(topics: TwoTopics, side: Direction, position: int) -> Translation:
    found = move(topics, side, position)
    assert isinstance(found, Translation), found
    return found


def is_unread(topics: TwoTopics, side: Direction, position: int, made: Made) -> bool:
    """Has a group at the position, in the topic that bridge ``side`` reads, not read this record of the other topic?

    Every link is looked at: nothing is taken to be in order.
    """
    if made.of is not None:
        return made.of >= position
    twin = topics.bridges[TWIN[side]]
    offset = made.record.offset
    if twin.checkpoint is None:
        return False
    if offset >= twin.checkpoint:
        return True
    copies = [(one.record.offset, one.of, one.redriven) for one in topics.logs[side] if one.of is not None]
    if any(at >= position and of == offset for at, of, _ in copies):
        return True
    ordered = [(at, of) for at, of, redriven in copies if not redriven]
    if any(at >= position and of < offset for at, of in ordered):
        return True
    passed = any(at < position and of > offset for at, of in ordered)
    return offset in twin.letters and not passed


def first_unread(topics: TwoTopics, side: Direction, position: int) -> int | None:
    there = topics.logs[TWIN[side]]
    return next((made.record.offset for made in there if is_unread(topics, side, position, made)), None)


def next_read(topics: TwoTopics, side: Direction, offset: int) -> int | None:
    return next((made.record.offset for made in topics.logs[side] if made.record.offset >= offset), None)


def reachable(topics: TwoTopics, side: Direction, random: Random) -> int:
    """A position that the bridge has passed."""
    checkpoint = topics.bridges[side].checkpoint
    return random.randint(topics.starts[side], max(checkpoint or 0, topics.starts[side]))


@given(seed=SEEDS, steps=STEPS, side=st.sampled_from(["up", "down"]), compacted=st.booleans())
def test_the_next_record_read_is_the_first_that_the_group_has_not_read(
    seed: int, steps: int, side: Direction, compacted: bool
) -> None:
    topics = history(seed, steps, compacted=compacted)
    position = reachable(topics, side, Random(seed))
    found = moved(topics, side, position)
    assert next_read(topics, TWIN[side], found.offset) == first_unread(topics, side, position)
    assert (found.stands == "end") == (next_read(topics, TWIN[side], found.offset) is None)


@given(seed=SEEDS, steps=STEPS, side=st.sampled_from(["up", "down"]), compacted=st.booleans())
def test_nothing_that_the_group_would_still_have_read_is_skipped(
    seed: int, steps: int, side: Direction, compacted: bool
) -> None:
    topics = history(seed, steps, compacted=compacted)
    position = reachable(topics, side, Random(seed))
    offset = moved(topics, side, position).offset
    there = topics.logs[TWIN[side]]
    for ahead in (made for made in topics.logs[side] if made.record.offset >= position):
        if ahead.of is None:
            assert all(copy.record.offset >= offset for copy in there if copy.of == ahead.record.offset)
        else:
            assert all(native.record.offset >= offset for native in there if native.record.offset == ahead.of)
    pending = topics.bridges[TWIN[side]].checkpoint
    assert pending is not None
    assert all(made.record.offset >= offset for made in there if made.of is None and made.record.offset >= pending)


@given(seed=SEEDS, steps=STEPS, side=st.sampled_from(["up", "down"]), compacted=st.booleans())
def test_repeats_are_counted(seed: int, steps: int, side: Direction, compacted: bool) -> None:
    topics = history(seed, steps, compacted=compacted)
    position = reachable(topics, side, Random(seed))
    found = moved(topics, side, position)
    behind = [made for made in topics.logs[TWIN[side]] if made.record.offset >= found.offset]
    again = [made for made in behind if not is_unread(topics, side, position, made)]
    apart = [made for made in again if made.redriven]
    assert found.repeats_exact
    assert len(again) - len(apart) <= found.repeats <= len(again)
    redriven = {made.of for made in apart}
    assert len(redriven) <= found.redriven_before


@given(seed=SEEDS, steps=STEPS)
def test_with_one_bridge_and_one_writer_it_is_the_first_copy_at_or_past_the_position_and_nothing_is_repeated(
    seed: int, steps: int
) -> None:
    topics = history(seed, steps, bridges=("up",), writers=("up",))
    position = reachable(topics, "up", Random(seed))
    found = moved(topics, "up", position)
    copies = [made.record.offset for made in topics.logs["down"] if made.of is not None and made.of >= position]
    assert found.offset == (copies[0] if copies else topics.ends["down"])
    if not topics.bridges["up"].redriven:
        assert (found.repeats, found.fan_out_repeats) == (0, 0)


@given(seed=SEEDS, steps=STEPS)
def test_without_a_reverse_bridge_a_group_goes_back_while_nothing_native_is_before_it(seed: int, steps: int) -> None:
    topics = history(seed, steps, bridges=("up",), writers=("up",))
    position = Random(seed).randint(0, topics.ends["down"])
    found = moved(topics, "down", position)
    assert next_read(topics, "up", found.offset) == first_unread(topics, "down", position)


@given(seed=SEEDS, steps=STEPS)
def test_without_a_reverse_bridge_a_native_record_that_is_unread_is_never_left_behind(seed: int, steps: int) -> None:
    topics = history(seed, steps, bridges=("up",))
    position = Random(seed).randint(0, topics.ends["down"])
    natives = [made for made in topics.logs["down"] if made.of is None and made.record.offset >= position]
    found = move(topics, "down", position)
    assert isinstance(found, Untranslatable) == bool(natives)
    if isinstance(found, Untranslatable):
        assert found.code == "bridge-missing"


@given(seed=SEEDS, steps=STEPS, side=st.sampled_from(["up", "down"]))
def test_a_group_past_the_bridge_waits_for_it_unless_nothing_lies_between(
    seed: int, steps: int, side: Direction
) -> None:
    topics = history(seed, steps)
    position = Random(seed).randint(0, topics.ends[side])
    checkpoint = topics.bridges[side].checkpoint
    assert checkpoint is not None
    between = [made for made in topics.logs[side] if made.of is None and checkpoint <= made.record.offset < position]
    found = move(topics, side, position)
    assert (isinstance(found, Untranslatable) and found.code == "bridge-behind") == bool(between)


@given(seed=SEEDS, steps=STEPS, side=st.sampled_from(["up", "down"]))
@example(seed=96921579, steps=7, side="up")  # the first of a fan-out is cut off, the others are left
def test_what_retention_deleted_is_never_skipped_silently(seed: int, steps: int, side: Direction) -> None:
    topics = history(seed, steps)
    position = reachable(topics, side, Random(seed))
    unread = first_unread(topics, side, position)
    topics.expire(TWIN[side], Random(seed + 1).randint(0, topics.ends[TWIN[side]]))
    lost = unread is not None and unread < topics.starts[TWIN[side]]
    found = move(topics, side, position)
    if isinstance(found, Untranslatable):
        assert found.code == "expired"
    else:
        assert not lost or is_only_an_outstanding_letter(topics, side, position)
        assert found.offset >= topics.starts[TWIN[side]]


def is_only_an_outstanding_letter(topics: TwoTopics, side: Direction, position: int) -> bool:
    """What was deleted was a dead letter's source: the letter still has it."""
    rest = topics.bridges[TWIN[side]]
    return bool(rest.letters | rest.redriven)


@given(seed=SEEDS, steps=STEPS)
def test_there_and_back_without_reading_passes_over_nothing_that_has_a_copy(seed: int, steps: int) -> None:
    topics = history(seed, steps, bridges=("up",), writers=("up",), redriving=False)
    position = reachable(topics, "up", Random(seed))
    back = moved(topics, "down", moved(topics, "up", position).offset).offset
    copied = {made.of for made in topics.logs["down"]}
    low, high = sorted((position, back))
    assert not copied & {made.record.offset for made in topics.logs["up"] if low <= made.record.offset < high}


def test_copies_out_of_order_are_found_by_reading_everything() -> None:
    stamp = Stamp(MIGRATION, "up", bytes(16), 0)
    sources = [0, 1, 2, 90, 91, 92, 50, 51, 52, 3, 4, 5, 93, 94, 95, 96]

    def record(offset: int, source: int) -> Record:
        return Record("new", 0, offset, b"k", b"v", (stamp.header(source, 0, 1, b"k", b"v"),), 0)

    records = [record(offset, source) for offset, source in enumerate(sources)]
    log = Log(lambda start, bound: records[start:bound], 0, len(records))
    assert translate.first_copy(log, Lane(MIGRATION, "up", bytes(16), 100), 4) == (0, 3)


def test_probing_reads_few_records_of_a_long_log() -> None:
    stamp = Stamp(MIGRATION, "up", bytes(16), 0)
    seen: list[int] = []

    def read(start: int, bound: int) -> Iterator[Record]:
        for offset in range(start, bound):
            seen.append(offset)
            yield Record("new", 0, offset, b"k", b"v", (stamp.header(offset * 2, 0, 1, b"k", b"v"),), 0)

    lane = Lane(MIGRATION, "up", bytes(16), 2_000_000)
    assert translate.first_copy(Log(read, 0, 1_000_000), lane, 1_234_567) == (617_284, 617_284)
    assert len(seen) < 60


def test_a_group_stands_where_it_stood_when_it_comes_back_untouched() -> None:
    noted = translate.note(b"\x01" * 16, 77)
    assert translate.noted(noted, b"\x01" * 16) == 77
    assert translate.noted(noted, b"\x02" * 16) is None
    for other in (None, "", "{}", "[]", "7", '{"f":1,"translated":3}', '{"f":2,"translated":["01",7]}'):
        assert translate.noted(other, b"\x01" * 16) is None


def test_the_switch_bounds_a_group_where_the_reverse_bridge_never_ran() -> None:
    topics = TwoTopics(Random(1), bridges=("up",))
    topics.write("up")
    topics.carry("up", 1)
    switch = topics.ends["down"]
    topics.write("down")
    here, there = topics.log("up"), topics.log("down")
    lanes = topics.lane("up"), topics.lane("down")
    after = translate.translate(1, here, there, *lanes, switched=switch)
    assert isinstance(after, Translation)
    assert (after.offset, after.stands) == (switch, "native")


def test_records_of_other_migrations_and_forwarded_headers_are_read_past() -> None:
    topics = TwoTopics(Random(1), bridges=("up",))
    for _ in range(4):
        topics.write("up")
        topics.carry("up", 1)
    forged = topics.logs["down"][1]
    topics.logs["down"][1] = Made(forged.record._replace(value=b"another"))
    found = moved(topics, "up", 1)
    assert found.offset == 2
    lane = replace(topics.lane("up"), migration="another")
    assert translate.first_copy(topics.log("down"), lane, 0) == (0, None)
