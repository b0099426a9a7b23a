"""``instar backfill`` on a real Kafka: bounds, checkpoints, plans, partitions, and what a dry run says."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.command import Ran, instar
from tests.support.command_process import CommandProcess
from tests.support.projects import FIRST_MS, Shop, event, parcels, produce, rewrite_settings, write_shop
from tests.support.workers import committed_offsets, counts_of, members, records_of, until, verified

from realkafka.pytest_plugin import Kafka

EVENTS = 600
# A worker that has stopped is missed by its group after this time.
SHORT_SESSION = {"session.timeout.ms": 2_500, "heartbeat.interval.ms": 300}


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    made = write_shop(tmp_path, topic_name("backfill"), {**kafka.client_config(), **SHORT_SESSION})
    produce(made.kafka, made.old, parcels(EVENTS, made.partitions))
    return made


@pytest.fixture(scope="module")
def still(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop where nothing is ever carried."""
    name = f"still-{uuid4().hex[:10]}"
    made = write_shop(tmp_path_factory.mktemp("still"), name, {**kafka.client_config(), **SHORT_SESSION})
    produce(made.kafka, made.old, parcels(EVENTS, made.partitions))
    return made


def backfill(shop: Shop, *arguments: object) -> Ran:
    return instar("backfill", shop.migration, "--create", "-o", "json", *arguments, at=shop.root)


def carried(ran: Ran) -> int:
    assert ran.code == 0, ran.err
    return int(ran.json[0]["read"])


def test_a_backfill_carries_what_is_there_and_a_second_one_nothing(shop: Shop) -> None:
    assert carried(backfill(shop)) == EVENTS
    assert carried(backfill(shop)) == 0
    assert verified(shop).read == EVENTS


def test_an_offset_is_where_it_ends_exactly_and_the_next_goes_on_there(shop: Shop) -> None:
    assert carried(backfill(shop, "--until", "0:120,1:7")) == 127
    assert committed_offsets(shop) == {0: 120, 1: 7}
    assert {(record.partition, len(record.value or b"") > 0) for record in records_of(shop, shop.new)} >= {(0, True)}
    assert carried(backfill(shop, "--until", "0:130")) == 10  # the other partition stays where it is
    assert committed_offsets(shop) == {0: 130, 1: 7}
    assert carried(backfill(shop)) == EVENTS - 137
    assert verified(shop).read == EVENTS


def test_a_time_is_where_it_ends(shop: Shop) -> None:
    assert carried(backfill(shop, "--until", "2025-06-15T15:06:40.300Z")) == 300
    assert FIRST_MS == 1_750_000_000_000  # 15:06:40 of that day


def test_it_may_begin_later_but_only_the_first_time(shop: Shop) -> None:
    assert carried(backfill(shop, "--from", "0:100,1:200")) == EVENTS - 300
    assert verified(shop).read == EVENTS - 300  # what was left out on purpose is not missed
    again = backfill(shop, "--from", "earliest")
    assert again.code == 4
    assert "has begun already: partition 0 is read up to offset 300" in again.err
    assert "Leave --from out" in again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--until", "0:301"), "partition 0 of"),
        (("--until", "5:1"), "has no partition 5"),
        (("--until", "yesterday"), "is no place in a topic"),
        (("--from", "now-ish"), "is no place in a topic"),
        (("--partitions", "0-9"), "the topic has 0 to 1"),
        (("--rate", "fast"), "is not a rate"),
        (("--max-latency", "500"), "is not a duration"),
    ],
)
def test_a_place_that_is_not_there_is_a_usage_error(still: Shop, arguments: tuple[str, ...], said: str) -> None:
    ran = instar("backfill", still.migration, "--dry-run", *arguments, at=still.root)
    assert ran.code == 2
    assert said in ran.err


def test_a_limit_without_a_dry_run_is_a_usage_error(still: Shop) -> None:
    ran = backfill(still, "--limit", "5")
    assert (ran.code, "--limit is for --dry-run" in ran.err) == (2, True)


# ------------------------------------------------------------------ plans


def test_another_plan_is_refused_naming_what_changed_and_can_be_accepted(shop: Shop) -> None:
    assert carried(backfill(shop, "--until", "100")) == 200
    rewrite_settings(shop, on_error='"stop"', headers='{ deny = ["trace"] }')
    refused = backfill(shop)
    assert refused.code == 4
    assert "setting on_error was dead-letter and is stop" in refused.err
    assert "setting headers.deny was not set and is trace" in refused.err
    assert "schema" not in refused.err
    assert sum(committed_offsets(shop).values()) == 200
    rewrite_settings(shop, headers='{ deny = ["trace"] }')
    assert carried(backfill(shop, "--accept-fingerprint", "--until", "150")) == 100
    assert carried(backfill(shop)) == EVENTS - 300


