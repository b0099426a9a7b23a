from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from tests.support.command import Ran, instar
from tests.support.folders import write_files
from tests.support.sales import body, produce
from tests.support.shop import FAILS, FILES, at_v3, sale

from instar.core.dead_letter import dead_letter
from instar.core.provenance import Stamp
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
        produce(kafka, "sales", body(sale(1)), headers=[("traceparent", b"00-ab"), ("raw", b"\xff")])
        produce(kafka, "sales", body(sale(FAILS)))
        produce(kafka, "sales", None)
        produce(kafka, "sales", b"\x02", version="v1")
        value = body(at_v3(sale(1)), 3)
        stamp = Stamp("sales-v3", "up", bytes(range(16)), 7)
        own = stamp.header(41, 1, 3, b"k", value)
        lost = b"\x01" + crc32(value).to_bytes(4, "big") + bytes(4) + b"[]"
        produce(kafka, "sales.v3", value, version="v3", headers=[own, ("instar-lost", lost)])
        foreign = stamp.header(41, 0, 1, b"other", value)
        produce(kafka, "sales.v3", value, version="v3", headers=[foreign, ("instar-lost", b"\x01" + bytes(9))])
        source = Record("sales", 0, 1, b"k", body(sale(FAILS)), (("instar-version", b"v1"),), 5)
        why = Rejected("hop-raised", "it raised", "sales", "v1_to_v2", from_version="v1", to_version="v2")
        letter = dead_letter(source, bytes(16), why, "sales-v3", "up")
        headers = [(name, content or b"") for name, content in letter.headers]
        produce(kafka, "sales.v3.dlq", letter.value, version=None, headers=headers)
        yield broker.bootstrap


def show(root: Path, bootstrap: str, *arguments: object) -> Ran:
    return instar("record", "show", *arguments, "--bootstrap", bootstrap, at=root)


def test_a_record_is_shown_at_every_version_with_what_each_hop_changed(shop: Path, bootstrap: str) -> None:
    ran = show(shop, bootstrap, "sales", 0, 0)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "sales  partition 0  offset 0"
    assert "  key       k" in lines
    assert "  time      2023-11-14T22:13:20.123Z" in lines
    assert "  topic     source of migration sales-v3" in lines
    assert "  header    traceparent: 00-ab" in lines
    assert "  header    raw: 0xff" in lines
    assert [line for line in lines if line in ("v1", "v2", "v3")] == ["v1", "v2", "v3"]
    assert "  + price: 1.50" in lines


def test_sensitive_fields_are_masked_in_records_and_changes(shop: Path, bootstrap: str) -> None:
    for output in ("table", "json"):
        ran = show(shop, bootstrap, "sales", 0, 0, "-o", output)
        assert "Ada" not in ran.out
        assert '"buyer": "***"' in ran.out


def test_a_record_that_is_rejected_on_its_way_exits_3_and_says_where(shop: Path, bootstrap: str) -> None:
    ran = show(shop, bootstrap, "sales", 0, 1)
    assert ran.code == 3
    assert "rejected hop-raised  in v1_to_v2" in ran.out
    assert "unlucky ***" in ran.out
    broken = show(shop, bootstrap, "sales", 0, 3, "-o", "json")
    assert (broken.code, broken.json["rejected"]["code"]) == (3, "truncated")


def test_a_tombstone_is_one(shop: Path, bootstrap: str) -> None:
    ran = show(shop, bootstrap, "sales", 0, 2)
    assert ran.code == 0
    assert "a tombstone (null value)" in ran.out


def test_provenance_and_carried_losses_are_explained(shop: Path, bootstrap: str) -> None:
    own = show(shop, bootstrap, "sales.v3", 0, 0).out
    place = f"written by sales-v3 (up) from partition 7, offset 41 of topic id {bytes(range(16)).hex()}, output 2 of 3"
    assert place + "\n" in own
    assert "of what the way down lost, which the way up restores" in own
    forwarded = show(shop, bootstrap, "sales.v3", 0, 1).out
    assert "of another record: the checksum is not this one's" in forwarded
    assert "of another record: it is ignored" in forwarded


def test_a_dead_letter_is_explained_and_read_as_what_it_was(shop: Path, bootstrap: str) -> None:
    ran = show(shop, bootstrap, "sales.v3.dlq", 0, 0)
    assert "rejected by sales-v3 (up): hop-raised in v1_to_v2, v1 → v2, from sales partition 0, offset 1" in ran.out
    document = show(shop, bootstrap, "sales.v3.dlq", 0, 0, "-o", "json").json
    assert document["dead_letter"]["message"] == "it raised"
    assert document["stages"][0]["records"][0]["value"]["id"] == FAILS


def test_a_version_below_is_refused_by_a_one_way_hop_after_showing_the_record(shop: Path, bootstrap: str) -> None:
    ran = show(shop, bootstrap, "sales.v3", 0, 0, "--to", "v1")
    assert ran.code == 3
    assert "v3" in ran.out.splitlines()
    assert "rejected no-way  in v1_to_v2" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("sales", 0, 99), 1, "It has offsets 0 to 3."),
        (("sales", 3, 0), 1, "It is empty."),
        (("sales", 9, 0), 2, "It has 4, from 0 to 3."),
        (("sale", 0, 0), 2, "No migration in the settings names the topic 'sale'"),
        (("sales", "x", 0), 2, "PARTITION"),
        (("sales", 0, 0, "--to", "v9"), 2, "It has v1, v2, v3."),
    ],
)
def test_wrong_questions_are_answered(
    shop: Path, bootstrap: str, arguments: tuple[object, ...], code: int, said: str
) -> None:
    ran = show(shop, bootstrap, *arguments)
    assert ran.code == code
    assert said in ran.err
