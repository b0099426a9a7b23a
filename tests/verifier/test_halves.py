"""What was published in two parts is compared part by part, and what must hold between the parts is seen to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.support.bridging import MIGRATION, TOPIC_ID, bridge_of, event_subject, published, stamp
from tests.support.verifying import World, renumbered

from instar.core.checkpoint import Checkpoint, Counts, Split
from instar.core.provenance import of as provenance_of
from instar.core.record import Record
from instar.core.upcasting import exact_json
from instar.kafka.errors import Refused
from instar.verifier.inputs import Inputs
from instar.verifier.modes import Mode
from instar.verifier.report import Report
from instar.verifier.run import Options, follow, run
from instar.verifier.state import State

SUBJECT = event_subject()
# (key, number); 5 is rejected, 7 becomes three, 13 ends, 15 is a tombstone.
HISTORY = [("a", 1), ("b", 2), ("c", 7), ("d", 5), ("a", 3), ("e", 4), ("b", 5), ("f", 13), ("g", 15)]
LIVE = [("b", 6), ("h", 7), ("d", 8), ("i", 5), ("b", 15), ("j", 9)]
AT = len(HISTORY) * 4


def source_of(facts: list[tuple[str, int]], first: int) -> list[Record]:
    records = []
    for place, (key, number) in enumerate(facts, start=first):
        headers = (("trace", b"1"), ("instar-version", b"v1"))
        value = exact_json.dumps({"number": number, "text": f"t{place}"}) if number != 15 else None
        records.append(Record("source", 0, place * 4, key.encode(), value, headers, 1_000 + place))
    return records


PAST, SINCE = source_of(HISTORY, 0), source_of(LIVE, len(HISTORY))


@dataclass
class Halves:
    """A world with a split; ``history`` is the topic of its own that segregated history goes to."""

    world: World
    history: list[Record] | None = None

    def open(self, bounds: Mapping[int, int] | None = None) -> Inputs:
        inputs = self.world.open(bounds)
        if self.history is None:
            return inputs
        return replace(inputs, history=self.world.side("history", {0: self.history}, b"h" * 16))

    def committed(self) -> Mapping[int, Checkpoint]:
        return self.world.committed()


def halves(mode: str, target: list[Record], history: list[Record] | None, letters: list[Record], past: int) -> Halves:
    point = Checkpoint(SINCE[-1].offset + 1, TOPIC_ID.hex(), Counts(), split=Split(mode, AT, past))
    compacted = frozenset({"source", "target"}) if mode == "live-first" else frozenset()
    world = World(
        SUBJECT,
        {0: [*PAST, *SINCE]},
        {0: renumbered(target)},
        {0: renumbered(letters)},
        {0: point},
        compacted=compacted,
    )
    return Halves(world, None if history is None else renumbered(history))


def live_first(past: int = AT) -> Halves:
    """Some of history, all of live, the rest of history without what live has published."""
    before, after = PAST[:2], [one for one in PAST[2:] if one.offset < past and one.key not in (b"b", b"h", b"d", b"j")]
    live, live_letters, _ = published(bridge_of(SUBJECT, 2), SINCE)
    first, first_letters, _ = published(bridge_of(SUBJECT, 2), before)
    rest, rest_letters, _ = published(bridge_of(SUBJECT, 2), after)
    letters = [*first_letters, *live_letters, *rest_letters]
    return halves("live-first", [*first, *live, *rest], None, letters, past)


def segregated() -> Halves:
    live, live_letters, _ = published(bridge_of(SUBJECT, 2), SINCE)
    history, history_letters, _ = published(bridge_of(SUBJECT, 2), PAST)
    return halves("segregated", live, history, [*live_letters, *history_letters], AT)


def report_of(told: Halves, folder: Path, mode: Mode = Mode.FULL, *, resume: bool = False) -> Report:
    return run(told, lambda key: State(folder, MIGRATION, "up", key), Options(mode=mode, resume=resume))


def outputs_of(records: list[Record], offset: int) -> list[int]:
    """Where the outputs of a source offset stand."""
    found = [(place, provenance_of(one.headers, one.key, one.value)) for place, one in enumerate(records)]
    return [place for place, said in found if said is not None and said.offset == offset]


@pytest.mark.parametrize("make", [live_first, segregated])
def test_what_each_mode_publishes_is_right(make: object, tmp_path: Path) -> None:
    report = report_of(make(), tmp_path)  # type: ignore[operator]
    assert report.right, report.result.differences
    assert report.complete
    assert report.result.read == len(PAST) + len(SINCE)


def test_history_that_is_not_carried_yet_is_neither_missed_nor_called_compared(tmp_path: Path) -> None:
    report = report_of(live_first(past=PAST[5].offset), tmp_path)
    assert report.right, report.result.differences
    assert not report.complete
    assert report.document()["partitions"][0]["history_left"] == AT - PAST[5].offset
    assert report.coverage["offsets_compared"] == PAST[5].offset + SINCE[-1].offset + 1 - AT


def test_history_behind_a_newer_value_of_its_key_is_found(tmp_path: Path) -> None:
    told = live_first()
    target = told.world.target[0]
    (newer,) = outputs_of(target, SINCE[0].offset)  # of the key of PAST[1]; the order of each part stays
    told.world.target[0] = renumbered([target[newer], *target[:newer], *target[newer + 1 :]])
    result = report_of(told, tmp_path).result
    assert (result.out_of_order, result.faults) == (1, 1)
    assert "replaces" in result.differences[0].message


def test_a_value_of_history_that_live_never_published_is_missed(tmp_path: Path) -> None:
    told = live_first()
    target = told.world.target[0]
    (lost,) = outputs_of(target, PAST[5].offset)
    told.world.target[0] = renumbered(target[:lost] + target[lost + 1 :])
    result = report_of(told, tmp_path).result
    assert (result.lost, result.faults) == (1, 1)
    assert result.differences[0].source_offset == PAST[5].offset


def test_a_value_of_live_that_is_gone_is_missed(tmp_path: Path) -> None:
    told = live_first()
    target = told.world.target[0]
    (lost,) = outputs_of(target, SINCE[2].offset)
    told.world.target[0] = renumbered(target[:lost] + target[lost + 1 :])
    assert report_of(told, tmp_path).result.lost == 2  # and history's letter of that key, which nothing excuses now


def test_an_output_of_history_in_the_target_is_found(tmp_path: Path) -> None:
    told = segregated()
    assert told.history is not None
    (place,) = outputs_of(told.history, PAST[0].offset)
    astray = told.history[place]
    told.world.target[0] = renumbered([*told.world.target[0], astray])
    result = report_of(told, tmp_path).result
    assert not result.right
    assert "is of history and stands in the target" in result.differences[-1].message


@pytest.mark.parametrize("fault", ["drop", "swap", "double", "byte", "rogue"])
def test_faults_in_the_history_topic_are_found(fault: str, tmp_path: Path) -> None:
    told = segregated()
    assert told.history is not None
    records = list(told.history)
    match fault:
        case "drop":
            del records[0]
        case "swap":
            records[0], records[1] = records[1], records[0]
        case "double":
            records.insert(1, records[0])
        case "byte":
            value = exact_json.dumps({"number": 99, "text": "t0"})
            header = stamp().header(PAST[0].offset, 0, 1, records[0].key, value)
            kept = [one for one in records[0].headers if one[0] != header[0]]
            records[0] = records[0]._replace(value=value, headers=(*kept, header))
        case _:
            records.append(Record("history", 0, 0, b"k", b"{}", (), 1))
    told.history = renumbered(records)
    assert report_of(told, tmp_path).result.faults == 1


@pytest.mark.parametrize("mode", [Mode.COUNTS, Mode.DIGEST, Mode.SAMPLE])
def test_modes_of_verification_that_need_one_order_are_refused(mode: Mode, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="live-first"):
        report_of(live_first(), tmp_path, mode)


def test_going_on_with_a_comparison_of_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="--resume"):
        report_of(live_first(), tmp_path, resume=True)
    with pytest.raises(Refused, match="--follow"):
        follow(live_first(), lambda key: State(tmp_path, MIGRATION, "up", key), Options())
