"""What each mode of verification catches and what it does not: every cell of the table in docs/verification.md."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.bridging import MIGRATION, TOPIC_ID, event_subject, stamp
from tests.support.subjects import LONG, STRING, record, subject_of
from tests.support.verifying import Topic, World, renumbered, verified, world_of

from instar.core import digest, provenance
from instar.core.checkpoint import Counts
from instar.core.provenance import Stamp
from instar.core.record import Record
from instar.core.upcasting import exact_json
from instar.verifier.modes import Mode

PAGE = Path(__file__).resolve().parents[2] / "docs" / "verification.md"
SUBJECT = event_subject()
OTHER_HOP = """
def upcast(record, context):
    number = record["number"]
    if number == 5:
        raise ValueError("five")
    if number == 13:
        return None
    if number == 7:
        return [{"number": copy, "text": record["text"]} for copy in range(3)]
    return {"number": number + 2, "text": record["text"]}
"""
SHAPE = record(number=LONG, text=STRING)
OTHER_SUBJECT = subject_of([SHAPE, SHAPE], [OTHER_HOP])

# Each kind once and in both partitions: plain (1), fan-out (7), dropped (13), rejected (5), tombstone (15).
NUMBERS = [1, 2, 7, 3, 5, 4, 13, 6, 15, 8, 5, 9]
PLAIN = 5  # a target position of partition 0 in the middle: the output of number 3, behind the fan-out's three


def source_of(partition: int, numbers: list[int] = NUMBERS) -> list[Record]:
    records = []
    for place, number in enumerate(numbers):
        headers = (("trace", b"1"), ("instar-version", b"v1"))
        value = exact_json.dumps({"number": number, "text": f"t{place}"}) if number != 15 else None
        key = f"{partition}/{place}".encode()
        records.append(Record("source", partition, place * 4, key, value, headers, 1_000 + place))
    return records


def fresh(made_by: object = None) -> World:
    sources: Topic = {0: source_of(0), 1: source_of(1, [1, 2, 3])}
    return world_of(SUBJECT, sources, made_by)  # type: ignore[arg-type]


Fault = Callable[[World], World]
FAULTS: dict[str, Fault] = {}


def fault(name: str) -> Callable[[Fault], Fault]:
    def register(inject: Fault) -> Fault:
        FAULTS[name] = inject
        return inject

    return register


def with_target(world: World, records: list[Record]) -> World:
    return replace(world, target={**world.target, 0: renumbered(records)})


def with_one(world: World, **changed: object) -> World:
    records = list(world.target[0])
    records[PLAIN] = records[PLAIN]._replace(**changed)
    return with_target(world, records)


def restamped(one: Record, value: bytes) -> Record:
    """The record with another value and a provenance that is right for it."""
    found = provenance.of(one.headers, one.key, one.value)
    assert found is not None
    header = stamp().header(found.offset, found.index, found.count, one.key, value)
    return one._replace(value=value, headers=(*(each for each in one.headers if each[0] != header[0]), header))


def flipped(value: bytes | None) -> bytes:
    changed = bytearray(value or b"")
    changed[-2] ^= 1
    return bytes(changed)


@fault("a byte of a value is flipped")
def _(world: World) -> World:
    return with_one(world, value=flipped(world.target[0][PLAIN].value))


@fault("a value is changed and its checksum made anew")
def _(world: World) -> World:
    records = list(world.target[0])
    records[PLAIN] = restamped(records[PLAIN], flipped(records[PLAIN].value))
    return with_target(world, records)


@fault("a record is dropped")
def _(world: World) -> World:
    return with_target(world, world.target[0][:PLAIN] + world.target[0][PLAIN + 1 :])


@fault("a record is there twice")
def _(world: World) -> World:
    return with_target(world, world.target[0][: PLAIN + 1] + world.target[0][PLAIN:])


@fault("a record is there again much later")
def _(world: World) -> World:
    return with_target(world, [*world.target[0], world.target[0][PLAIN]])


@fault("one record is dropped and another is there twice")
def _(world: World) -> World:
    records = world.target[0]
    return with_target(world, [records[0], records[0], *records[1:PLAIN], *records[PLAIN + 1 :]])


@fault("two records are swapped")
def _(world: World) -> World:
    records = list(world.target[0])
    records[PLAIN], records[PLAIN + 1] = records[PLAIN + 1], records[PLAIN]
    return with_target(world, records)


@fault("a header is changed")
def _(world: World) -> World:
    headers = world.target[0][PLAIN].headers
    return with_one(world, headers=tuple((name, b"2" if name == "trace" else content) for name, content in headers))


@fault("a header is added")
def _(world: World) -> World:
    return with_one(world, headers=(("more", b""), *world.target[0][PLAIN].headers))


@fault("a timestamp is changed")
def _(world: World) -> World:
    return with_one(world, timestamp_ms=7)


@fault("a key is changed")
def _(world: World) -> World:
    return with_one(world, key=b"another")


@fault("somebody writes into the target")
def _(world: World) -> World:
    rogue = Record("target", 0, 0, b"k", b'{"number": 1, "text": "t"}', (("instar-version", b"v2"),), 5)
    return with_target(world, [*world.target[0][:PLAIN], rogue, *world.target[0][PLAIN:]])


@fault("somebody writes into the target with a bridge's headers")
def _(world: World) -> World:
    forwarded = world.target[0][1]._replace(value=b'{"number": 1, "text": "mine"}')
    return with_target(world, [*world.target[0], forwarded])


@fault("the bridge ran another hop")
def _(world: World) -> World:
    return fresh(OTHER_SUBJECT)


@fault("the target's partition is cut short at its end")
def _(world: World) -> World:
    return with_target(world, world.target[0][:PLAIN])


@fault("the target's partition is cut short at its start")
def _(world: World) -> World:
    records = world.target[0][PLAIN:]
    return replace(world, target={**world.target, 0: records}, starts={"target": {0: records[0].offset}})


@fault("a record stands in another partition")
def _(world: World) -> World:
    records = world.target[0]
    astray = records[PLAIN]._replace(partition=1)
    target = {0: renumbered(records[:PLAIN] + records[PLAIN + 1 :]), 1: renumbered([*world.target[1], astray])}
    return replace(world, target=target)


@fault("an output of a fan-out is missing")
def _(world: World) -> World:
    return with_target(world, world.target[0][:3] + world.target[0][4:])


def with_letters(world: World, records: list[Record]) -> World:
    return replace(world, letters={**world.letters, 0: renumbered(records)})


@fault("a dead letter is missing")
def _(world: World) -> World:
    return with_letters(world, world.letters[0][1:])


@fault("a dead letter is changed")
def _(world: World) -> World:
    return with_letters(world, [world.letters[0][0]._replace(value=b"other"), *world.letters[0][1:]])


@fault("a dead letter is there twice")
def _(world: World) -> World:
    return with_letters(world, [world.letters[0][0], *world.letters[0]])


@fault("a record was published and its checkpoint not committed")
def _(world: World) -> World:
    point = world.checkpoints[0]
    last = world.source[0][-1].offset
    counts = point.counts.copy()
    counts.read, counts.published, counts.outputs = counts.read - 1, counts.published - 1, counts.outputs - 1
    return replace(world, checkpoints={**world.checkpoints, 0: replace(point, offset=last, counts=counts)})


@fault("the checkpoint's counts do not add up")
def _(world: World) -> World:
    counts = world.checkpoints[0].counts.plus(Counts(read=1))
    return replace(world, checkpoints={**world.checkpoints, 0: replace(world.checkpoints[0], counts=counts)})


@fault("the source was changed since the last check")
def _(world: World) -> World:
    records = list(world.source[0])
    records[3] = records[3]._replace(value=exact_json.dumps({"number": 99, "text": "t3"}))
    return replace(world, source={**world.source, 0: records})


# ---------------------------------------------------------------------- the table


@pytest.fixture(autouse=True)
def _small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several ranges to a partition, of three source records each."""
    monkeypatch.setattr(digest, "CHUNK_OFFSETS", 12)


