"""Out of a real Kafka and back: byte for byte, exactly once, whatever is killed on the way."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from tests.support.command import Ran, instar
from tests.support.command_process import CommandProcess
from tests.support.independent_reader import Seen, read_topic
from tests.support.projects import FIRST_MS, QUICK_SESSION, Shop, write_shop
from tests.support.workers import until

from instar.archives.topic_check import check_archive
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.preservation.export_topic import Stopped, export_topic
from instar.preservation.offsets_map import OffsetsMap
from realkafka.broker import KafkaServer
from realkafka.pytest_plugin import Kafka

PARTITIONS = 3


@pytest.fixture
def shop(kafka: Kafka, tmp_path: Path, topic_name: Callable[[str], str]) -> Shop:
    """Any project: what is needed of it is where Kafka is. Its old topic is empty."""
    settings = {**kafka.client_config(), **QUICK_SESSION}
    return write_shop(tmp_path / "shop", topic_name("kept"), settings, partitions=PARTITIONS)


def topic(shop: Shop, verb: str, *arguments: object) -> Ran:
    return instar("topic", verb, *arguments, "-o", "json", at=shop.root)


def drop(shop: Shop, name: str) -> None:
    admin = AdminClient(dict(shop.kafka))  # held: its requests end with it
    admin.delete_topics([name])[name].result(20)
    until("the topic is gone", lambda: shop.cluster.find(name) is None)


def transactions(shop: Shop, events: Iterator[Mapping[str, Any]], *, sizes: int, seed: int) -> None:
    """In transactions of up to ``sizes`` records, of which one in three is aborted and written again."""
    chance = random.Random(seed)
    producer = Producer({**shop.kafka, "transactional.id": f"{shop.old}-{seed}", "transaction.timeout.ms": 20_000})
    producer.init_transactions(30)
    batch: list[Mapping[str, Any]] = []
    for event in events:
        batch.append(event)
        if len(batch) < chance.randint(1, sizes):
            continue
        for aborts in [True, False] if chance.random() < 0.33 else [False]:
            producer.begin_transaction()
            for each in batch:
                producer.produce(shop.old, **each)
            producer.flush(30)
            (producer.abort_transaction if aborts else producer.commit_transaction)(30)
        batch = []
    assert not batch or producer.begin_transaction() is None
    for each in batch:
        producer.produce(shop.old, **each)
    if batch:
        producer.commit_transaction(30)


def odd_events(count: int, *, keys: bool = True) -> Iterator[Mapping[str, Any]]:
    """Everything that a record may look like."""
    chance = random.Random(7)
    for number in range(count):
        headers: list[tuple[str, bytes | None]] = [
            ("trace", b"%d" % number),
            ("twice", b"a"),
            ("twice", None),
            ("", b""),
            ("Ärger", chance.randbytes(3)),
        ]
        key = chance.choice([None, b"", b"k%d" % (number % 9)] if not keys else [b"", b"k%d" % (number % 9)])
        yield {
            "partition": number % PARTITIONS,
            "key": key,
            "value": chance.choice([None, b"", chance.randbytes(40), b"%d" % number]),
            "headers": headers[: chance.randint(0, 5)],
            "timestamp": FIRST_MS + chance.randint(0, 10_000),
        }


def contents(found: Mapping[int, list[Seen]]) -> dict[int, list[tuple[Any, ...]]]:
    return {partition: [seen.content for seen in records] for partition, records in found.items()}


def check_map(shop: Shop, path: Path, before: Mapping[int, list[Seen]], after: Mapping[int, list[Seen]]) -> None:
    """Any position in the old topic goes on at the record that it would have read next."""
    found = OffsetsMap.read(path)
    ends = shop.cluster.end_offsets(shop.old, range(PARTITIONS))
    for partition, old in before.items():
        new = after[partition]
        for position in range(old[-1].offset + 2):
            unread = sum(1 for seen in old if seen.offset < position)
            expected = new[unread].offset if unread < len(new) else ends[partition]
            assert found.translate(partition, position) == expected


def test_export_delete_import_killed_on_the_way_is_the_same_byte_for_byte_and_offsets_are_explained(
    shop: Shop, tmp_path: Path
) -> None:
    transactions(shop, odd_events(600, keys=False), sizes=60, seed=1)
    before = read_topic(shop.kafka, shop.old, PARTITIONS)
    ends = shop.cluster.end_offsets(shop.old, range(PARTITIONS))
    assert sum(map(len, before.values())) == 600
    assert sum(ends.values()) > 750  # markers and aborted records lie between
    exported = topic(shop, "export", shop.old, tmp_path / "a")
    assert exported.code == 0, exported.err
    assert exported.json["records"] == 600
    assert {int(name): one["bound"] for name, one in exported.json["partitions"].items()} == ends
    assert topic(shop, "check", tmp_path / "a").json["digest"] == exported.json["digest"]

    busy = topic(shop, "import", tmp_path / "a", shop.old)
    assert busy.code == 4
    assert "holds records" in busy.err
    settings = shop.cluster.topic(shop.old).settings
    drop(shop, shop.old)
    planned = topic(shop, "import", tmp_path / "a", shop.old)
    assert planned.code == 0
    assert planned.json["settings"]["retention.ms"] == "-1"
    assert shop.cluster.find(shop.old) is None  # nothing was done

    imported = import_killed_three_times(shop, tmp_path / "a")
    after = read_topic(shop.kafka, shop.old, PARTITIONS)
    assert contents(after) == contents(before)
    check_map(shop, Path(imported["offsets_map"]), before, after)
    made = shop.cluster.topic(shop.old).settings
    assert {name: made[name] for name in planned.json["settings"]} == planned.json["settings"]
    assert made["cleanup.policy"] == settings["cleanup.policy"]

    again = topic(shop, "import", tmp_path / "a", shop.old, "--execute")
    assert (again.code, again.json["written"], again.json["offsets_map"]) == (0, 0, None)
    assert read_topic(shop.kafka, shop.old, PARTITIONS) == after
    other = topic(shop, "export", shop.old, tmp_path / "b", "--until", "0:5")
    assert other.code == 0, other.err
    refused = topic(shop, "import", tmp_path / "b", shop.old, "--execute")
    assert refused.code == 4
    assert "Another archive" in refused.err


def import_killed_three_times(shop: Shop, folder: Path) -> Any:
    """What the last call said, which also lost two of Kafka's answers."""
    arguments = ("topic", "import", str(folder), shop.old, "--execute", "-o", "json")
    for failpoint in ("flushed=kill@2", "during-commit=kill@2", "after-commit=kill@2"):
        process = CommandProcess(shop, arguments, failpoint)
        try:
            process.ended()
            assert process.hits, (failpoint, process.stderr)
        finally:
            process.kill()
    ended = CommandProcess(shop, arguments, "before-commit=raise@1;during-commit=raise@2").ended()
    assert ended.code == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert said["recoveries"] == 2
    assert 0 < said["written"] < said["records"]
    return said


