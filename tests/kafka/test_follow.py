import threading
from collections.abc import Iterator

import pytest
from tests.support.sales import produce

from instar.kafka.built_in import BuiltInBroker
from instar.kafka.errors import KafkaTrouble
from instar.kafka.follow import follow


@pytest.fixture
def kafka() -> Iterator[dict[str, str]]:
    with BuiltInBroker() as broker:
        yield {"bootstrap.servers": broker.bootstrap}


def test_records_that_come_later_are_seen_until_told_to_stop(kafka: dict[str, str]) -> None:
    for content in (b"0", b"1"):
        produce(kafka, "topic", content)
    stop = threading.Event()
    seen = []
    for record in follow(kafka, "topic", {0: 1, 1: 0}, stop):
        seen.append((record.partition, record.value))
        if record.value == b"1":
            produce(kafka, "topic", b"2", partition=1)
        if record.value == b"2":
            stop.set()
    assert seen == [(0, b"1"), (1, b"2")]


def test_an_offset_that_is_not_there_is_told_and_not_skipped(kafka: dict[str, str]) -> None:
    produce(kafka, "topic", b"0")
    with pytest.raises(KafkaTrouble, match="reading topic"):
        next(follow(kafka, "topic", {0: 99}, threading.Event()))
