import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from tests.support.command import Ran, instar
from tests.support.folders import write_files
from tests.support.sales import body, produce
from tests.support.shop import BECOMES_TWO, ENDS, FAILS, FILES, at_v3, sale

from instar.core.dead_letter import dead_letter
from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.kafka.built_in import BuiltInBroker


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("shop"), FILES)


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    with BuiltInBroker() as broker:
        kafka = {"bootstrap.servers": broker.bootstrap}
        for number in range(15):
            produce(kafka, "sales", body(sale(number + 100)), key=f"k{number}".encode())
        for number in (FAILS, ENDS, BECOMES_TWO):
            produce(kafka, "sales", body(sale(number)), partition=1)
        produce(kafka, "sales", None, key=b"gone", partition=2)
        produce(kafka, "sales", b"\xff", key=b"\xff\x00", partition=2)
        produce(kafka, "sales", body(sale(1)), partition=2, version="v9")
        produce(kafka, "sales.v3", body(at_v3(sale(1)), 3), version="v3")
        yield broker.bootstrap


def tail(root: Path, bootstrap: str, *arguments: object) -> Ran:
    return instar("tail", *arguments, "--bootstrap", bootstrap, at=root)


def rows(root: Path, bootstrap: str, *arguments: object) -> list[Any]:
    ran = tail(root, bootstrap, *arguments, "-o", "ndjson")
    assert ran.code == 0, ran.err
    return ran.lines


def test_the_last_ten_of_each_partition_are_shown_in_order_and_masked(shop: Path, bootstrap: str) -> None:
    found = [row for row in rows(shop, bootstrap, "sales") if row["partition"] == 0]
    assert [row["offset"] for row in found] == list(range(5, 15))
    assert found[0]["value"] == {"id": 105, "buyer": "***", "cents": 10550, "note": None}
    assert (found[0]["key"], found[0]["version"], found[0]["timestamp_ms"]) == ("k5", "v1", 1_700_000_000_123)
    assert "Ada" not in tail(shop, bootstrap, "sales").out


def test_records_are_shown_at_the_version_asked_for(shop: Path, bootstrap: str) -> None:
    found = rows(shop, bootstrap, "sales", "--version", "v3", "--key", "k7")
    (row,) = found
    assert row["value"] == {"id": 107, "buyer": "***", "price": "107.50", "note": None, "channel": "WEB"}
    assert (row["version"], row["shown_version"]) == ("v1", "v3")


def test_rejected_ended_and_multiplied_events_are_shown_as_such(shop: Path, bootstrap: str) -> None:
    found = [row for row in rows(shop, bootstrap, "sales", "--version", "v3") if row["partition"] == 1]
    failed, ended, first, second = found
    assert failed["rejected"]["code"] == "hop-raised"
    assert failed["rejected"]["hop"] == "v1_to_v2"
    assert "Ada" not in failed["rejected"]["message"]
    assert (ended["value"], ended["note"]) == (None, "the event ends on the way")
    assert (first["offset"], first["note"], second["note"]) == (second["offset"], "1 of 2", "2 of 2")


def test_what_cannot_be_read_is_shown_with_the_reason(shop: Path, bootstrap: str) -> None:
    tombstone, broken, unknown = [row for row in rows(shop, bootstrap, "sales") if row["partition"] == 2]
    assert (tombstone["tombstone"], tombstone["rejected"]) == (True, None)
    assert broken["key"] == "0xff00"
    assert broken["rejected"]["code"] == "truncated"
    assert unknown["rejected"]["code"] == "unknown-version"


def test_from_chooses_where_to_begin(shop: Path, bootstrap: str) -> None:
    def offsets(start: str) -> list[int]:
        return [row["offset"] for row in rows(shop, bootstrap, "sales", "--from", start) if row["partition"] == 0]

    assert offsets("beginning") == list(range(15))
    assert offsets("12") == [12, 13, 14]
    assert offsets("-2") == [13, 14]
    assert offsets("99") == []


def test_json_is_one_array(shop: Path, bootstrap: str) -> None:
    assert len(tail(shop, bootstrap, "sales.v3", "-o", "json").json) == 1


def test_a_key_of_bytes_is_given_in_hexadecimal(shop: Path, bootstrap: str) -> None:
    assert [row["offset"] for row in rows(shop, bootstrap, "sales", "--key", "0xff00")] == [1]