def test_a_compacted_topic_comes_back_with_its_gaps_closed(
    own_kafka: Callable[..., KafkaServer], tmp_path: Path
) -> None:
    broker = own_kafka(extra={"log.cleaner.backoff.ms": "200"})
    settings = {
        "cleanup.policy": "compact",
        "segment.ms": "50",
        "min.cleanable.dirty.ratio": "0.01",
        "max.compaction.lag.ms": "1000",
        "delete.retention.ms": str(3600 * 1000),
    }
    kafka = {**broker.client_config(), **QUICK_SESSION}
    shop = write_shop(tmp_path / "shop", "kept", kafka, partitions=PARTITIONS, topics={"old": settings})
    transactions(shop, odd_events(300), sizes=20, seed=2)

    def thinned() -> dict[int, list[Seen]] | None:
        """Once the cleaner is done and the number of records stays."""
        looks = [read_topic(shop.kafka, shop.old, PARTITIONS) for _ in range(4)]
        return looks[-1] if all(look == looks[0] for look in looks) and _count(looks[0]) < 240 else None

    before: dict[int, list[Seen]] = until("the cleaner is done", thinned)
    assert any(seen.value is None for records in before.values() for seen in records)
    exported = topic(shop, "export", shop.old, tmp_path / "a", "--compress", "zstd")
    assert exported.json["records"] == _count(before)
    drop(shop, shop.old)
    # Read before the cleaner comes again: it runs every 200 ms, and is held until everything is read back.
    arguments = ("topic", "import", str(tmp_path / "a"), shop.old, "--execute", "-o", "json")
    process = CommandProcess(shop, arguments, failpoint="after-commit=pause@5")
    try:
        process.wait_stopped()
        held = shop.cluster.topic(shop.old).settings
        assert held["min.compaction.lag.ms"] == held["max.compaction.lag.ms"] == str(2**63 - 1)
    finally:
        process.kill()
    imported = topic(shop, "import", tmp_path / "a", shop.old, "--execute")
    assert imported.code == 0, imported.err
    found = OffsetsMap.read(Path(imported.json["offsets_map"]))
    after = read_topic(shop.kafka, shop.old, PARTITIONS)
    old = {found.translate(partition, seen.offset): seen for partition in before for seen in before[partition]}
    assert len(old) > 0
    for partition, records in before.items():
        there = {seen.offset: seen.content for seen in after[partition]}
        # What compaction may have taken since is only what a later record of the same key replaces.
        for place, seen in enumerate(records):
            new = found.translate(partition, seen.offset)
            if new in there:
                assert there[new] == seen.content
            else:
                assert any(later.key == seen.key for later in records[place + 1 :])
    assert shop.cluster.topic(shop.old).settings["max.compaction.lag.ms"] == "1000"


def _count(found: Mapping[int, list[Seen]]) -> int:
    return sum(map(len, found.values()))


