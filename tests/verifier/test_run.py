"""Verifications over time: read again, stopped and gone on with, behind a running bridge, with what was kept."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from tests.support.bridging import MIGRATION, bridge_of, event_subject, stamp
from tests.support.verifying import World, verified, world_of
from tests.verifier.test_faults import FAULTS, fresh, source_of

from instar.core import digest
from instar.core.checkpoint import Checkpoint, Counts
from instar.core.record import Record
from instar.core.redrive import Settled
from instar.core.upcasting import exact_json
from instar.kafka.errors import Refused
from instar.verifier import full, run
from instar.verifier.inputs import Inputs
from instar.verifier.modes import Mode
from instar.verifier.report import Report
from instar.verifier.run import Options
from instar.verifier.state import FOLDER, State

ALL = [1, 2, 7, 3, 5, 4, 13, 6, 15, 8] * 6


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "CHUNK_OFFSETS", 12)
    monkeypatch.setattr(full, "CUT_EVERY_RECORDS", 5)
    monkeypatch.setattr(run, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(run, "FOLLOW_EVERY_S", 0.01)


def long(made_by: object = None) -> World:
    return world_of(event_subject(), {0: source_of(0, ALL), 1: source_of(1, ALL[:20])}, made_by)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- a second reading


@pytest.mark.parametrize("mode", [Mode.FULL, Mode.COUNTS])
@pytest.mark.parametrize("name", ["a record is dropped", "a record is there twice", "a byte of a value is flipped"])
def test_what_does_not_show_again_does_not_count(name: str, mode: Mode, tmp_path: Path) -> None:
    world = replace(FAULTS[name](fresh()), later=fresh())
    report = verified(world, mode, tmp_path)
    assert report.right
    assert report.readings == 2
    if mode is Mode.FULL:
        assert report.unconfirmed == 1


def test_what_shows_again_counts_once(tmp_path: Path) -> None:
    report = verified(FAULTS["a record is dropped"](fresh()), Mode.FULL, tmp_path)
    assert (report.result.lost, report.readings, report.unconfirmed) == (1, 2, 0)
    assert [one.kind for one in report.result.differences] == ["lost"]


def test_a_second_reading_begins_where_nothing_was_amiss_yet(tmp_path: Path) -> None:
    world = long()
    world.target[0] = world.target[0][:-4] + world.target[0][-3:]
    starts: list[int] = []
    world.on_read = lambda name, partition, start, end: (
        starts.append(start) if (name, partition) == ("source", 0) and end - start > 1 else None
    )
    assert verified(world, Mode.FULL, tmp_path).result.lost == 1
    assert starts == [0, starts[1]]
    assert starts[1] > world.source[0][40].offset


# ---------------------------------------------------------------------- stopped and gone on with


def stopping_after(records: int) -> tuple[Event, Callable[[], None]]:
    stop = Event()
    seen = 0

    def on_record() -> None:
        nonlocal seen
        seen += 1
        if seen >= records:
            stop.set()

    return stop, on_record


@pytest.mark.parametrize("records", [1, 7, 33, 61, 79])
def test_a_stopped_comparison_goes_on_where_it_stood(records: int, tmp_path: Path) -> None:
    world = long()
    stop, on_record = stopping_after(records)
    part = verified(world, Mode.FULL, tmp_path, stop=stop, on_record=on_record)
    assert not part.complete
    starts: dict[int, int] = {}
    world.on_read = lambda name, partition, start, _end: starts.update({partition: start}) if name == "source" else None
    rest = verified(world, Mode.FULL, tmp_path, resume=True)
    whole = verified(long(), Mode.FULL, tmp_path / "other")
    assert rest.complete
    assert rest.result.as_dict() == whole.result.as_dict()
    assert rest.began_ms == part.began_ms
    if records > 6:
        assert starts[0] > 0


def test_what_is_amiss_before_a_stop_is_read_again_by_the_next_run(tmp_path: Path) -> None:
    world = FAULTS["a record is dropped"](long())
    stop, on_record = stopping_after(50)
    verified(world, Mode.FULL, tmp_path, stop=stop, on_record=on_record)
    assert verified(world, Mode.FULL, tmp_path, resume=True).result.lost == 1
    # The fault is settled now: going on from here keeps it.
    assert verified(world, Mode.FULL, tmp_path, resume=True).result.lost == 1
    mended = verified(long(), Mode.FULL, tmp_path)
    assert mended.right


def test_with_nothing_new_a_resumed_comparison_reads_nothing_again(tmp_path: Path) -> None:
    world = long()
    whole = verified(world, Mode.FULL, tmp_path)
    read: list[tuple[str, int]] = []
    world.on_read = lambda name, partition, start, end: read.append((name, end - start)) if end > start else None
    again = verified(world, Mode.FULL, tmp_path, resume=True)
    assert again.result.as_dict() == whole.result.as_dict()
    assert [entry for entry in read if entry[0] == "source"] == []
    assert {one.settled_below for one in again.partitions} == {one.bound for one in again.partitions}


def test_a_comparison_of_another_plan_is_not_gone_on_with(tmp_path: Path) -> None:
    verified(long(), Mode.FULL, tmp_path)
    with pytest.raises(Refused, match="fingerprint changed"):
        verified(replace(long(), fingerprint="0" * 64), Mode.FULL, tmp_path, resume=True)
    assert verified(replace(long(), fingerprint="0" * 64), Mode.FULL, tmp_path).right


def test_a_state_that_does_not_read_is_refused_and_not_guessed(tmp_path: Path) -> None:
    verified(long(), Mode.FULL, tmp_path)
    (tmp_path / FOLDER / f"{MIGRATION}.up.json").write_text('{"format": 1, ')
    with pytest.raises(Refused, match="does not read"):
        verified(long(), Mode.FULL, tmp_path, resume=True)


# ---------------------------------------------------------------------- behind a running bridge


def grown(world: World, upto: int) -> World:
    """The world when the bridge had published below that source offset and a little more than it had committed."""
    points = {
        partition: replace(point, offset=min(point.offset, upto)) for partition, point in world.checkpoints.items()
    }
    return replace(world, checkpoints=points)


def test_following_compares_each_round_what_is_new(tmp_path: Path) -> None:
    whole = long()
    stages = [grown(whole, upto) for upto in (0, 40, 41, 130)] + [whole, whole]
    stop = Event()
    told: list[Report] = []

    class Growing:
        def open(self, bounds: object = None) -> object:
            return stages[min(len(told), len(stages) - 1)].open(bounds)  # type: ignore[arg-type]

        def committed(self) -> object:
            return whole.committed()

    def on_round(report: Report) -> None:
        told.append(report)
        if len(told) == len(stages):
            stop.set()

    options = Options(mode=Mode.FULL, stop=stop, on_round=on_round)
    report = run.follow(Growing(), lambda key: State(tmp_path, MIGRATION, "up", key), options)  # type: ignore[arg-type]
    single = verified(long(), Mode.FULL, tmp_path / "other")
    assert report.right, report.result.differences
    assert {**report.result.as_dict(), "ahead": 0} == single.result.as_dict()
    assert [one.result.read for one in told] == sorted(one.result.read for one in told)
    # What it has settled is saved.
    assert verified(whole, Mode.FULL, tmp_path, resume=True).result.as_dict() == single.result.as_dict()


# ---------------------------------------------------------------------- kept digests


def test_kept_digests_are_checked_without_source_or_chain(tmp_path: Path) -> None:
    world = long()
    first = verified(world, Mode.DIGEST, tmp_path)
    assert first.digests["kept"] == 0
    reads: list[tuple[str, int, int]] = []
    world.on_read = lambda name, partition, start, end: reads.append((name, partition, start))
    again = verified(world, Mode.DIGEST, tmp_path)
    assert again.result.as_dict() == first.result.as_dict()
    # The last range is not whole yet: it alone is read again.
    assert again.digests["made"] == 2
    assert min(start for name, _, start in reads if name == "source") >= 72


def test_kept_digests_find_a_fault_whose_source_is_gone(tmp_path: Path) -> None:
    world = long()
    verified(world, Mode.DIGEST, tmp_path)
    gone = replace(long(), starts={"source": {0: 100}})
    assert verified(gone, Mode.DIGEST, tmp_path).right
    found = verified(FAULTS["a timestamp is changed"](gone), Mode.DIGEST, tmp_path)
    assert found.result.mismatched == 1
    assert found.result.differences[0].kind == "digest"
    # Without the kept ones there is nothing to hold the early outputs against.
    unjudged = verified(FAULTS["a timestamp is changed"](gone), Mode.DIGEST, tmp_path / "other")
    assert unjudged.right
    assert unjudged.result.unjudged > 0


def test_digests_of_another_plan_or_with_a_broken_line_are_made_anew(tmp_path: Path) -> None:
    verified(long(), Mode.DIGEST, tmp_path)
    other = verified(replace(long(), fingerprint="0" * 64), Mode.DIGEST, tmp_path)
    assert other.right
    assert other.digests["kept"] == 0
    file = tmp_path / FOLDER / f"{MIGRATION}.up.p0.digests"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:4]) + "\n" + lines[4][:20])
    mended = verified(replace(long(), fingerprint="0" * 64), Mode.DIGEST, tmp_path)
    assert mended.right
    assert file.read_text().splitlines() == lines
    of_the_other_partition = (tmp_path / FOLDER / f"{MIGRATION}.up.p1.digests").read_text().splitlines()
    assert mended.digests["kept"] == 3 + len(of_the_other_partition) - 1


def test_digests_are_refused_on_compacted_topics(tmp_path: Path) -> None:
    for side in ("source", "target"):
        with pytest.raises(Refused, match="compacted"):
            verified(replace(long(), compacted=frozenset({side})), Mode.DIGEST, tmp_path)


# ---------------------------------------------------------------------- compaction, retention, redrives


def keyed(numbers: list[int], keys: list[bytes]) -> list[Record]:
    return [one._replace(key=keys[place % len(keys)]) for place, one in enumerate(source_of(0, numbers))]


def compacted(records: list[Record]) -> list[Record]:
    last = {record.key: record.offset for record in records}
    return [record for record in records if last[record.key] == record.offset]


def test_what_compaction_removes_is_no_fault_and_what_it_keeps_must_be_right(tmp_path: Path) -> None:
    numbers = [1, 2, 3, 4, 6, 8, 9, 10, 11, 12]
    world = world_of(event_subject(), {0: keyed(numbers, [b"a", b"b", b"c"])})
    world.compacted = frozenset({"source", "target"})
    for source, target in (
        (world.source[0], compacted(world.target[0])),
        (compacted(world.source[0]), world.target[0]),
        (compacted(world.source[0]), compacted(world.target[0])),
        (world.source[0], world.target[0][:2] + compacted(world.target[0])),
    ):
        seen = replace(world, source={0: source}, target={0: sorted(set(target), key=lambda one: one.offset)})
        report = verified(seen, Mode.FULL, tmp_path)
        assert report.right, report.result.differences
    without_last = replace(world, target={0: world.target[0][:-1]})
    assert verified(without_last, Mode.FULL, tmp_path).result.lost == 1
    changed = [*world.target[0][:-1], world.target[0][-1]._replace(value=b'{"number": 0, "text": ""}')]
    assert not verified(replace(world, target={0: changed}), Mode.FULL, tmp_path).right


def test_outputs_whose_source_retention_has_deleted_are_counted_as_unjudged(tmp_path: Path) -> None:
    world = replace(long(), starts={"source": {0: 100, 1: 0}})
    report = verified(world, Mode.FULL, tmp_path)
    assert report.right
    assert report.result.unjudged > 10
    assert report.coverage["outputs_without_source"] == report.result.unjudged


def test_settled_dead_letters_are_counted_apart_in_every_mode(tmp_path: Path) -> None:
    world = fresh()
    letter = world.letters[0][0]
    world.settled = {(0, letter.offset): Settled("discarded", 0, "ada", "a test")}
    for mode in (Mode.COUNTS, Mode.DIGEST, Mode.FULL):
        result = verified(world, mode, tmp_path).result
        assert (result.dead_lettered, result.discarded, result.outstanding) == (2, 1, 1)


def test_partitions_and_the_source_s_rest_are_told_as_coverage(tmp_path: Path) -> None:
    world = grown(long(), 100)
    del world.checkpoints[1]
    found = verified(world, Mode.FULL, tmp_path).coverage
    assert (found["partitions_compared"], found["partitions_in_source"]) == (1, 2)
    assert found["offsets_compared"] == 100
    assert found["offsets_in_source"] == world.source[0][-1].offset + 2


def test_the_last_result_is_kept_for_whoever_asks_whether_it_holds(tmp_path: Path) -> None:
    report = verified(fresh(), Mode.FULL, tmp_path)
    kept = json.loads((tmp_path / FOLDER / f"{MIGRATION}.up.result.json").read_text())
    assert (kept["right"], kept["fingerprint"], kept["mode"]) == (True, "f" * 64, "full")
    assert kept["expires_ms"] == report.began_ms + 24 * 3600 * 1000


def test_comparing_some_partitions_leaves_the_positions_of_the_others(tmp_path: Path) -> None:
    verified(long(), Mode.FULL, tmp_path)
    some = long()
    del some.checkpoints[1]
    first = json.loads((tmp_path / FOLDER / f"{MIGRATION}.up.json").read_text())
    verified(some, Mode.FULL, tmp_path)
    second = json.loads((tmp_path / FOLDER / f"{MIGRATION}.up.json").read_text())
    assert second["partitions"]["1"] == first["partitions"]["1"]
    assert second["partitions"]["0"]["cut"] == first["partitions"]["0"]["cut"]
    assert second["partitions"]["0"]["began_ms"] > first["partitions"]["0"]["began_ms"]


def test_only_a_comparison_of_everything_or_a_fault_becomes_the_kept_result(tmp_path: Path) -> None:
    kept = tmp_path / FOLDER / f"{MIGRATION}.up.result.json"
    some = long()
    del some.checkpoints[1]
    verified(some, Mode.FULL, tmp_path)
    verified(long(), Mode.COUNTS, tmp_path)
    assert not kept.exists()
    verified(long(), Mode.DIGEST, tmp_path)
    assert json.loads(kept.read_text())["right"] is True
    verified(replace(FAULTS["a record is dropped"](some), checkpoints=some.checkpoints), Mode.FULL, tmp_path)
    assert json.loads(kept.read_text())["right"] is False


# ---------------------------------------------------------------------- memory


class Endless:
    """A partition whose records are made when they are read, and forgotten when they were."""

    def __init__(self, records: int) -> None:
        self._records = records
        world = world_of(event_subject(), {0: source_of(0, [1])})
        counts = Counts(read=records, published=records, outputs=records)
        self.points = {0: replace(world.checkpoints[0], offset=records, counts=counts)}
        self._inputs = replace(world.open(), checkpoints=self.points)
        self._bridge = bridge_of(event_subject(), 2)

    def open(self, _bounds: object = None) -> Inputs:
        side, ends = self._inputs.source, {0: self._records}
        source = replace(side, ends=ends, read=self._sources)
        target = replace(self._inputs.target, ends=ends, read=self._targets)
        return replace(self._inputs, source=source, target=target)

    def committed(self) -> dict[int, Checkpoint]:
        return self.points

    def _sources(self, _partition: int, start: int, end: int) -> Iterator[Record]:
        for offset in range(start, end):
            value = exact_json.dumps({"number": offset % 4, "text": f"text {offset}"})
            yield Record("source", 0, offset, b"%d" % offset, value, (("instar-version", b"v1"),), 1_000 + offset)

    def _targets(self, partition: int, start: int, end: int) -> Iterator[Record]:
        for source in self._sources(partition, start, end):
            for output in self._bridge.carry(source, stamp()).outputs:
                yield Record("target", 0, source.offset, *output)


def peak_bytes(records: int, mode: Mode, folder: Path) -> int:
    world = Endless(records)
    tracemalloc.start()
    try:
        report = run.run(world, lambda key: State(folder, MIGRATION, "up", key), Options(mode=mode))  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert report.right, report.result.differences
    assert report.result.read == records
    return peak


@pytest.mark.parametrize("mode", [Mode.COUNTS, Mode.DIGEST, Mode.FULL])
def test_memory_does_not_grow_with_the_number_of_records(mode: Mode, tmp_path: Path) -> None:
    peak_bytes(200, mode, tmp_path / "warm")  # What is loaded and cached once is not what is measured.
    small, large = peak_bytes(300, mode, tmp_path / "small"), peak_bytes(2_300, mode, tmp_path / "large")
    assert large < small + 250_000, (small, large)  # 2,000 records more would take some 2 MB
