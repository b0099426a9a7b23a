"""Topics, checkpoints and records that are not as a worker needs them: each is said, and nothing is lost for it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions
from tests.support.projects import QUICK_SESSION, Shop, body, event, parcels, produce, rewrite_settings, write_shop
from tests.support.workers import (
    caught_up,
    committed_offsets,
    counts_of,
    members,
    records_of,
    run_until_now,
    run_worker,
    until,
    verified,
    worker,
)

from instar.core import dead_letter
from realkafka.pytest_plugin import Kafka

ADMIN_S = 30.0
MakeShop = Callable[..., Shop]


@pytest.fixture
def make_shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> MakeShop:
    def make(**options: object) -> Shop:
        return write_shop(tmp_path, topic_name("worlds"), {**kafka.client_config(), **QUICK_SESSION}, **options)  # type: ignore[arg-type]

    return make


def admin_of(shop: Shop) -> AdminClient:
    """To be held until its answers are here: it takes its open requests with it."""
    return AdminClient({**shop.admin_kafka, "log_level": 0})


def recreate(shop: Shop, topic: str) -> None:
    """Delete the topic and make it again."""
    admin = admin_of(shop)
    admin.delete_topics([topic])[topic].result(ADMIN_S)
    cluster = shop.cluster
    until("the topic is gone", lambda: cluster.find(topic) is None)
    cluster.create(topic, shop.partitions, {"retention.ms": "-1"})


# ------------------------------------------------------------------ topics


def test_a_source_that_does_not_exist_is_named(make_shop: MakeShop) -> None:
    shop = make_shop(topics={})
    ended = run_worker(shop, "--create", expect=1)
    assert f"Topic '{shop.old}' does not exist" in ended.stderr


def test_a_target_that_does_not_exist_is_made_only_when_asked(make_shop: MakeShop) -> None:
    shop = make_shop()
    ended = run_worker(shop, "--until", "now", expect=1)
    assert f"Topic '{shop.new}' does not exist" in ended.stderr
    assert "--create" in ended.stderr
    assert shop.cluster.find(shop.new) is None
    run_until_now(shop)
    made = shop.cluster.topic(shop.new)
    assert (made.partitions, made.settings["retention.ms"]) == (shop.partitions, "-1")


def test_a_source_that_was_made_again_is_not_taken_for_the_old_one(make_shop: MakeShop) -> None:
    shop = make_shop()
    produce(shop.admin_kafka, shop.old, parcels(40, shop.partitions))
    run_until_now(shop)
    recreate(shop, shop.old)
    produce(shop.admin_kafka, shop.old, parcels(40, shop.partitions))
    before = len(records_of(shop, shop.new))
    ended = run_worker(shop, "--until", "now", expect=4)
    assert "deleted and created again" in ended.stderr
    assert len(records_of(shop, shop.new)) == before
    run_until_now(shop, "--recover-checkpoint")
    assert verified(shop).read == 40


def test_a_source_that_is_made_again_under_a_running_worker_stops_it(make_shop: MakeShop) -> None:
    shop = make_shop()
    produce(shop.admin_kafka, shop.old, parcels(40, shop.partitions))
    with worker(shop, "--create") as process:
        until("all is carried", lambda: caught_up(shop))
        recreate(shop, shop.old)
        ended = process.ended()
    assert ended.code == 4, ended.stderr
    assert "deleted and created again" in ended.stderr


def test_a_source_that_grows_under_a_running_worker_stops_it(make_shop: MakeShop) -> None:
    shop = make_shop()
    count = produce(shop.admin_kafka, shop.old, parcels(40, shop.partitions))
    with worker(shop, "--create") as process:
        until("all is carried", lambda: caught_up(shop))
        admin = admin_of(shop)
        admin.create_partitions([NewPartitions(shop.old, 3)])[shop.old].result(ADMIN_S)
        ended = process.ended()
    assert ended.code == 4, ended.stderr
    assert "has 3 partitions now, 2 when the worker started" in ended.stderr
    again = run_worker(shop, "--until", "now", expect=4)
    assert f"Topic {shop.new} has 2 partitions, {shop.old} has 3" in again.stderr
    for topic in (shop.new, shop.letters):
        admin.create_partitions([NewPartitions(topic, 3)])[topic].result(ADMIN_S)
    wider = replace(shop, partitions=3)
    count += produce(wider.admin_kafka, wider.old, [event(1_000, 1, 2)])
    run_until_now(wider)
    assert verified(wider).read == count


def test_a_target_with_fewer_partitions_is_refused(make_shop: MakeShop) -> None:
    shop = make_shop()
    shop.cluster.create(shop.new, 1, {})
    ended = run_worker(shop, "--create", expect=4)
    assert f"Topic {shop.new} has 1 partitions, {shop.old} has 2" in ended.stderr


def test_a_dead_letter_topic_that_takes_less_than_the_source_is_refused(make_shop: MakeShop) -> None:
    shop = make_shop(topics={"old": {}, "letters": {"max.message.bytes": "500000"}})
    ended = run_worker(shop, "--create", expect=4)
    assert f"Topic {shop.letters} accepts 500,000 bytes, no more than {shop.old}" in ended.stderr
    assert "max.message.bytes" in ended.stderr


# ------------------------------------------------------------------ checkpoints


def test_a_lost_checkpoint_is_found_again_only_when_asked(make_shop: MakeShop) -> None:
    shop = make_shop()
    count = produce(shop.admin_kafka, shop.old, parcels(200, shop.partitions))
    run_until_now(shop)
    before = committed_offsets(shop)
    until("the group is empty", lambda: not members(shop))
    admin = admin_of(shop)
    admin.delete_consumer_groups([shop.group()])[shop.group()].result(ADMIN_S)
    count += produce(shop.admin_kafka, shop.old, parcels(200, shop.partitions, start=count))
    ended = run_worker(shop, "--until", "now", expect=4)
    assert "Starting over would publish them twice" in ended.stderr
    assert "--recover-checkpoint" in ended.stderr
    assert committed_offsets(shop) == {}
    run_until_now(shop, "--recover-checkpoint")
    result = verified(shop, counts=False)
    assert (result.read, result.duplicated) == (count, 0)
    assert counts_of(shop).read == count - sum(before.values())


def test_records_that_retention_took_are_an_operators_decision(make_shop: MakeShop) -> None:
    shop = make_shop()
    produce(shop.admin_kafka, shop.old, parcels(100, shop.partitions))
    run_until_now(shop)
    done = committed_offsets(shop)
    produce(shop.admin_kafka, shop.old, parcels(100, shop.partitions, start=100))
    deleted = [TopicPartition(shop.old, partition, offset + 10) for partition, offset in done.items()]
    admin = admin_of(shop)
    for future in admin.delete_records(deleted).values():
        future.result(ADMIN_S)
    ended = run_worker(shop, "--until", "now", expect=4)
    assert f"Retention deleted 10 offsets of {shop.old} partition" in ended.stderr
    assert "--accept-expired" in ended.stderr
    assert committed_offsets(shop) == done
    row = run_until_now(shop, "--accept-expired").rows[0]
    assert (row["expired"], row["read"]) == (20, 80)
    result = verified(shop, counts=False)
    assert (result.read, counts_of(shop).read) == (80, 180)


def test_a_checkpoint_beyond_the_end_is_refused(make_shop: MakeShop) -> None:
    shop = make_shop()
    produce(shop.admin_kafka, shop.old, parcels(40, shop.partitions))
    shop.cluster.commit(shop.group(), shop.old, {0: (10_000, ""), 1: (0, "")})
    ended = run_worker(shop, "--create", expect=4)
    assert f"The checkpoint of {shop.old} partition 0 is 10,000, beyond the topic's end" in ended.stderr


# ------------------------------------------------------------------ records


def test_a_worker_that_is_to_stop_at_errors_stops_before_the_first_and_keeps_what_precedes_it(
    make_shop: MakeShop,
) -> None:
    shop = make_shop(on_error='"stop"')
    events = [event(number, 1, 0) for number in range(50)]
    events[30] = event(30, 1, 0, body=body(30, 1, "nobody"))
    produce(shop.admin_kafka, shop.old, events)
    for _ in range(2):  # started again it stops at the same place
        ended = run_worker(shop, "--create", expect=1)
        assert f"Stopped at {shop.old} partition 0 offset 30: hop-raised in hop v1_to_v2" in ended.stderr
        assert "a parcel for nobody" in ended.stderr
        assert committed_offsets(shop)[0] == 30
    rewrite_settings(shop)
    run_until_now(shop)
    result = verified(shop)
    assert (result.published, result.dead_lettered) == (49, 1)


def test_a_record_that_is_too_large_for_the_target_is_a_dead_letter(make_shop: MakeShop) -> None:
    large = {"max.message.bytes": "6000000"}
    shop = make_shop(topics={"old": large, "new": {"max.message.bytes": "1000000"}})
    name = "Ada " + "x" * 5_000_000
    events = [event(0, 1, 0), event(1, 1, 0, body=body(1, 1, name)), event(2, 1, 0)]
    produce(shop.admin_kafka, shop.old, events, **{"message.max.bytes": 6_000_000})
    run_until_now(shop)
    result = verified(shop)
    assert (result.published, result.dead_lettered) == (2, 1)
    (letter,) = records_of(shop, shop.letters)
    parsed = dead_letter.parse(letter.headers)
    assert parsed is not None
    assert (parsed[0].rejected.code, letter.value) == ("too-large", events[1].value)


def test_a_record_that_the_target_never_takes_stops_the_worker_and_says_why(make_shop: MakeShop) -> None:
    shop = make_shop(
        topics={
            "old": {},
            "new": {"message.timestamp.before.max.ms": "1000"},
            "letters": {"max.message.bytes": "1200000"},
        }
    )
    produce(shop.admin_kafka, shop.old, [event(1, 1, 0), event(2, 1, 0)])
    ended = run_worker(shop, "--until", "now", expect=4)
    assert "against the settings of its topic" in ended.stderr
    assert records_of(shop, shop.new) == []
    assert sum(committed_offsets(shop).values()) == 0


def test_a_record_without_a_key_is_a_dead_letter_where_the_target_is_compacted(make_shop: MakeShop) -> None:
    shop = make_shop(
        topics={"old": {}, "new": {"cleanup.policy": "compact"}, "letters": {"max.message.bytes": "1200000"}}
    )
    produce(shop.admin_kafka, shop.old, [event(1, 1, 0), event(2, 1, 0, key=None)])
    run_worker(shop, "--until", "now")
    (letter,) = records_of(shop, shop.letters)
    parsed = dead_letter.parse(letter.headers)
    assert parsed is not None
    assert parsed[0].rejected.code == "no-key"
    assert verified(shop).right


@pytest.mark.parametrize("outcome", ["commit", "abort"])
def test_an_open_transaction_of_a_producer_is_waited_for(make_shop: MakeShop, outcome: str) -> None:
    shop = make_shop()
    produce(shop.admin_kafka, shop.old, parcels(40, shop.partitions))
    visible = shop.cluster.end_offsets(shop.old, range(shop.partitions))
    producer = Producer({**shop.admin_kafka, "transactional.id": shop.migration, "log_level": 0})
    producer.init_transactions(ADMIN_S)
    producer.begin_transaction()
    for partition in range(shop.partitions):
        one = event(100 + partition, 2, partition)
        producer.produce(shop.old, one.value, one.key, partition, headers=list(one.headers), timestamp=one.timestamp_ms)
    producer.flush(ADMIN_S)
    with worker(shop, "--create", "--until", "now") as process:
        until("what is committed is carried", lambda: committed_offsets(shop) == visible)
        until("it says what it waits for", lambda: "open transaction" in process.stderr)
        assert process.running
        if outcome == "commit":
            producer.commit_transaction(ADMIN_S)
        else:
            producer.abort_transaction(ADMIN_S)
        assert process.ended().code == 0, process.stderr
    producer.close()
    assert verified(shop).read == (42 if outcome == "commit" else 40)
