"""What the control topic must say, told again from rollout and ledger, with barriers in progress and contradictions."""

import json
from dataclasses import replace
from typing import Any

import pytest

from instar.core.control import Orders
from instar.core.ledger import Entry
from instar.core.rollout.control_messages import EpochMessage, GroupMessage, key_of, said_of, value_of
from instar.core.rollout.document import effect_document
from instar.core.rollout.effect import (
    CloseEpoch,
    Effect,
    PauseBridge,
    RecordEnds,
    StartBridge,
    StopBridge,
    TranslateGroup,
    WriteEpoch,
)
from instar.core.rollout.phase import Phase
from instar.core.rollout.restoring import Contradiction, Rebuilt, missing, rebuilt
from instar.core.rollout.state import EpochRecord, Progress, Rollout, Step, Underway

M = "sales-v3"
NOW_MS = 99_000


def line(number: int, effect: Effect, action: str = "switch: step done", **details: Any) -> Entry:
    said = {"effect": effect_document(effect), **details}
    return Entry("local", number, M, number * 1_000, "ada", action, "", "", json.dumps(said))


def written(number: int, epoch: int, authority: Any, left: dict[int, int], begun: dict[int, int]) -> Entry:
    ends = {name: {str(key): value for key, value in each.items()} for name, each in (("B", left), ("T", begun))}
    evidence = {"epoch": epoch, "authority": authority, "at_ms": number * 1_000 - 5, **ends}
    return line(number, WriteEpoch(epoch, authority), evidence=evidence)


SWITCH = written(1, 1, "new", {0: 10, 1: 20}, {0: 12, 1: 22})
BACK = written(2, 2, "old", {0: 30, 1: 40}, {0: 31, 1: 41})
AGAIN = written(3, 4, "new", {0: 50, 1: 60}, {0: 52, 1: 62})
SWITCHED = Rollout(
    M,
    Phase.SWITCHED,
    1,
    1,
    "new",
    record=EpochRecord(1, "new", {0: 10, 1: 20}, {0: 12, 1: 22}, 1_000),
    moved=("search", "billing"),
)


def told(rollout: Rollout, *entries: Entry) -> Rebuilt:
    found = rebuilt(rollout, entries, 7, NOW_MS)
    assert isinstance(found, Rebuilt), found
    return found


def test_a_rollout_at_rest_is_told_with_its_record_and_its_groups() -> None:
    found = told(SWITCHED, SWITCH)
    windows = ({0: (12, None), 1: (22, None)},)
    assert found.epoch == EpochMessage(1, "new", "open", 7, 995, {0: 10, 1: 20}, {0: 12, 1: 22}, windows)
    assert [(each.group, each.order, each.side, each.token) for each in found.groups.values()] == [
        ("search", "read", "new", 7),
        ("billing", "read", "new", 7),
    ]


def test_every_window_in_which_the_new_topic_had_authority_is_told_again() -> None:
    rollout = replace(
        SWITCHED, epoch=4, last_epoch=4, record=EpochRecord(4, "new", {0: 50, 1: 60}, {0: 52, 1: 62}, 3_000)
    )
    found = told(rollout, SWITCH, BACK, AGAIN)
    assert found.epoch.windows == ({0: (12, 30), 1: (22, 40)}, {0: (52, None), 1: (62, None)})


def test_before_any_switch_the_old_topic_has_authority() -> None:
    found = told(Rollout(M, Phase.VERIFIED))
    assert (found.epoch.epoch, found.epoch.authority, found.epoch.state) == (0, "old", "open")


def barrier(closes: Progress, writes: Progress, *, reverting: bool = False) -> Rollout:
    steps = (
        Step(CloseEpoch(3, "old"), closes),
        Step(RecordEnds("B", "sales.v3"), "done", evidence={"offsets": {"0": 70, "1": 80}}),
        Step(RecordEnds("T", "sales"), "done", evidence={"offsets": {"0": 71, "1": 81}}),
        Step(WriteEpoch(3, "old"), writes),
    )
    underway = Underway("rollback", Phase.SWITCHED, Phase.VERIFIED, "ada", "", 0, steps, 3, reverting)
    return replace(SWITCHED, underway=underway)


@pytest.mark.parametrize(
    ("closes", "writes", "reverting", "epoch", "state"),
    [
        ("planned", "planned", False, 1, "open"),
        ("tried", "planned", False, 3, "closing"),
        ("done", "planned", False, 3, "closing"),
        ("done", "planned", True, 3, "closing"),
        ("undone", "planned", True, 1, "open"),
        ("done", "tried", False, 3, "open"),  # it may have been read: there is no way but on
    ],
)
def test_a_barrier_in_progress_is_told_as_it_was_left(
    closes: Progress, writes: Progress, reverting: bool, epoch: int, state: str
) -> None:
    found = told(barrier(closes, writes, reverting=reverting), SWITCH).epoch
    assert (found.epoch, found.state) == (epoch, state)
    if epoch == 3:
        assert found.authority == "old"
        assert found.windows == (
            ({0: (12, 70), 1: (22, 80)},) if state == "open" else ({0: (12, None), 1: (22, None)},)
        )


