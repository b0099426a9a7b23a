"""What is said through the control topic is understood, and what is not understood stops a producer."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core import control
from instar.core.control import Asked, Orders
from instar.core.rollout.control_messages import (
    FORMAT,
    Acknowledgement,
    BridgeMessage,
    EpochMessage,
    GroupMessage,
    Message,
    ProducerMessage,
    Said,
    key_of,
    said_of,
    value_of,
)

M = "orders-v3"
NUMBERS = st.integers(0, 2**53)
OFFSETS = st.dictionaries(st.integers(0, 500), NUMBERS, max_size=5)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
SIDES = st.sampled_from(["old", "new"])
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(EpochMessage, NUMBERS, SIDES, st.sampled_from(["open", "closing"]), NUMBERS, NUMBERS, OFFSETS, OFFSETS),
    st.builds(ProducerMessage, NAMES, NUMBERS, st.text(max_size=5), st.text(max_size=5)),
    st.builds(Acknowledgement, NAMES, NUMBERS, NUMBERS),
    st.builds(GroupMessage, NAMES, st.sampled_from(["leave", "read"]), SIDES, NUMBERS, NUMBERS),
    st.builds(BridgeMessage, st.sampled_from(["up", "down"]), st.sampled_from(["run", "stop"]), NUMBERS, NUMBERS),
)


def stands(*messages: Message) -> Said:
    return said_of(M, {key_of(M, each): value_of(each) for each in messages})


@given(MESSAGES)
def test_a_message_survives_the_topic(message: Message) -> None:
    said = stands(message)
    found: list[Any] = [said.epoch, *said.producers.values(), *said.acknowledged.values()]
    found += [*said.groups.values(), *said.bridges.values()]
    assert [each for each in found if each is not None] == [message]
    assert not said.unreadable
    assert said_of("orders-v4", {key_of(M, message): value_of(message)}) == Said()


@given(MESSAGES)
def test_a_rollouts_keys_are_no_workers_orders(message: Message) -> None:
    entries = {key_of(M, message): value_of(message)}
    assert Orders.of(M, "up", entries) == Orders.of(M, "down", entries) == Orders()
    asked = {control.key(M, "up", control.PAUSE): control.entry(Asked("ada", 1))}
    assert said_of(M, asked) == Said()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"format": 2, "epoch": 1}',
        b'{"format": 1, "epoch": 1}',
        b'{"format": 1, "epoch": []}',
    ],
)
def test_a_record_that_is_not_understood_stops_everybody(value: bytes) -> None:
    said = said_of(M, {f"{M}/rollout/epoch": value})
    assert said.unreadable == {f"{M}/rollout/epoch"}
    assert not said.may_write("old")
    assert not said.may_write("new")


def test_one_side_is_written_at_a_time_and_none_while_the_epoch_closes() -> None:
    assert stands().may_write("old")
    assert not stands().may_write("new")
    for authority, other in (("old", "new"), ("new", "old")):
        opened = EpochMessage(1, authority, "open", 1, 1, {0: 5}, {0: 7})
        assert stands(opened).may_write(authority)
        assert not stands(opened).may_write(other)
        closing = EpochMessage(2, authority, "closing", 1, 1)
        assert not stands(closing).may_write(authority)
        assert not stands(closing).may_write(other)
        assert closing.record is None
        assert opened.record is not None
        assert (opened.record.left, opened.record.begun) == ({0: 5}, {0: 7})


def test_only_an_acknowledgement_of_this_very_epoch_counts() -> None:
    producers = [ProducerMessage(name, 1) for name in ("till", "web", "legacy")]
    said = stands(*producers, Acknowledgement("till", 3, 1), Acknowledgement("web", 2, 1))
    assert said.silent(3) == ("legacy", "web")


def test_a_value_under_anothers_key_says_nothing() -> None:
    value = value_of(Acknowledgement("till", 3, 1))
    for key in (f"{M}/rollout/ack/web", f"{M}/rollout/producer/till", f"{M}/rollout/other/till"):
        assert said_of(M, {key: value}).unreadable == {key}
    later = {**orjson.loads(value), "format": FORMAT + 1}
    assert said_of(M, {f"{M}/rollout/ack/till": orjson.dumps(later)}).unreadable
