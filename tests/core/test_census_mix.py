"""What a worker tells the census of its source's records."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.core import census_mix
from instar.core.census_message import CensusMessage, parse
from instar.core.census_mix import OTHERS, MixCount
from instar.core.formats.framing import Identity, Named, SchemaId
from instar.core.formats.framing.noting import Noting
from instar.core.formats.framing.version_header import VersionHeader
from instar.core.record import Headers, Record
from instar.core.rejected import UNKNOWN_SCHEMA_ID, Rejected

NOW_MS = 1_700_000_100_000
MINUTE_MS = 60_000


def record(at_ms: int = NOW_MS, partition: int = 0, headers: Headers = ()) -> Record:
    return Record("orders", partition, 0, b"k", b"v", headers, at_ms)


def name_of(identity: Identity) -> tuple[str, int] | Rejected:
    if isinstance(identity, Named):
        return identity.subject or "orders", identity.version
    return Rejected(UNKNOWN_SCHEMA_ID, "There is no such id.")


def counter(header: str | None = None) -> MixCount:
    mix = MixCount("orders", header)
    mix.begin(NOW_MS)
    return mix


def told(messages: list[CensusMessage]) -> Counter[tuple[int, int | None, str, str, str]]:
    return Counter(
        {
            (each.window_start_ms, each.partition, each.subject, each.client, version): count
            for each in messages
            for version, count in each.versions.items()
        }
    )


CELLS = st.tuples(
    st.integers(NOW_MS - 5 * MINUTE_MS, NOW_MS), st.integers(0, 2), st.integers(1, 3), st.sampled_from(["shop", "app"])
)
STEPS = st.lists(st.tuples(st.lists(CELLS, max_size=5), st.booleans(), st.booleans()), max_size=8)


@given(STEPS)
def test_what_is_committed_is_told_once_and_nothing_else(
    steps: list[tuple[list[tuple[int, int, int, str]], bool, bool]],
) -> None:
    mix, expected, said = counter("from"), Counter[object](), Counter[object]()
    for cells, committed, drained in steps:
        for at_ms, partition, version, producer in cells:
            mix.take(record(at_ms, partition, (("from", producer.encode()),)), Named(version))
            if committed:
                expected[(at_ms // MINUTE_MS * MINUTE_MS, partition, "orders", producer, f"v{version}")] += 1
        mix.confirm() if committed else mix.roll_back()
        if drained:
            said += told(mix.drain(name_of))
    said += told(mix.drain(name_of))

    assert said == expected


@given(st.binary(max_size=700) | st.none())
def test_whatever_a_producer_calls_itself_the_summary_can_be_read(name: bytes | None) -> None:
    mix = counter("from")
    mix.take(record(headers=(("from", name),)), Named(2))
    mix.confirm()

    (message,) = mix.drain(name_of)

    assert parse(message.encode()) == message


def test_replayed_history_says_nothing_about_today() -> None:
    mix = counter()
    mix.take(record(NOW_MS - census_mix.KEEP_MS - 1), Named(1))
    mix.take(record(-1), Named(1))
    mix.take(record(NOW_MS - census_mix.KEEP_MS), Named(2))
    mix.confirm()

    assert [each.versions for each in mix.drain(name_of)] == [{"v2": 1}]


def test_an_id_that_names_no_version_is_left_out() -> None:
    mix = counter()
    mix.take(record(), SchemaId(7))
    mix.take(record(), Named(2))
    mix.confirm()

    assert [each.versions for each in mix.drain(name_of)] == [{"v2": 1}]


def test_nothing_is_lost_while_the_registry_is_away() -> None:
    def away(_: Identity) -> tuple[str, int]:
        raise ConnectionError

    mix = counter()
    mix.take(record(), Named(2))
    mix.confirm()
    with pytest.raises(ConnectionError):
        mix.drain(away)

    assert [each.versions for each in mix.drain(name_of)] == [{"v2": 1}]


def test_a_header_of_random_values_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census_mix, "LIMIT_CELLS", 3)
    mix = counter("from")
    for number in range(10):
        mix.take(record(headers=(("from", b"%d" % number),)), Named(1))
    mix.confirm()

    assert {each.client: each.versions["v1"] for each in mix.drain(name_of)} == {"0": 1, "1": 1, "2": 1, OTHERS: 7}


def test_a_framing_notes_each_identity_for_one_question() -> None:
    framing = Noting(VersionHeader())
    assert framing.take() is None

    framing.identify(b"{}", (("instar-version", b"v2"),))
    assert framing.take() == Named(2)
    assert framing.take() is None

    framing.identify(b"{}", (("instar-version", b"v2"),))
    assert isinstance(framing.identify(b"{}", ()), Rejected)
    assert framing.take() is None
