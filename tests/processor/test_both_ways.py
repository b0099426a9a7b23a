"""Both bridges at once, with producers in either topic: every event is once in each, and none goes round."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.projects import QUICK_SESSION, VERSION_HEADER, Event, Shop, body, event, parcels, produce, write_shop
from tests.support.workers import both_caught_up, members, records_of, until, verified, worker

from instar.core import dead_letter, provenance
from instar.core.record import Record
from instar.core.upcasting import carry
from realkafka.pytest_plugin import Kafka


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    return write_shop(
        tmp_path,
        topic_name("ways"),
        {**kafka.client_config(), **QUICK_SESSION},
        producers='"both"',
        reverse='{ version = "v1", carry_lost = true }',
        topics={"old": {}, "new": {}, "letters": {"max.message.bytes": "1200000"}},
    )


def carry_both(shop: Shop) -> None:
    """Run both bridges until neither has anything left to do."""
    with worker(shop) as process:
        until("both bridges are in their groups", lambda: all(members(shop, way) for way in ("up", "down")))
        until("both bridges have carried all", lambda: both_caught_up(shop))
        assert process.terminate().code == 143, process.stderr


def number_of(record: Record) -> int:
    """The event's number: its trace header, since a tombstone has no other."""
    found = dict(record.headers)["trace"]
    assert found is not None
    return int(found)


def foreign(record: Record) -> list[tuple[str, bytes | None]]:
    """What a producer put into the headers, beside the version."""
    return [header for header in record.headers if not header[0].startswith("instar-")]


def test_every_event_is_once_in_each_topic_and_none_goes_round(shop: Shop) -> None:
    old_events = list(parcels(200, shop.partitions, versions=(1, 2)))
    new_events = list(parcels(200, shop.partitions, start=1_000, versions=(3,)))
    # In the new topic every parcel is a v3, so none of them is one that the v1 hop raises at.
    new_events = [one if number % 40 != 11 else event(1_000 + number, 3, 0) for number, one in enumerate(new_events)]
    produce(shop.kafka, shop.old, old_events)
    produce(shop.kafka, shop.new, new_events)
    carry_both(shop)
    up, down = verified(shop, "up"), verified(shop, "down")
    assert (up.read - up.echoed, down.read - down.echoed) == (200, 200)
    assert (up.echoed, down.echoed) == (down.outputs, up.outputs)
    letters = {number_of(record) for record in records_of(shop, shop.letters)}
    assert letters == {11, 51, 91, 131, 171}
    everything = {*range(200), *range(1_000, 1_200)}
    assert Counter(map(number_of, records_of(shop, shop.new))) == Counter(everything - letters)
    assert Counter(map(number_of, records_of(shop, shop.old))) == Counter(everything)
    # And it stays so: what the bridges wrote is not carried again by a later run.
    carry_both(shop)
    assert len(records_of(shop, shop.new)) == len(everything - letters)
    assert len(records_of(shop, shop.old)) == len(everything)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_key_headers_timestamp_partition_and_tombstones_are_kept(shop: Shop, direction: str) -> None:
    source, target, version = (shop.old, shop.new, 1) if direction == "up" else (shop.new, shop.old, 3)
    framed = (VERSION_HEADER, f"v{version}".encode())
    events = [
        event(0, version, 0),
        event(1, version, 1, key=None),
        event(2, version, 1, key=b""),
        event(3, version, 0, value=None),
        event(4, version, 0, value=None, key=None),
        event(5, version, 1, headers=(framed, ("trace", b"5"), ("trace", b"5"))),
        event(6, version, 1, headers=(framed, ("traceparent", b"00-a"), ("trace", b"6"))),
    ]
    produce(shop.kafka, source, events)
    carry_both(shop)
    result = verified(shop, "up" if direction == "up" else "down")
    assert (result.outputs, result.dead_lettered) == (7, 0)
    found = {number_of(record): record for record in records_of(shop, target)}
    for number, one in enumerate(events):
        record = found[number]
        assert (record.key, record.partition, record.timestamp_ms) == (one.key, one.partition, one.timestamp_ms)
        assert foreign(record) == [header for header in one.headers if header[0] != VERSION_HEADER]
        assert (record.value is None) == (one.value is None)


def test_what_the_way_down_drops_comes_back_on_the_way_up(shop: Shop) -> None:
    produce(shop.kafka, shop.new, [event(0, 3, 0, body=body(0, 3, channel="PHONE"))])
    carry_both(shop)
    (lowered,) = records_of(shop, shop.old)
    assert lowered.value is not None
    assert "channel" not in json.loads(lowered.value)
    # An application reads it, and writes it again as its own, with the header of what was lost but no provenance.
    kept = tuple(header for header in lowered.headers if header[0] in {VERSION_HEADER, carry.HEADER, "trace"})
    assert carry.HEADER in dict(kept)
    other = Event(json.dumps(body(0, 1, "Grace Hopper")).encode(), 0, lowered.key, kept, lowered.timestamp_ms)
    produce(shop.kafka, shop.old, [Event(lowered.value, 0, lowered.key, kept, lowered.timestamp_ms), other])
    carry_both(shop)
    verified(shop, "up")
    channels = [json.loads(record.value or b"")["channel"] for record in records_of(shop, shop.new)]
    # The header is bound to the record that it was made for: another record's parcel gets the hop's own value.
    assert channels == ["PHONE", "PHONE", "WEB"]


def test_a_forwarded_provenance_does_not_make_a_new_record_an_echo(shop: Shop) -> None:
    produce(shop.kafka, shop.old, [event(0, 1, 0)])
    carry_both(shop)
    (lifted,) = records_of(shop, shop.new)
    assert provenance.HEADER in dict(lifted.headers)
    # An application that copies headers writes a new parcel of its own into the new topic.
    own = json.dumps(body(7, 3)).encode()
    produce(shop.kafka, shop.new, [Event(own, 0, lifted.key, lifted.headers, lifted.timestamp_ms)])
    carry_both(shop)
    down = verified(shop, "down")
    assert (down.echoed, down.outputs) == (1, 1)
    assert [json.loads(record.value or b"")["id"] for record in records_of(shop, shop.old)] == [0, 7]


def test_a_dead_letter_keeps_the_record_and_says_where_it_was(shop: Shop) -> None:
    wrong = event(0, 1, 1, body=body(0, 1, "nobody"), key=None)
    produce(shop.kafka, shop.old, [wrong])
    carry_both(shop)
    (letter,) = records_of(shop, shop.letters)
    parsed = dead_letter.parse(letter.headers)
    assert parsed is not None
    verdict, headers = parsed
    assert (letter.key, letter.value, headers) == (None, wrong.value, wrong.headers)
    assert (verdict.rejected.code, verdict.rejected.hop) == ("hop-raised", "v1_to_v2")
    assert (verdict.rejected.from_version, verdict.rejected.to_version) == ("v1", "v2")
    assert (verdict.source.topic, verdict.source.partition, verdict.source.offset) == (shop.old, 1, 0)
    assert verdict.source.timestamp_ms == wrong.timestamp_ms
