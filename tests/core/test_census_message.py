"""What programs say of the versions that they depend on is read back as it was said, or refused by its key."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core.census_message import FORMAT, CensusMessage, parse
from instar.core.rejected import Rejected

NAMES = st.text(min_size=1, max_size=20)
COUNTS = st.dictionaries(st.integers(1, 99).map(lambda number: f"v{number}"), st.integers(0, 2**63 - 1), max_size=4)
SAID = {
    "format": FORMAT,
    "kind": "reads",
    "topic": "orders",
    "subject": "orders",
    "versions": {"v1": 3},
    "window_start_ms": 1,
    "window_end_ms": 2,
}


@given(
    kind=st.sampled_from(("reads", "writes", "mix")),
    names=st.tuples(NAMES, NAMES),
    versions=COUNTS,
    found=COUNTS,
    partition=st.none() | st.integers(0, 1000),
    who=st.tuples(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20)),
    window=st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)).map(sorted),
)
def test_a_message_is_read_back_as_it_was_said(kind, names, versions, found, partition, who, window) -> None:  # type: ignore[no-untyped-def]
    message = CensusMessage(kind, *names, versions, window[0], window[1], partition, *who, found)
    assert parse(message.encode()) == message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "eats"),
        ("kind", ["reads"]),
        ("topic", ""),
        ("subject", None),
        ("client", 7),
        ("versions", {"1": 3}),
        ("versions", {"v1": -1}),
        ("versions", {"v1": True}),
        ("found", []),
        ("partition", "0"),
        ("window_start_ms", 1.5),
        ("window_end_ms", 0),
        ("topic", "x" * 513),
    ],
)
def test_a_message_that_says_something_impossible_is_refused_by_its_key(key: str, value: object) -> None:
    refused = parse(orjson.dumps({**SAID, key: value}))
    assert isinstance(refused, Rejected)
    assert refused.path == key


def test_a_later_format_is_told_from_nonsense() -> None:
    later, nonsense = parse(orjson.dumps({**SAID, "format": FORMAT + 1})), parse(b"\xff")
    assert isinstance(later, Rejected)
    assert isinstance(nonsense, Rejected)
    assert (later.code, nonsense.code) == ("unknown-version", "unreadable")


def test_keys_that_a_later_reporter_adds_are_no_hindrance() -> None:
    assert isinstance(parse(orjson.dumps({**SAID, "more": [1]})), CensusMessage)


def test_each_reporter_of_each_thing_has_a_key_of_its_own() -> None:
    said = parse(orjson.dumps(SAID))
    other = parse(orjson.dumps({**SAID, "group": "billing"}))
    assert isinstance(said, CensusMessage)
    assert isinstance(other, CensusMessage)
    assert said.key != other.key