COLUMNS = ("counts", "digest", "digest again", "full", "sample")


def table() -> dict[str, dict[str, str]]:
    """The page's table: fault to column to what it says."""
    rows: dict[str, dict[str, str]] = {}
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| fault |"))
    assert tuple(cell.strip() for cell in lines[start].strip("|").split("|")[1:]) == COLUMNS
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name] = dict(zip(COLUMNS, cells, strict=True))
    return rows


TABLE = table()


def caught(world: World, column: str, folder: Path) -> bool:
    match column:
        case "counts" | "digest" | "full":
            return not verified(world, Mode(column), folder).right
        case "digest again":
            before = verified(fresh(), Mode.DIGEST, folder)
            assert before.right
            assert before.digests["kept"] == 0
            again = verified(world, Mode.DIGEST, folder)
            assert again.digests["kept"] > 0
            return not again.right
        case _:
            whole = verified(world, Mode.SAMPLE, folder, samples=100)
            assert len(whole.samples) == sum(
                record.offset < world.checkpoints[partition].offset
                for partition, records in world.source.items()
                for record in records
            )
            return not whole.right


def test_the_page_has_a_row_for_each_fault_and_each_row_a_fault() -> None:
    assert TABLE.keys() == FAULTS.keys()
    assert {cell for row in TABLE.values() for cell in row.values()} == {"yes", "no", "if drawn"}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_mode_catches_a_fault_exactly_where_the_page_says_so(name: str, column: str, tmp_path: Path) -> None:
    said = TABLE[name][column]
    assert caught(FAULTS[name](fresh()), column, tmp_path) == (said in {"yes", "if drawn"})