def test_a_group_on_its_way_stays_stopped() -> None:
    steps = (Step(TranslateGroup("billing", "old"), "tried"), Step(TranslateGroup("search", "old"), "planned"))
    underway = Underway("rollback", Phase.SWITCHED, Phase.VERIFIED, "ada", "", 0, steps)
    found = told(replace(SWITCHED, underway=underway), SWITCH).groups
    assert {name: (each.order, each.side) for name, each in found.items()} == {
        "search": ("read", "new"),
        "billing": ("leave", "old"),
    }


@pytest.mark.parametrize(
    ("lines", "orders"),
    [
        ([], {}),
        ([line(5, StartBridge("down"), before={"order": ""})], {"down": "run"}),
        ([line(5, StartBridge("down")), line(6, StopBridge("down"))], {"down": "stop"}),
        (
            [
                line(5, StartBridge("down"), before={"order": ""}),
                line(6, StartBridge("down"), note="undone: start bridge (direction=down)"),
            ],
            {},
        ),
        (
            [
                line(4, StartBridge("up")),
                line(5, StopBridge("up"), before={"order": "run"}),
                line(6, StopBridge("up"), note="undone: stop bridge (direction=up)"),
            ],
            {"up": "run"},
        ),
    ],
)
def test_workers_are_asked_for_what_they_were_asked_last(lines: list[Entry], orders: dict[str, str]) -> None:
    found = told(SWITCHED, SWITCH, *lines)
    assert {side: each.order for side, each in found.bridges.items()} == orders


@pytest.mark.parametrize(
    ("paused", "more", "stands"),
    [(True, [], True), (False, [], False), (True, [line(7, StartBridge("up"))], False)],
    ids=["a limit holds it", "all is well again", "asked to run since"],
)
def test_a_pause_that_a_limit_asked_for_stands_until_all_is_well(paused: bool, more: list[Entry], stands: bool) -> None:
    entries = (SWITCH, line(5, PauseBridge("up", "too many errors")), *more)
    found = told(replace(SWITCHED, paused=paused), *entries)
    order = Orders.of(M, "up", found.pauses).pause
    assert (order is not None) == stands
    if order is not None:
        assert (order.why, order.at_ms) == ("too many errors", 5_000)


@pytest.mark.parametrize(
    ("rollout", "entries", "why"),
    [
        (SWITCHED, (), "ledger's last record is epoch 0"),
        (SWITCHED, (SWITCH, BACK), "ledger's last record is epoch 2"),
        (SWITCHED, (SWITCH, AGAIN), "one before it is missing"),
        (SWITCHED, (written(1, 1, "new", {0: 10, 1: 20}, {0: 12, 1: 23}),), "other ends"),
    ],
)
def test_a_store_that_contradicts_itself_is_not_written_from(
    rollout: Rollout, entries: tuple[Entry, ...], why: str
) -> None:
    found = rebuilt(rollout, entries, 7, NOW_MS)
    assert isinstance(found, Contradiction)
    assert why in found.why


def test_what_is_written_is_read_as_what_was_meant_and_nothing_is_missing_then() -> None:
    wanted = told(SWITCHED, SWITCH, line(5, StartBridge("down")))
    entries = missing({}, wanted)
    assert isinstance(entries, dict)
    said = said_of(M, entries)
    assert (said.epoch, dict(said.groups), dict(said.bridges)) == (wanted.epoch, wanted.groups, wanted.bridges)
    assert missing(entries, told(SWITCHED, SWITCH, line(5, StartBridge("down")))) == {}
    del entries[key_of(M, wanted.groups["billing"])]
    assert list(missing(entries, wanted)) == [f"{M}/rollout/group/billing"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("later", "why"),
    [
        (EpochMessage(2, "old", "closing", 9, 0), "epoch 2"),
        (EpochMessage(1, "new", "open", 9, 0, {0: 10, 1: 20}, {0: 12, 1: 99}), "epoch 1"),
        (GroupMessage("till", "leave", "new", 9, 0), "group till"),
        (GroupMessage("billing", "read", "old", 9, 0), "group billing"),
    ],
)
def test_a_topic_that_says_more_than_the_store_knows_is_left_alone(
    later: EpochMessage | GroupMessage, why: str
) -> None:
    found = missing({key_of(M, later): value_of(later)}, told(SWITCHED, SWITCH))
    assert isinstance(found, Contradiction)
    assert why in found.why


def test_an_earlier_record_is_replaced_and_an_unreadable_one_is_not() -> None:
    wanted = told(SWITCHED, SWITCH)
    name = key_of(M, wanted.epoch)
    found = missing({name: value_of(EpochMessage(0, "old", "open", 2, 0))}, wanted)
    assert isinstance(found, dict)
    assert name in found
    assert isinstance(missing({name: b'{"format": 99}'}, wanted), Contradiction)
