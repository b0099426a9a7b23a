"""``instar backfill M --range ... --into ...`` on a real Kafka: exactly those records, by today's chain, once."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from tests.support.command import Ran, instar
from tests.support.command_process import CommandProcess
from tests.support.projects import QUICK_SESSION, Shop, parcels, produce, write_shop
from tests.support.workers import committed_offsets, records_of, run_until_now

from instar.core import dead_letter, provenance
from instar.core.record import Record
from realkafka.pytest_plugin import Kafka

EVENTS = 1_200
FIRST, LAST = 100, 499  # of each partition


@pytest.fixture(scope="module")
def shop(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Everything is carried already. Each test has ranges and topics of its own."""
    name = f"range-{uuid4().hex[:10]}"
    made = write_shop(tmp_path_factory.mktemp("range"), name, {**kafka.client_config(), **QUICK_SESSION})
    produce(made.kafka, made.old, parcels(EVENTS, made.partitions))
    run_until_now(made)
    return made


def arguments(shop: Shop, *more: object, into: str | None = None) -> tuple[str, ...]:
    ranges = ("--range", f"0:{FIRST}-{LAST}", "--range", f"1:{FIRST}-{LAST}")
    return ("backfill", shop.migration, *ranges, "--into", into or into_of(shop), "-o", "json", *map(str, more))


def into_of(shop: Shop) -> str:
    return f"{shop.new}.corrected"


def correct(shop: Shop, *more: object, into: str | None = None) -> Ran:
    return instar(*arguments(shop, *more, into=into), at=shop.root)


def mend(shop: Shop) -> None:
    """The bug: parcels of the web came through no channel WEB, but SITE."""
    hop = shop.root / "upcasters/parcels/v2_to_v3.py"
    hop.write_text(hop.read_text().replace('"WEB"', '"SITE"'))
    replanned = instar(
        "lock", "replan", "parcels", "--execute", "--reason", "parcels of the web came through SITE", at=shop.root
    )
    assert replanned.code == 0, replanned.err


def made_of(record: Record) -> tuple[int, int] | None:
    """Source partition and offset of an output or a dead letter in the range."""
    letter = dead_letter.parse(record.headers)
    if letter is not None:
        place = letter[0].source
        found = place.partition, place.offset
    else:
        named = provenance.of(record.headers, record.key, record.value)
        assert named is not None
        found = named.partition, named.offset
    return found if FIRST <= found[1] <= LAST else None


def expected(shop: Shop) -> Counter[tuple[object, ...]]:
    """What the live topic holds of the range, with what the mended hop does otherwise."""
    live = [record for record in records_of(shop, shop.new) if made_of(record) is not None]
    return Counter(content(record, {"WEB": "SITE"}) for record in live)


def content(record: Record, channels: Mapping[str, str]) -> tuple[object, ...]:
    headers = tuple(header for header in record.headers if header[0] != provenance.HEADER)
    value = None
    if record.value is not None:
        body = json.loads(record.value)
        value = json.dumps({**body, "channel": channels.get(body["channel"], body["channel"])}, sort_keys=True)
    return record.partition, made_of(record), record.key, value, headers, record.timestamp_ms


def check_result(shop: Shop, wanted: Counter[tuple[object, ...]], letters: int) -> None:
    """Exactly those records, each once, in order."""
    into = records_of(shop, into_of(shop))
    assert Counter(content(record, {}) for record in into) == wanted
    assert any('"SITE"' in str(each[3]) for each in wanted)
    for partition in range(shop.partitions):
        offsets = [made_of(record) for record in into if record.partition == partition]
        assert offsets == sorted(offsets, key=lambda place: place or (0, 0))
    assert len(records_of(shop, f"{into_of(shop)}.dlq")) == letters


def letters_of(shop: Shop) -> int:
    return sum(made_of(record) is not None for record in records_of(shop, shop.letters))