@pytest.mark.parametrize("name", [name for name, row in TABLE.items() if row["sample"] == "if drawn"])
def test_a_sample_says_nothing_about_a_record_that_was_not_drawn(name: str, tmp_path: Path) -> None:
    world = FAULTS[name](fresh())
    outcomes = {verified(world, Mode.SAMPLE, tmp_path, samples=1, seed=seed).right for seed in range(40)}
    assert False in outcomes
    # Where another hop ran, or nearly everything is gone, hardly any record is right.
    assert True in outcomes


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_finds_nothing_where_nothing_is_wrong(mode: Mode, tmp_path: Path) -> None:
    for _again in range(2):
        report = verified(fresh(), mode, tmp_path, samples=100)
        assert report.right, report.result.differences
        assert report.complete
        assert report.readings == 1
        if mode is not Mode.SAMPLE or len(report.samples) == 15:
            assert (report.result.read, report.result.dead_lettered, report.result.dropped) == (15, 2, 1)


@pytest.mark.parametrize("mode", [Mode.COUNTS, Mode.DIGEST, Mode.FULL])
def test_where_producers_may_write_both_topics_a_native_record_is_no_fault(mode: Mode, tmp_path: Path) -> None:
    for name in (
        "somebody writes into the target",
        "somebody writes into the target with a bridge's headers",
    ):
        world = replace(FAULTS[name](fresh()), natives_are_rogue=False)
        report = verified(world, mode, tmp_path)
        assert report.right, report.result.differences
        assert report.result.native == 1


@pytest.mark.parametrize("mode", [Mode.COUNTS, Mode.DIGEST, Mode.FULL])
def test_what_other_bridges_wrote_is_no_fault(mode: Mode, tmp_path: Path) -> None:
    world = fresh()
    of_another = Stamp("another", "up", TOPIC_ID, 0).header(0, 0, 1, b"k", b"v")
    of_an_earlier_topic = Stamp(MIGRATION, "up", bytes(16), 0).header(0, 0, 1, b"k", b"v")
    foreign = [Record("target", 0, 0, b"k", b"v", (header,), 5) for header in (of_another, of_an_earlier_topic)]
    report = verified(with_target(world, [*foreign, *world.target[0]]), mode, tmp_path)
    assert report.right, report.result.differences
    assert (report.result.native, report.result.rogue) == (2, 0)


def test_the_faults_are_where_the_table_thinks_they_are() -> None:
    world = fresh()
    found = provenance.of(world.target[0][PLAIN].headers, world.target[0][PLAIN].key, world.target[0][PLAIN].value)
    assert found is not None
    assert (found.offset, found.count) == (3 * 4, 1)


@pytest.mark.parametrize("mode", [Mode.COUNTS, Mode.DIGEST, Mode.FULL])
def test_a_record_in_another_partition_is_named_there_and_missing_in_its_own(mode: Mode, tmp_path: Path) -> None:
    report = verified(FAULTS["a record stands in another partition"](fresh()), mode, tmp_path)
    kinds = {(one.partition, one.kind) for one in report.result.differences}
    assert (1, "partition") in kinds
    assert any(partition == 0 for partition, _ in kinds)
    assert (report.result.lost, report.result.mismatched) == (1, 1)