def large(count: int, size: int) -> Iterator[Mapping[str, Any]]:
    chance = random.Random(3)
    for number in range(count):
        yield {
            "partition": number % PARTITIONS,
            "key": b"%d" % number,
            "value": chance.randbytes(size),
            "timestamp": FIRST_MS,
        }


def test_an_export_that_is_killed_is_finished_and_what_was_finished_is_kept(shop: Shop, tmp_path: Path) -> None:
    transactions(shop, large(2_400, 10_000), sizes=80, seed=3)
    folder = tmp_path / "a"
    arguments = ("topic", "export", shop.old, str(folder), "--segment-mb", "1", "-o", "json")
    process = CommandProcess(shop, arguments)
    try:
        until("some segments are finished", lambda: len(list(folder.glob("*/0*.segment"))) >= 3)
    finally:
        process.kill()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*/0*.segment")}
    assert not (folder / "manifest.json").exists()
    unfinished = topic(shop, "check", folder)
    assert unfinished.code == 1
    assert "not finished" in unfinished.err
    # What is written meanwhile is not in it: the bounds are those that it began with.
    transactions(shop, large(30, 10), sizes=10, seed=4)
    other = topic(shop, "export", shop.old, folder, "--segment-mb", "1", "--partitions", "0")
    assert other.code == 4
    assert "was begun" in other.err
    finished = topic(shop, "export", shop.old, folder, "--segment-mb", "1")
    assert finished.code == 0, finished.err
    assert finished.json["records"] == 2_400
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert not list(folder.rglob("*.part"))
    bounds = ",".join(f"{number}:{one['bound']}" for number, one in finished.json["partitions"].items())
    whole = topic(shop, "export", shop.old, tmp_path / "b", "--until", bounds)
    assert whole.json["digest"] == finished.json["digest"]
    assert check_archive(folder).manifest.digest == finished.json["digest"]
    again = topic(shop, "export", shop.old, folder, "--segment-mb", "1")
    assert again.code == 1
    assert "whole archive" in again.err


def test_a_stranger_in_the_topic_is_named(shop: Shop, tmp_path: Path) -> None:
    transactions(shop, odd_events(90, keys=False), sizes=30, seed=6)
    assert topic(shop, "export", shop.old, tmp_path / "a").code == 0
    drop(shop, shop.old)
    arguments = ("topic", "import", str(tmp_path / "a"), shop.old, "--execute")
    process = CommandProcess(shop, arguments, "after-commit=kill@2")
    process.ended()
    producer = Producer(dict(shop.kafka))
    producer.produce(shop.old, b"rogue", partition=1)
    producer.flush(20)
    found = topic(shop, "import", tmp_path / "a", shop.old, "--execute")
    assert found.code == 1
    assert "partition 1" in found.err
    assert "somebody else writes this topic" in found.err
    # Its offsets gone, as Kafka forgets them in time, it is not begun again over what is there.
    group = f"instar.import.{shop.old}"
    admin = AdminClient(dict(shop.kafka))  # held: its requests end with it
    admin.delete_consumer_groups([group])[group].result(20)
    refused = topic(shop, "import", tmp_path / "a", shop.old, "--execute")
    assert refused.code == 4
    assert "holds records" in refused.err


def test_a_topic_that_was_made_again_is_not_the_one_that_the_export_began_with(shop: Shop, tmp_path: Path) -> None:
    transactions(shop, odd_events(6_100), sizes=3_000, seed=8)
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        export_topic(shop.cluster, shop.old, tmp_path / "a", stop=stop)
    drop(shop, shop.old)
    Cluster(shop.kafka).create(shop.old, PARTITIONS, {"retention.ms": "-1"})
    with pytest.raises(Refused, match="topic id"):
        export_topic(shop.cluster, shop.old, tmp_path / "a")


def test_a_part_of_a_topic_is_exported_between_offsets(shop: Shop, tmp_path: Path) -> None:
    transactions(shop, odd_events(120, keys=False), sizes=5, seed=9)
    before = read_topic(shop.kafka, shop.old, PARTITIONS)
    start, bound = before[2][5].offset, before[2][30].offset
    ran = topic(
        shop, "export", shop.old, tmp_path / "a", "--partitions", "2", "--from", f"2:{start}", "--until", f"2:{bound}"
    )
    assert ran.code == 0, ran.err
    assert ran.json["records"] == 25
    assert ran.json["partitions"]["2"]["start"] == start
    assert list(ran.json["partitions"]) == ["2"]
    other = f"{shop.old}.part"
    done = topic(shop, "import", tmp_path / "a", other, "--execute")
    assert done.code == 0, done.err
    assert contents(read_topic(shop.kafka, other, PARTITIONS)) == {
        0: [],
        1: [],
        2: [seen.content for seen in before[2][5:30]],
    }
    not_empty = topic(shop, "export", shop.old, shop.root)
    assert not_empty.code == 1
    assert "not empty" in not_empty.err
