"""The modes that read history apart, on a real Kafka: killed in the middle, and the end is what order would leave."""

import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.keyed import decoded, reference, state
from tests.support.projects import Event, Shop, body, event, produce, rewrite_settings, write_shop
from tests.support.workers import caught_up, counts_of, records_of, run_until_now, run_worker, verified, worker

from instar.core import checkpoint, provenance
from instar.core.record import Record
from instar.processor.assemble import Options, assemble
from instar.processor.prepare import ensure_start
from instar.processor.worker import Worker
from realkafka.pytest_plugin import Kafka

SHORT_SESSION = {"session.timeout.ms": 2_000, "heartbeat.interval.ms": 300}
COMPACTED = {"cleanup.policy": "compact"}
KEYS = 60
HISTORY = 1_500
LIVE = 700
KILLS = ("produced=kill@3", "offsets-sent=kill@3")
MakeShop = Callable[..., Shop]


@pytest.fixture
def make_shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> MakeShop:
    def make(mode: str, **options: Any) -> Shop:
        settings = {"mode": f'"{mode}"', "on_error": '"dead-letter"', **options.pop("settings", {})}
        topics = options.pop("topics", {"old": COMPACTED})
        kafka_settings = {**kafka.client_config(), **SHORT_SESSION}
        return write_shop(tmp_path, topic_name("modes"), kafka_settings, topics=topics, **settings, **options)

    return make


def facts(start: int, count: int, partitions: int) -> Iterable[Event]:
    """Values, tombstones and parcels that no hop takes. Half of the keys have no value after the first history."""
    for number in range(start, start + count):
        key_number = number % KEYS
        if start > 0 and key_number >= KEYS // 2:
            key_number -= KEYS // 2
        changed: dict[str, Any] = {"key": f"key-{key_number}".encode()}
        version = number % 3 + 1
        match number % 31:
            case 7:
                changed["value"] = None
            case 11:
                version, changed["body"] = 1, body(number, 1, "nobody")
        yield event(number, version, key_number % partitions, **changed)


def splits(shop: Shop) -> dict[int, checkpoint.Split]:
    found = shop.cluster.committed(shop.group(), shop.old, range(shop.partitions))
    points = {number: checkpoint.parse(offset, said) for number, (offset, said) in found.items()}
    return {number: point.split for number, point in points.items() if point.split is not None}


def carry_with_kills(shop: Shop, failpoints: Iterable[str]) -> int:
    """History first, then more and more that is live, each time to a worker that dies; how many records in all."""
    produced = produce(shop.kafka, shop.old, facts(0, HISTORY, shop.partitions))
    for failpoint in failpoints:
        with worker(shop, "--create", failpoint=failpoint) as process:
            assert process.ended().code == -signal.SIGKILL, process.stderr
        produced += produce(shop.kafka, shop.old, facts(produced, LIVE, shop.partitions))
    run_until_now(shop)
    assert caught_up(shop)
    assert all(not one.behind for one in splits(shop).values())
    return produced


def test_live_first_leaves_what_order_leaves_though_it_is_killed(make_shop: MakeShop) -> None:
    shop = make_shop("live-first")
    produced = carry_with_kills(shop, KILLS)
    published = records_of(shop, shop.new)
    assert decoded(state(published)) == reference(records_of(shop, shop.old))
    counts = counts_of(shop)
    assert (counts.read, counts.balanced) == (produced, True)
    assert counts.overtaken > 0
    assert counts.dead_lettered > 0
    # It was live first: something of what came later stands before something of history.
    first_live = {one: split.at for one, split in splits(shop).items()}
    offsets = [(one.partition, source_offset(one)) for one in published]
    for partition, at in first_live.items():
        order = [offset >= at for number, offset in offsets if number == partition]
        assert order.index(True) < len(order) - 1 - order[::-1].index(False)
    assert verified(shop, counts=False).read == produced


def test_segregated_keeps_history_and_what_came_since_apart_though_it_is_killed(make_shop: MakeShop) -> None:
    shop = make_shop("segregated", topics={"old": {}})
    produced = carry_with_kills(shop, KILLS)
    first_live = {one: split.at for one, split in splits(shop).items()}
    parts = {"live": records_of(shop, shop.new), "history": records_of(shop, f"{shop.new}.history")}
    sources = records_of(shop, shop.old)
    for part, records in parts.items():
        for partition in range(shop.partitions):
            found = [source_offset(one) for one in records if one.partition == partition]
            assert found == sorted(found)
            assert all((offset >= first_live[partition]) == (part == "live") for offset in found)
            wanted = [
                one.offset
                for one in sources
                if one.partition == partition
                and (one.offset >= first_live[partition]) == (part == "live")
                and b"nobody" not in (one.value or b"")
            ]
            assert found == wanted
    counts = counts_of(shop)
    assert (counts.read, counts.balanced, counts.overtaken) == (produced, True, 0)
    assert verified(shop, counts=False).read == produced


def test_live_waits_for_history_when_its_keys_take_the_memory_that_they_may(make_shop: MakeShop) -> None:
    shop = make_shop("live-first")
    produced = produce(shop.kafka, shop.old, facts(0, 600, shop.partitions))
    options = Options(shop.root, None, shop.migration, "up", shop.kafka, create=True)
    plan = assemble(options)
    plan = replace(plan, limits=replace(plan.limits, keys_bytes=1))
    ensure_start(plan, shop.cluster, recover=False)
    produced += produce(shop.kafka, shop.old, facts(produced, 600, shop.partitions))
    plan = replace(plan, bounds=shop.cluster.end_offsets(shop.old, range(shop.partitions)))
    Worker(plan, "full-0", stop=threading.Event()).run()
    assert decoded(state(records_of(shop, shop.new))) == reference(records_of(shop, shop.old))
    counts = counts_of(shop)
    assert (counts.read, counts.balanced) == (produced, True)
    # One batch of live was read before its keys were known to be too many; the rest came behind history.
    at = {partition: split.at for partition, split in splits(shop).items()}
    written = records_of(shop, shop.new)
    last_history = {one.partition: place for place, one in enumerate(written) if source_offset(one) < at[one.partition]}
    behind = [one for place, one in enumerate(written) if place > last_history[one.partition]]
    assert len(behind) > 100


# ------------------------------------------------------------------ refusals


def test_live_first_on_a_topic_that_is_not_compacted_is_refused(make_shop: MakeShop) -> None:
    shop = make_shop("live-first", topics={"old": {}})
    ended = run_worker(shop, "--create", expect=4)
    assert f"{shop.old} has cleanup.policy = delete" in ended.stderr
    assert shop.cluster.find(shop.new) is None


def test_two_groups_of_producers_of_compacted_topics_are_refused(make_shop: MakeShop) -> None:
    shop = make_shop("ordered", settings={"producers": '"both"'})
    ended = run_worker(shop, "--create", expect=4)
    assert 'producers = "both"' in ended.stderr


def test_a_migration_does_not_go_on_in_another_mode(make_shop: MakeShop) -> None:
    shop = make_shop("live-first")
    produce(shop.kafka, shop.old, facts(0, 100, shop.partitions))
    run_until_now(shop)
    rewrite_settings(shop, mode='"ordered"')
    ended = run_worker(shop, "--until", "now", expect=4)
    assert "was begun in mode live-first" in ended.stderr


def source_offset(record: Record) -> int:
    found = provenance.of(record.headers, record.key, record.value)
    assert found is not None
    return found.offset
