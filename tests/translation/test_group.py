"""Groups on a real Kafka move between a migration's topics at exactly the record where they stood."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from tests.support.command import Ran, instar
from tests.support.folders import write_files
from tests.support.projects import QUICK_SESSION, Event, Shop, body, event, produce, write_shop
from tests.support.workers import records_of, run_until_now, until

from instar.core.record import Record
from instar.kafka.errors import Refused
from instar.project.project import load_project
from instar.translation.group import Plan, To, execute, plan
from realkafka.broker import KafkaServer
from realkafka.pytest_plugin import Kafka

SEED = 20_240_229
GROUPS = 20
OLD_RECORDS, NEW_RECORDS = 900, 150

# Parcels for nobody are dead letters, those that are gone end, those that are many become three.
UNEVEN = {
    "upcasters/parcels/v1_to_v2.py": '''
        """People have two names; some parcels are not one parcel."""


        def upcast(record, context):
            if record["name"] == "nobody":
                raise ValueError("a parcel for nobody")
            if record["name"] == "gone":
                return None
            first, _, last = record["name"].partition(" ")
            parcel = {"id": record["id"], "first": first, "last": last, "cents": record["cents"]}
            return [parcel, parcel, parcel] if record["name"] == "many" else parcel
        '''
}


@dataclass(frozen=True, slots=True)
class Town:
    """A shop with native records of both sides, whose topics were compacted once everything was carried.

    ``own`` is where each event was written natively, by its number: partition and offset, before the cleaner came.
    """

    shop: Shop
    own: Mapping[int, tuple[int, int]]

    def plan(self, group: str, to: To) -> Plan:
        migration = load_project(self.shop.root).settings.migrations[self.shop.migration]
        return plan(migration, self.shop.migration, group, to, self.shop.kafka)

    def move(self, group: str, to: To) -> Plan:
        made = self.plan(group, to)
        execute(made, self.shop.kafka)
        return made


def old_events(random: Random, partitions: int) -> Iterator[Event]:
    for number in range(OLD_RECORDS):
        name = random.choices(("Ada Lovelace", "many", "gone", "nobody"), (70, 10, 12, 8))[0]
        key = f"key-{random.randrange(120)}".encode()
        yield event(number, 1, random.randrange(partitions), body=body(number, 1, name), key=key)


def new_events(random: Random, partitions: int) -> Iterator[Event]:
    for number in range(OLD_RECORDS, OLD_RECORDS + NEW_RECORDS):
        yield event(number, 3, random.randrange(partitions), key=f"key-{random.randrange(120)}".encode())


@pytest.fixture
def town(own_kafka: Callable[..., KafkaServer], tmp_path: Path) -> Town:
    """The old topic's producers wrote, then the new one's; both bridges ran; the cleaner went through both topics."""
    broker = own_kafka(extra={"log.cleaner.backoff.ms": "200"})
    # Events are 1 ms apart, so that a segment holds at most 50 of a partition and all but the last are cleaned.
    segments = {"segment.ms": "50", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "1000"}
    kafka = {**broker.client_config(), **QUICK_SESSION}
    settings = {"reverse": '{ version = "v2" }', "batch": "{ max_records = 40, max_wait_ms = 5 }"}
    shop = write_shop(tmp_path / "town", "town", kafka, topics={"old": segments, "new": segments}, **settings)
    write_files(shop.root, UNEVEN)
    random = Random(SEED)
    for each in _slices(list(old_events(random, shop.partitions))):
        produce(shop.kafka, shop.old, each)
    run_until_now(shop)
    for each in _slices(list(new_events(random, shop.partitions))):
        produce(shop.kafka, shop.new, each)
    run_until_now(shop, "--direction", "down")
    run_until_now(shop, "--direction", "up")  # past the copies that came back
    written = {shop.old: records_of(shop, shop.old), shop.new: records_of(shop, shop.new)}
    own = {
        number_of(record): (record.partition, record.offset)
        for topic, records in written.items()
        for record in records
        if is_native(record, topic == shop.old)
    }
    for topic in written:
        set_topic(shop, topic, "cleanup.policy", "compact")
    until(
        "the cleaner is done with both topics",
        lambda: all(_compacted(shop, topic, len(records)) for topic, records in written.items()),
    )
    return Town(shop, own)


def set_topic(shop: Shop, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient(dict(shop.kafka))  # held: its requests end with it
    admin.incremental_alter_configs([resource])[resource].result(20)


def _slices(events: list[Event]) -> Iterator[list[Event]]:
    """A segment is rolled between batches, so there must be some."""
    return (events[start : start + 60] for start in range(0, len(events), 60))


def _compacted(shop: Shop, topic: str, written: int) -> bool:
    """Has the cleaner removed a good part, and is it done?"""
    counts = {len(records_of(shop, topic)) for _ in range(8)}
    return len(counts) == 1 and min(counts) < written * 0.8


# ---------------------------------------------------------------------- the oracle: links by the events' own numbers


def number_of(record: Record) -> int:
    """Every event has a number in a header that bridges copy: it says what belongs together without provenance."""
    return int(next(content for name, content in record.headers if name == "trace") or b"")


def is_native(record: Record, in_old: bool) -> bool:
    return (number_of(record) < OLD_RECORDS) == in_old


def expected(town: Town, here: list[Record], there: list[Record], position: int, letters: set[int]) -> int | None:
    """The first record *there* that the group has not read *here*; one partition's records of both topics.

    Copies of what is native *here* are unread where it stands at or past the position. What is native *there* is
    unread from the one on whose copy the group would read next.
    """
    in_old = bool(here) and here[0].topic == town.shop.old
    theirs = [record for record in here if not is_native(record, in_old)]
    ahead = next((record for record in theirs if record.offset >= position), None)
    begin = None if ahead is None else town.own[number_of(ahead)][1]
    passed = max((town.own[number_of(record)][1] for record in theirs if record.offset < position), default=-1)
    for record in there:
        number = number_of(record)
        if not is_native(record, not in_old):
            unread = town.own[number][1] >= position
        else:
            unread = begin is not None and record.offset >= begin
            unread = unread or (number in letters and record.offset > passed)
        if unread:
            return record.offset
    return None


def read_some(shop: Shop, group: str, topic: str, records: int) -> dict[int, int | None]:
    """A real consumer of the group reads on and commits. The offset of the first record of each partition."""
    consumer = Consumer(
        {
            **shop.kafka,
            "group.id": group,
            "auto.offset.reset": "error",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    first: dict[int, int | None] = {}
    left = dict.fromkeys(range(shop.partitions), records)
    try:
        committed = consumer.committed([TopicPartition(topic, partition) for partition in left], timeout=20)
        consumer.assign(committed)
        while any(left.values()):
            message = consumer.poll(20)
            assert message is not None, "nothing to read and no end"
            partition = message.partition()
            if message.error() is not None:
                first.setdefault(partition, None)
                left[partition] = 0
            elif left[partition]:
                first.setdefault(partition, message.offset())
                left[partition] -= 1
                at = TopicPartition(topic, partition, message.offset() + 1)
                consumer.commit(offsets=[at], asynchronous=False)
    finally:
        consumer.close()
    return first


def next_record(records: list[Record], offset: int) -> int | None:
    return next((record.offset for record in records if record.offset >= offset), None)


def by_partition(shop: Shop, topic: str) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {partition: [] for partition in range(shop.partitions)}
    for record in records_of(shop, topic):
        found[record.partition].append(record)
    return {partition: sorted(records, key=lambda one: one.offset) for partition, records in found.items()}


def test_random_groups_move_over_and_back_at_exactly_their_record(town: Town, capsys: Any) -> None:
    shop, random = town.shop, Random(SEED + 1)
    old, new = by_partition(shop, shop.old), by_partition(shop, shop.new)
    letters = {number_of(record) for record in records_of(shop, shop.letters)}
    ends = shop.cluster.end_offsets(shop.old, range(shop.partitions))
    right = 0
    seen = {"end": 0, "copy": 0, "native": 0}
    for number in range(GROUPS):
        group = f"readers-{number}"
        # One has read everything, the others stand anywhere.
        stood = {partition: random.randint(0, ends[partition]) if number else ends[partition] for partition in old}
        shop.cluster.commit(group, shop.old, {partition: (offset, "") for partition, offset in stood.items()})
        over = town.move(group, "new")
        for move in over.moves:
            partition = move.partition
            assert move.translation is not None
            seen[move.translation.stands] += 1
            want = expected(town, old[partition], new[partition], stood[partition], set())
            assert next_record(new[partition], move.translation.offset) == want, (group, move)
        first = read_some(shop, group, shop.new, random.randint(1, 40))
        for partition, offset in first.items():
            assert offset == expected(town, old[partition], new[partition], stood[partition], set())
        now = {partition: offset for partition, (offset, _) in shop.cluster.committed(group, shop.new, new).items()}
        for move in town.move(group, "old").moves:
            partition = move.partition
            assert move.translation is not None
            want = expected(town, new[partition], old[partition], now[partition], letters)
            assert next_record(old[partition], move.translation.offset) == want, (group, move, now)
        right += 1
    assert (by_partition(shop, shop.old), by_partition(shop, shop.new)) == (old, new), "the cleaner was not done"
    assert all(seen.values()), seen
    with capsys.disabled():
        gone = OLD_RECORDS + NEW_RECORDS - sum(map(len, old.values()))
        print(
            f"\n{right} of {GROUPS} groups moved over, read on and moved back at exactly their record "
            f"({len(letters)} dead letters, at least {gone} records compacted)"
        )
    assert right == GROUPS


# ---------------------------------------------------------------------- the command


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    shop = write_shop(tmp_path, topic_name("moving"), {**kafka.client_config(), **QUICK_SESSION}, partitions=1)
    produce(shop.kafka, shop.old, [event(number, 1, 0) for number in range(30)])
    run_until_now(shop)
    return shop


def translate(shop: Shop, group: str, *arguments: object) -> Ran:
    return instar("consumers", "translate", group, "--migration", shop.migration, *arguments, at=shop.root)


def test_nothing_is_set_without_execute_and_the_plan_says_where_it_stands(shop: Shop) -> None:
    shop.cluster.commit("readers", shop.old, {0: (11, "")})
    ran = translate(shop, "readers", "-o", "json")
    (row,) = ran.json
    assert (ran.code, row["before"], row["source_offset"], row["stands"]) == (0, 11, 11, "copy")
    assert (row["executed"], row["repeats_records"]) == (False, 0)
    assert "--execute" in ran.err
    assert shop.cluster.committed("readers", shop.new, [0]) == {}
    assert "of " + shop.old in translate(shop, "readers").out


def test_a_group_that_comes_back_untouched_stands_where_it_stood(shop: Shop) -> None:
    shop.cluster.commit("readers", shop.old, {0: (11, "")})
    assert translate(shop, "readers", "--execute").code == 0
    shop.cluster.commit("readers", shop.old, {0: (3, "")})
    (row,) = translate(shop, "readers", "--to", "old", "--execute", "-o", "json").json
    assert (row["after"], row["restored"], row["replaces"]) == (11, True, 3)
    assert shop.cluster.committed("readers", shop.old, [0])[0][0] == 11


def test_a_group_with_members_is_refused(shop: Shop) -> None:
    shop.cluster.commit("readers", shop.old, {0: (11, "")})
    consumer = Consumer({**shop.kafka, "group.id": "readers", "enable.auto.commit": False})
    consumer.subscribe([shop.old])
    try:
        assert consumer.poll(20) is not None
        ran = translate(shop, "readers", "--execute")
    finally:
        consumer.close()
    assert (ran.code, "1 member" in ran.err) == (4, True)
    assert shop.cluster.committed("readers", shop.new, [0]) == {}


def test_a_group_that_moved_since_it_was_translated_is_refused(shop: Shop) -> None:
    migration = load_project(shop.root).settings.migrations[shop.migration]
    shop.cluster.commit("readers", shop.old, {0: (11, "")})
    made = plan(migration, shop.migration, "readers", "new", shop.kafka)
    shop.cluster.commit("readers", shop.old, {0: (12, "")})
    with pytest.raises(Refused, match="has moved"):
        execute(made, shop.kafka)


def test_a_group_ahead_of_the_bridge_is_refused_until_the_bridge_has_caught_up(shop: Shop) -> None:
    produce(shop.kafka, shop.old, [event(number, 1, 0) for number in range(30, 35)])
    end = shop.cluster.end_offsets(shop.old, [0])[0]
    shop.cluster.commit("readers", shop.old, {0: (end, "")})
    ran = translate(shop, "readers")
    assert (ran.code, "catch up" in ran.err) == (4, True)
    run_until_now(shop)
    (row,) = translate(shop, "readers", "-o", "json").json
    assert row["stands"] == "end"
    assert row["after"] == shop.cluster.end_offsets(shop.new, [0])[0]


def test_a_group_without_a_position_is_refused(shop: Shop) -> None:
    ran = translate(shop, "nobodys-group")
    assert (ran.code, "no committed offset" in ran.err) == (4, True)


@pytest.mark.parametrize("mode", ["live-first", "segregated"])
def test_modes_without_order_have_no_exact_translation_and_offer_the_beginning(mode: str, shop: Shop) -> None:
    migration = load_project(shop.root).settings.migrations[shop.migration].model_copy(update={"mode": mode})
    with pytest.raises(Refused) as refused:
        plan(migration, shop.migration, "readers", "new", shop.kafka)
    assert "from the beginning" in refused.value.remedy


def test_a_migration_that_has_not_begun_is_refused(
    kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]
) -> None:
    shop = write_shop(
        tmp_path, topic_name("unbegun"), dict(kafka.client_config()), partitions=1, topics={"old": {}, "new": {}}
    )
    produce(shop.kafka, shop.old, [event(1, 1, 0)])
    shop.cluster.commit("readers", shop.old, {0: (0, "")})
    ran = translate(shop, "readers")
    assert (ran.code, "no checkpoint" in ran.err) == (4, True), ran.err


def test_what_the_bridge_carries_afterwards_changes_nothing(shop: Shop) -> None:
    shop.cluster.commit("readers", shop.old, {0: (11, "")})
    first = translate(shop, "readers", "-o", "json").json
    produce(shop.kafka, shop.old, [event(number, 1, 0) for number in range(30, 200)])
    run_until_now(shop)
    assert json.dumps(translate(shop, "readers", "-o", "json").json) == json.dumps(first)
