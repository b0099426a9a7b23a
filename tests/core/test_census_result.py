"""Results of the census: what they count, and that counting twice, or in shards, changes nothing."""

from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core.census_fold import MixKey, fold, newest, totals
from instar.core.census_message import LIMIT_VERSIONS, CensusMessage, Kind
from instar.core.census_result import (
    WINDOW_MS,
    Client,
    Mix,
    Result,
    Seen,
    counted,
    parse_result,
    started,
    window_start_ms,
)
from instar.core.rejected import Rejected

T0 = 1_700_000_040_000  # the start of a window
NAMES = st.sampled_from(["", "a", "b", "ü/\n"])
COUNTS = st.dictionaries(st.sampled_from(["v1", "v2", "v3"]), st.integers(0, 1000), max_size=3)


@st.composite
def messages(draw: st.DrawFn) -> CensusMessage:
    kind: Kind = draw(st.sampled_from(["mix", "reads", "writes"]))
    start_ms = draw(st.integers(T0, T0 + 5 * WINDOW_MS))
    return CensusMessage(
        kind,
        draw(st.sampled_from(["orders", "payments"])),
        draw(st.sampled_from(["order", "refund"])),
        draw(COUNTS),
        start_ms,
        start_ms + draw(st.integers(0, 30_000)),
        client=draw(NAMES),
        group=draw(NAMES) if kind == "reads" else "",
        owner=draw(NAMES),
        found=draw(COUNTS) if kind == "reads" else {},
    )


LOGS = st.lists(st.lists(messages(), max_size=12), min_size=1, max_size=3)  # by shard


def replay(state: dict[bytes, Result], log: list[CensusMessage], shard: int, begin: int, end: int) -> list[Result]:
    """What an instance does with a stretch of a shard; every state that it writes."""
    written = []
    for offset in range(begin, end):
        blank = started(log[offset], shard)
        state[blank.key] = counted(state.get(blank.key, blank), log[offset], offset)
        written.append(state[blank.key])
    return written


Tallies = dict[tuple[object, ...], Counter[str]]


def full_count(logs: list[list[CensusMessage]]) -> tuple[Tallies, Tallies]:
    mixes: Tallies = {}
    clients: Tallies = {}
    for message in (message for log in logs for message in log):
        if message.kind == "mix":
            start_ms = message.window_start_ms // WINDOW_MS * WINDOW_MS
            key = MixKey(start_ms, WINDOW_MS, message.topic, message.subject, message.client)
            mixes.setdefault(key, Counter()).update(message.versions)
        else:
            who = (message.kind, message.topic, message.subject, message.client, message.group)
            clients.setdefault(who, Counter()).update(message.versions)
    return mixes, clients


@given(LOGS)
def test_results_agree_with_a_full_count(logs: list[list[CensusMessage]]) -> None:
    written = [result for shard, log in enumerate(logs) for result in replay({}, log, shard, 0, len(log))]

    census = fold(written)
    mixes, clients = full_count(logs)

    assert {key: Counter(versions) for key, versions in census.mixes.items()} == mixes
    found = {
        (client.kind, client.topic, client.subject, client.client, client.group): Counter(
            {name: seen.records for name, seen in client.versions.items()}
        )
        for client in census.clients
    }
    assert found == clients


@given(LOGS, st.data())
def test_a_summary_that_is_read_again_after_a_crash_counts_once(
    logs: list[list[CensusMessage]], data: st.DataObject
) -> None:
    once = [result for shard, log in enumerate(logs) for result in replay({}, log, shard, 0, len(log))]
    twice: list[Result] = []
    for shard, log in enumerate(logs):
        state: dict[bytes, Result] = {}
        died_at = data.draw(st.integers(0, len(log)))
        committed = data.draw(st.integers(0, died_at))
        twice += replay(state, log, shard, 0, died_at)
        twice += replay(state, log, shard, committed, len(log))

    assert fold(twice) == fold(once)


@given(LOGS, st.randoms())
def test_the_order_in_which_results_are_read_does_not_matter(logs: list[list[CensusMessage]], random: object) -> None:
    written = [result for shard, log in enumerate(logs) for result in replay({}, log, shard, 0, len(log))]
    mixed = list(written)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    assert fold(mixed) == fold(written)


