"""Start checkpoints that workers begin from, and where beginning would repeat what is published."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from tests.support.effects import Trial, context, plan
from tests.support.projects import Shop, parcels, produce, write_shop
from tests.support.workers import committed_offsets, run_until_now, until, verified

from instar.core import checkpoint
from instar.core.checkpoint import group_of
from instar.core.provenance import Direction, Stamp
from instar.core.rollout.effect import CommitStart
from instar.kafka import groups
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.processor.assemble import Options, assemble
from instar.processor.prepare import ensure_start
from instar.project.project import load_project
from instar.rollout.running.starts import Lane, Starts
from realkafka.pytest_plugin import Kafka

pytestmark = pytest.mark.kafka

EVENTS = 300


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    made = write_shop(
        tmp_path, topic_name("start"), kafka.client_config(), topics={"old": {}, "new": {}}, producers='"both"'
    )
    limit = str(made.cluster.topic(made.old).max_message_bytes + 65_536)
    made.cluster.create(made.letters, made.partitions, {"max.message.bytes": limit})
    produce(made.kafka, made.old, parcels(EVENTS, made.partitions))
    return made


def start(shop: Shop, direction: Direction = "up", at: str = "beginning", **facts: object) -> Trial:
    lanes: dict[Direction, Lane] = {
        "up": Lane("ordered", (shop.new, shop.letters)),
        "down": Lane("ordered", (shop.old, shop.letters)),
    }
    fingerprint = load_project(shop.root).fingerprint(shop.migration)
    of = replace(plan(shop.old, shop.new), migration=shop.migration, fingerprint=fingerprint)
    topic = shop.old if direction == "up" else shop.new
    effect = CommitStart(direction, topic, "T" if at == "T" else "beginning")
    return Trial(
        lambda between: Starts(shop.cluster, lanes, between),
        effect,
        context(of, **facts),
        lambda: committed_offsets(shop, direction),
    ).begun()


def carried(shop: Shop) -> int:
    """How many records a worker has carried, proven right, once it came to the end."""
    run_until_now(shop)
    return verified(shop).read


def test_a_worker_begins_from_them_and_carries_everything(shop: Shop) -> None:
    start(shop).done()
    assert carried(shop) == EVENTS


def test_they_are_what_a_workers_own_first_start_commits(shop: Shop) -> None:
    plan = assemble(Options(shop.root, None, shop.migration, "up", shop.kafka))
    assert plan.group == group_of(shop.migration, "up")
    ensure_start(plan, shop.cluster, recover=False)
    wanted = shop.cluster.committed(plan.group, shop.old, range(shop.partitions))
    groups.delete(shop.kafka, plan.group)
    start(shop).done()
    assert shop.cluster.committed(plan.group, shop.old, range(shop.partitions)) == wanted
    assert ensure_start(plan, shop.cluster, recover=False) == {n: offset for n, (offset, _) in wanted.items()}


def test_history_apart_begins_at_the_end_with_history_to_go(shop: Shop) -> None:
    lanes: dict[Direction, Lane] = {"up": Lane("segregated", (shop.new, shop.letters))}
    replace(start(shop), making=lambda between: Starts(shop.cluster, lanes, between)).done()
    ends = shop.cluster.end_offsets(shop.old, range(shop.partitions))
    for partition, (offset, said) in shop.cluster.committed(
        group_of(shop.migration, "up"), shop.old, range(shop.partitions)
    ).items():
        split = checkpoint.parse(offset, said).split
        assert split is not None
        assert (split.mode, offset, split.at, split.past) == ("segregated", ends[partition], ends[partition], 0)


def test_checkpoints_that_are_there_stay_and_only_others_are_made(shop: Shop) -> None:
    group = group_of(shop.migration, "up")
    shop.cluster.commit(group, shop.old, {0: (17, "somebody's")})
    done = start(shop).done()
    assert done.context.evidence == {"committed": {"1": 0}}
    assert shop.cluster.committed(group, shop.old, [0]) == {0: (17, "somebody's")}
    assert done.revert().evidence == {"left": []}
    assert shop.cluster.committed(group, shop.old, range(shop.partitions)) == {0: (17, "somebody's")}


def test_checkpoints_that_a_worker_has_moved_on_are_not_set_back(shop: Shop) -> None:
    group = group_of(shop.migration, "up")
    shop.cluster.commit(group, shop.old, {0: (17, "somebody's")})
    done = start(shop).done()
    shop.cluster.commit(group, shop.old, {0: (20, "a worker's")})
    assert done.revert().evidence == {"left": [1]}
    assert committed_offsets(shop) == {0: 20, 1: 0}


def test_a_picture_without_offsets_leaves_ours_beside_the_others(shop: Shop) -> None:
    """As an earlier instar took it, before an update in the middle of a rollout."""
    shop.cluster.commit(group_of(shop.migration, "up"), shop.old, {0: (17, "somebody's")})
    done = start(shop).done()
    old = replace(done, context=replace(done.context, before={"partitions": [0]}))
    assert old.revert().evidence == {"left": [1]}
    assert committed_offsets(shop) == {0: 17, 1: 0}


def test_where_records_are_published_and_the_checkpoint_is_lost_nothing_is_begun(shop: Shop) -> None:
    start(shop).done()
    assert carried(shop) == EVENTS
    groups.delete(shop.kafka, group_of(shop.migration, "up"))
    outcome = start(shop).run()
    assert outcome.kind == "failed"
    assert "published already" in outcome.message
    assert "--recover-checkpoint" in outcome.remedy
    assert committed_offsets(shop) == {}


def test_where_the_source_was_made_again_nothing_is_begun(shop: Shop) -> None:
    start(shop).done()
    assert carried(shop) == EVENTS
    shop.cluster.delete(shop.old)
    shop.cluster.create(shop.old, shop.partitions, {"retention.ms": "-1"})
    until("the group's offsets went with the topic", lambda: committed_offsets(shop) == {})
    outcome = start(shop).run()
    assert outcome.kind == "failed"
    assert "deleted and made again" in outcome.message


def test_at_the_switch_only_what_is_past_t_counts_as_repeated(shop: Shop) -> None:
    """What the way back carried in an earlier epoch lies below T and, in the old topic, below B."""
    ends = shop.cluster.end_offsets(shop.old, range(shop.partitions))
    write_copy(shop, source_offset=40)
    after = shop.cluster.end_offsets(shop.old, range(shop.partitions))
    assert start(shop, "down", "T", offsets={"T": {0: 50, 1: 50}, "B": ends}).run().kind == "done"
    groups.delete(shop.kafka, group_of(shop.migration, "down"))
    assert start(shop, "down", "T", offsets={"T": {0: 40, 1: 40}, "B": ends}).run().kind == "failed"
    assert start(shop, "down", "T", offsets={"T": {0: 40, 1: 40}, "B": after}).run().kind == "done"
    assert committed_offsets(shop, "down") == {0: 40, 1: 40}


def write_copy(shop: Shop, source_offset: int) -> None:
    """As the way back writes a record of partition 0."""
    stamp = Stamp(shop.migration, "down", shop.cluster.topic(shop.new).id, 0)
    producer = Producer(shop.kafka)
    header = stamp.header(source_offset, 0, 1, b"k", b"v")
    producer.produce(shop.old, b"v", b"k", partition=0, headers=[header])
    assert producer.flush(60) == 0


def test_a_partition_without_a_recorded_end_is_named(shop: Shop) -> None:
    outcome = start(shop, "down", "T", offsets={"T": {0: 3}, "B": {}}).run()
    assert outcome.kind == "failed"
    assert "partition 1" in outcome.message
    assert committed_offsets(shop, "down") == {}


def test_a_group_with_members_is_neither_begun_nor_ended(shop: Shop) -> None:
    quick = {**shop.kafka, "session.timeout.ms": 1_000, "heartbeat.interval.ms": 300}
    group = group_of(shop.migration, "up")
    consumer = Consumer({**quick, "group.id": group, "enable.auto.commit": False, "max.poll.interval.ms": 300_000})
    consumer.subscribe([shop.old])
    try:
        until("it is a member", lambda: (consumer.poll(0.1), groups.members(shop.kafka, group))[1])
        impatient = replace(
            start(shop), making=lambda between: Starts(Cluster(quick), {"up": Lane("ordered", (shop.new,))}, between)
        )
        with pytest.raises(Refused, match="has members"):
            impatient.run()
        with pytest.raises(Refused, match="has 1 member"):
            impatient.revert()
    finally:
        consumer.close()
    assert committed_offsets(shop) == {}