def test_a_topic_without_a_migration_is_read_as_the_command_says(shop: Path, bootstrap: str) -> None:
    produce({"bootstrap.servers": bootstrap}, "other", body(sale(3)), version=None)
    refused = tail(shop, bootstrap, "other")
    assert refused.code == 2
    assert "--framing" in refused.err
    (row,) = rows(shop, bootstrap, "other", "--framing", "none:v1", "--subject", "sales", "--version", "v2")
    assert row["value"]["price"] == "3.50"


def test_a_dead_letter_says_why_it_is_one(shop: Path, bootstrap: str) -> None:
    kafka = {"bootstrap.servers": bootstrap}
    source = Record("sales", 1, 0, b"k", body(sale(FAILS)), (("instar-version", b"v1"),), 5)
    letter = dead_letter(source, bytes(16), Rejected("hop-raised", "it raised", "sales", "v1_to_v2"), "sales-v3", "up")
    headers = [(name, content or b"") for name, content in letter.headers]
    produce(kafka, "sales.v3.dlq", letter.value, version=None, headers=headers)
    (row,) = rows(shop, bootstrap, "sales.v3.dlq")
    assert row["dead_letter"]["code"] == "hop-raised"
    assert (row["version"], row["value"]["id"]) == ("v1", FAILS)
    assert "dead letter: hop-raised in v1_to_v2: it raised" in tail(shop, bootstrap, "sales.v3.dlq").out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("sales", "--from", "x"), 2, "neither an offset nor `beginning`"),
        (("sales", "--key", "0xf"), 2, "not hexadecimal"),
        (("sales", "--version", "3"), 2, "versions are written like v3"),
        (("sales", "--follow", "-o", "json"), 2, "-o ndjson"),
        (("sale", "--framing", "none:v1"), 1, "did you mean `sales`?"),
        (("sales", "--framing", "nome"), 2, "did you mean none?"),
        (("sales", "--framing", "none"), 2, "none:v1"),
        (("sales", "--framing", "payload-field"), 2, "payload-field:NAME"),
        (("sales", "--framing", "registry-prefix:x"), 2, "takes no name"),
        (("sales", "--migration", "sales-v4"), 2, "did you mean `sales-v3`?"),
    ],
)
def test_wrong_questions_are_answered(
    shop: Path, bootstrap: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = tail(shop, bootstrap, *arguments)
    assert ran.code == code
    assert said in ran.err


def test_no_kafka_exits_5(shop: Path) -> None:
    ran = instar("tail", "sales", at=shop)
    assert ran.code == 5
    assert "no broker answered (127.0.0.1:1)" in ran.err


@pytest.mark.kafka
def test_uncommitted_records_are_neither_shown_nor_waited_for(
    shop: Path, kafka: Any, new_topic: Callable[..., str], topic_name: Callable[[str], str]
) -> None:
    topic = new_topic("sales", partitions=1)
    config = kafka.client_config()
    produce(config, topic, body(sale(1)))
    producer = Producer({**config, "transactional.id": topic_name("tail")})
    producer.init_transactions()
    for number, end in ((2, producer.abort_transaction), (3, producer.commit_transaction), (4, None)):
        producer.begin_transaction()
        producer.produce(topic, body(sale(number)), headers=[("instar-version", b"v1")])
        producer.flush()
        if end is not None:
            end()
    arguments = ("tail", topic, "--framing", "version-header", "--subject", "sales", "--bootstrap", kafka.bootstrap)
    ran = instar(*arguments, "-o", "json", at=shop)
    assert [row["value"]["id"] for row in json.loads(ran.out)] == [1, 3]
    standing = {}
    for offset in (0, 1, 3, 5):
        shown = instar("record", "show", topic, 0, offset, *arguments[2:], "-o", "json", at=shop).json
        standing[shown["stages"][0]["records"][0]["value"]["id"]] = shown["standing"].split(":")[0].split(" ")[0]
    producer.abort_transaction()
    assert standing == {1: "committed", 2: "aborted", 3: "committed", 4: "in"}
    marker = instar("record", "show", topic, 0, 2, *arguments[2:], at=shop)
    assert marker.code == 1
    assert "transaction's marker" in marker.err