@given(messages(), st.integers(0, 63), st.integers(0, 2**40))
def test_a_result_is_read_as_it_was_written(message: CensusMessage, shard: int, offset: int) -> None:
    result = counted(started(message, shard), message, offset)

    assert parse_result(result.encode()) == result


@given(messages(), messages())
def test_results_share_a_key_exactly_when_they_stand_for_the_same(one: CensusMessage, other: CensusMessage) -> None:
    a, b = started(one, 0), started(other, 0)

    assert (a.key == b.key) == (a == b)


@given(st.integers(0, 2**45), st.integers(1, 86_400_000))
def test_a_time_lies_within_its_window(at_ms: int, window_ms: int) -> None:
    start_ms = window_start_ms(at_ms, window_ms)

    assert start_ms <= at_ms < start_ms + window_ms
    assert start_ms % window_ms == 0


def test_a_program_gone_wrong_cannot_make_a_result_grow_for_ever() -> None:
    many = {f"v{number}": 1 for number in range(1, LIMIT_VERSIONS + 1)}
    first = CensusMessage("mix", "orders", "order", many, T0, T0)
    more = CensusMessage("mix", "orders", "order", {"v5000": 1, "v1": 1}, T0, T0)

    result = counted(counted(started(first, 0), first, 0), more, 1)

    assert len(result.versions) == LIMIT_VERSIONS
    assert result.versions["v1"] == 2


def test_the_newest_state_of_a_result_counts() -> None:
    old = Mix(0, 5, T0, WINDOW_MS, "orders", "order", "", {"v1": 1})
    new = Mix(0, 9, T0, WINDOW_MS, "orders", "order", "", {"v1": 2})

    assert newest([new, old]) == [new]


def test_a_client_is_last_seen_when_any_of_its_summaries_ended() -> None:
    message = CensusMessage("reads", "orders", "order", {"v1": 2}, T0, T0 + 7, client="billing", found={"v3": 2})
    later = CensusMessage("reads", "orders", "order", {"v2": 1}, T0 + 10, T0 + 20, client="billing", owner="team b")

    client = counted(counted(started(message, 3), message, 0), later, 1)

    assert isinstance(client, Client)
    assert client.versions == {"v1": Seen(2, T0 + 7), "v2": Seen(1, T0 + 20)}
    assert client.found == {"v3": Seen(2, T0 + 7)}
    assert (client.last_ms, client.owner) == (T0 + 20, "team b")
    assert fold([client]).since(T0 + 21).clients == ()
    assert fold([client]).since(T0 + 20).clients == (client,)


def test_shares_are_of_a_topics_records_of_one_subject() -> None:
    results: list[Result] = [
        Mix(0, 0, T0, WINDOW_MS, "orders", "order", "shop", {"v1": 1, "v2": 2}),
        Mix(1, 0, T0 + WINDOW_MS, WINDOW_MS, "orders", "order", "app", {"v2": 1}),
        Mix(1, 1, T0, WINDOW_MS, "orders", "refund", "", {"v1": 8}),
    ]

    found = {(each.subject, each.producer, each.version): (each.records, each.share) for each in totals(fold(results))}

    assert found == {
        ("order", "shop", "v1"): (1, 0.25),
        ("order", "shop", "v2"): (2, 0.5),
        ("order", "app", "v2"): (1, 0.25),
        ("refund", "", "v1"): (8, 1.0),
    }


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (b"\xff", ""),
        (b"[]", ""),
        (b"{}", "format"),
        (b'{"format": true}', "format"),
        (b'{"format": 2}', "format"),
        (b'{"format": 1, "kind": []}', "kind"),
        (b'{"format": 1, "kind": "mix", "shard": -1}', "shard"),
        (b'{"format": 1, "kind": "reads", "shard": 0, "offset": 1.5}', "offset"),
    ],
)
def test_a_result_that_is_none_is_named(value: bytes, path: str) -> None:
    found = parse_result(value)

    assert isinstance(found, Rejected)
    assert (found.path or "") == path


KEYS = st.sampled_from(["format", "kind", "shard", "offset", "topic", "versions"])
LEAVES = st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["mix", "reads", "v1"])


@given(st.dictionaries(KEYS, st.recursive(LEAVES, lambda each: st.lists(each) | st.dictionaries(KEYS, each))))
def test_no_value_makes_reading_results_fail(said: dict[str, object]) -> None:
    parse_result(orjson.dumps({"format": 1, **said}))