def test_a_correction_that_is_killed_is_finished_exactly_once_and_then_refused(shop: Shop) -> None:
    before = committed_offsets(shop), len(records_of(shop, shop.new)), len(records_of(shop, shop.letters))
    wanted, letters = expected(shop), letters_of(shop)
    assert letters > 0
    mend(shop)
    planned = correct(shop, "--create")
    assert planned.code == 0, planned.err
    assert shop.cluster.find(into_of(shop)) is None  # nothing was done
    assert [row["finished"] for row in planned.json] == [False, False]
    for failpoint in ("during-commit=kill@3", "after-commit=kill@2"):
        process = CommandProcess(shop, arguments(shop, "--create", "--execute"), failpoint)
        try:
            process.ended()
            assert process.hits, process.stderr
        finally:
            process.kill()
    process = CommandProcess(shop, arguments(shop, "--execute"), "before-commit=raise@1")
    ended = process.ended()
    assert ended.code == 0, ended.stderr
    assert [(row["finished"], row["read"]) for row in json.loads(ended.stdout)] == [(True, LAST - FIRST + 1)] * 2
    check_result(shop, wanted, letters)
    again = correct(shop, "--execute")
    assert again.code == 4
    assert "is finished" in again.err
    # Under another run id, and when Kafka has forgotten the group, what is there is found.
    other = correct(shop, "--execute", "--run-id", "second")
    assert other.code == 4
    assert "was made of source offset" in other.err
    forget(shop)
    forgotten = correct(shop, "--execute")
    assert forgotten.code == 4
    assert "was made of source offset" in forgotten.err
    check_result(shop, wanted, letters)
    # The migration itself stands where it stood.
    assert (committed_offsets(shop), len(records_of(shop, shop.new)), len(records_of(shop, shop.letters))) == before


def forget(shop: Shop) -> None:
    admin = AdminClient(dict(shop.kafka))
    prefix = f"{shop.group()}.range."
    names = [name for name in shop.cluster.groups() if name.startswith(prefix)]
    assert names
    for future in admin.delete_consumer_groups(names).values():
        future.result(20)


def test_what_a_correction_may_not_do_is_refused_with_the_reason(shop: Shop) -> None:
    for topic, reason in ((shop.new, "is the target"), (shop.old, "is the source"), (shop.letters, "dead-letter")):
        live = correct(shop, "--execute", into=topic)
        assert live.code == 4
        assert reason in live.err
        assert "compare-and-set" in live.err
    beyond = instar("backfill", shop.migration, "--range", f"0:5-{10 * EVENTS}", "--into", into_of(shop), at=shop.root)
    assert beyond.code == 4
    assert "ends at offset" in beyond.err
    nowhere = instar("backfill", shop.migration, "--range", "7:5-6", "--into", into_of(shop), at=shop.root)
    assert nowhere.code == 4
    assert "no partition 7" in nowhere.err
    shop.cluster.create(f"{shop.new}.narrow", 1, {})
    narrow = correct(shop, into=f"{shop.new}.narrow")
    assert narrow.code == 4
    assert "has 1 partitions" in narrow.err
    other = f"{shop.new}.other"
    shop.cluster.create(other, 2, {"retention.ms": "-1"})
    producer = Producer(dict(shop.kafka))
    producer.produce(other, b"theirs", partition=1)
    producer.flush(20)
    theirs = correct(shop, "--create", "--execute", into=other)
    assert theirs.code == 4
    assert "somebody else's" in theirs.err
    place = TopicPartition(shop.old, 0, 6)
    admin = AdminClient(dict(shop.kafka))
    admin.delete_records([place])[place].result(20)
    gone = instar("backfill", shop.migration, "--range", "0:5-9", "--into", f"{other}2", at=shop.root)
    assert gone.code == 4
    assert "Retention has deleted" in gone.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--range", "0:1-2"), "--into"),
        (("--into", "x"), "--range"),
        (("--execute",), "--range"),
        (("--range", "0:1-2", "--into", "x", "--until", "5"), "--until"),
        (("--range", "0:2-1", "--into", "x"), "ends before"),
        (("--range", "0:1-2", "--into", "x", "--direction", "both"), "one direction"),
        (("--range", "0:1-2", "--into", "x", "--run-id", "a b"), "no run id"),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    shop = write_shop(tmp_path, "none", {"bootstrap.servers": "127.0.0.1:1"}, topics={})
    ran = instar("backfill", shop.migration, *more, at=shop.root)
    assert ran.code == 2
    assert said in ran.err