def test_an_edited_hop_is_named(shop: Shop) -> None:
    assert carried(backfill(shop, "--until", "100")) == 200
    lock = shop.root / "instar.lock"
    lock.unlink()  # else the edit itself is an error of the project
    hop = shop.root / "upcasters/parcels/v2_to_v3.py"
    hop.write_text(hop.read_text().replace('"WEB"', '"SHOP"'))
    refused = backfill(shop)
    assert refused.code == 4
    assert "hop parcels/v2_to_v3 was edited" in refused.err


# ------------------------------------------------------------------ named partitions


def test_named_partitions_are_carried_alone_and_the_rest_later(shop: Shop) -> None:
    assert carried(backfill(shop, "--partitions", "1")) == EVENTS // 2
    assert committed_offsets(shop)[0] == 0
    assert carried(backfill(shop)) == EVENTS // 2
    assert verified(shop).read == EVENTS


def test_named_partitions_run_in_processes_when_there_are_several(shop: Shop) -> None:
    assert carried(backfill(shop, "--partitions", "0-1", "--workers", "1")) == EVENTS
    assert verified(shop).read == EVENTS


def test_named_partitions_are_refused_while_the_group_has_members(shop: Shop) -> None:
    process = CommandProcess(shop, ("worker", shop.migration, "--create"))
    try:
        until("the worker is in its group", lambda: members(shop))
        ran = backfill(shop, "--partitions", "1")
        assert ran.code == 4
        assert "has 1 members" in ran.err
        assert "Stop the workers first" in ran.err
        assert process.terminate().code == 143
    finally:
        process.kill()


def test_a_worker_that_joins_shuts_out_whoever_reads_by_hand(shop: Shop) -> None:
    """Else both would publish the same records: the group's generation does not fence a reader outside of it."""
    by_hand = CommandProcess(shop, ("backfill", shop.migration, "--create", "--partitions", "0", "--rate", "50/s"))
    try:
        until("the reader by hand has begun", lambda: committed_offsets(shop).get(0))
        assert carried(backfill(shop)) > EVENTS // 2
        ended = by_hand.ended()
        assert ended.code == 4
        assert "was fenced" in ended.stderr
    finally:
        by_hand.kill()
    assert verified(shop).read == EVENTS


# ------------------------------------------------------------------ a dry run


def test_a_dry_run_says_what_would_become_of_the_records_and_publishes_nothing(shop: Shop) -> None:
    dry = instar("backfill", shop.migration, "--dry-run", "-o", "json", at=shop.root)
    assert dry.code == 0, dry.err
    said = dry.json[0]
    assert (said["read"], said["todo_records"]) == (EVENTS, EVENTS)
    assert said["versions"]["tombstone"] == EVENTS // 40
    assert sum(said["versions"].values()) == EVENTS
    assert said["rejects"][0] | {"first": ""} == {
        "code": "hop-raised",
        "hop": "v1_to_v2",
        "path": None,
        "records": EVENTS // 40,
        "first": "",
    }
    assert said["read_bytes"] > EVENTS * 20
    assert said["records_per_s"] > 0
    assert shop.cluster.find(shop.new) is None
    assert not committed_offsets(shop)
    row = backfill(shop).json[0]
    names = ("read", "published", "outputs", "dead_lettered", "dropped", "echoed")
    assert {name: said[name] for name in names} == {name: row[name] for name in names}


def test_a_dry_run_of_a_part_is_scaled_to_the_whole(still: Shop) -> None:
    whole = instar("backfill", still.migration, "--dry-run", "-o", "json", at=still.root).json[0]
    part = instar("backfill", still.migration, "--dry-run", "--limit", "60", "-o", "json", at=still.root).json[0]
    assert part["read"] == 120
    assert part["todo_records"] == EVENTS
    assert part["written_bytes"] == pytest.approx(whole["written_bytes"], rel=0.1)


def test_a_dry_run_is_read_by_people_too(still: Shop) -> None:
    ran = instar("backfill", still.migration, "--dry-run", at=still.root)
    assert f"{EVENTS} records read of {EVENTS} offsets, nothing published" in ran.out
    assert "15 × hop-raised v1_to_v2" in ran.out
    assert "parcels v3" in ran.out


def test_bytes_are_counted_beside_records(shop: Shop) -> None:
    produce(shop.kafka, shop.old, [event(1, 1, 0)])
    assert carried(backfill(shop)) == EVENTS + 1
    row = instar("status", shop.migration, "--over", "0", "-o", "json", at=shop.root).json[0]
    assert row["read"] == counts_of(shop).read == EVENTS + 1
    assert row["state"] == "caught up"
