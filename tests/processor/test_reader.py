"""What a reader makes of what its client hands it, in the orders that a cluster seldom shows on request."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from instar.core.bridge import Bridge
from instar.kafka import groups
from instar.kafka.cluster import Topic
from instar.kafka.errors import KafkaTrouble, Refused
from instar.kafka.failpoints import Failpoints
from instar.processor import reader
from instar.processor.plan import BridgePlan
from instar.processor.reader import Reader

BOUND = 100


@dataclass
class Message:
    """A message or an event as the client hands it over."""

    at: int
    code: int | None = None
    unreadable: bool = False

    def topic(self) -> str:
        return "old"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes | None:
        return None

    def value(self) -> bytes | None:
        return b"x"

    def timestamp(self) -> tuple[int, int]:
        return 1, 5

    def error(self) -> KafkaError | None:
        return None if self.code is None else KafkaError(self.code)

    def headers(self) -> list[tuple[str, bytes]] | None:
        if self.unreadable:
            raise SystemError("returned a result with an exception set") from UnicodeDecodeError(
                "utf-8", b"\xff", 0, 1, "invalid start byte"
            )
        return None


@dataclass
class Client:
    """A consumer that is assigned partition 0 at its first call and then hands over one batch after the other."""

    committed_offset: int
    batches: list[list[Message]]
    log: list[str] = field(default_factory=list)
    on_assign: Callable[..., None] | None = None

    def subscribe(self, topics: list[str], on_assign: Callable[..., None], **_: Any) -> None:
        self.on_assign = on_assign

    def consume(self, _records: int, _timeout_s: float) -> list[Message]:
        if self.on_assign is not None:
            assigned, self.on_assign = self.on_assign, None
            assigned(self, [TopicPartition("old", 0)])
            return []
        return self.batches.pop(0) if self.batches else []

    def committed(self, asked: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, self.committed_offset) for one in asked]

    def get_watermark_offsets(self, _partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, 1_000

    def consumer_group_metadata(self) -> bytes:
        return b"CGMDv2:" + struct.pack("=i", 3)

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.log.append(f"assigned at {partitions[0].offset}")

    def resume(self, _partitions: list[TopicPartition]) -> None:
        self.log.append("resumed")

    def pause(self, _partitions: list[TopicPartition]) -> None:
        self.log.append("paused")


class Idle:
    in_transaction = False

    def before_revoke(self) -> None: ...

    def after_loss(self) -> None: ...

    def before_reading(self, partitions: Sequence[int]) -> None: ...


def bridge_of_none() -> Bridge:
    raise AssertionError("a reader makes no bridge")


def reading(
    monkeypatch: pytest.MonkeyPatch, committed: int, *batches: list[Message], assigned: tuple[int, ...] | None = None
) -> tuple[Reader, Client]:
    """A reader of a run with a bound, over a client that hands over these batches."""
    client = Client(committed, list(batches))
    monkeypatch.setattr(reader, "Consumer", lambda _settings: client)
    old, new, letters = (Topic(name, bytes(range(16)), 1) for name in ("old", "new", "letters"))
    plan = BridgePlan(
        migration="m",
        direction="up",
        source=old,
        target=new,
        dead_letters=letters,
        make_bridge=bridge_of_none,
        fingerprint="f",
        kafka={},
        built_in=False,
        bounds={0: BOUND},
        assigned=assigned,
    )
    made = Reader(plan, "slot", Idle(), Failpoints())
    made.open()
    return made, client


def records(first: int, bound: int) -> list[Message]:
    return [Message(offset) for offset in range(first, bound)]


def end(offset: int) -> Message:
    return Message(offset, KafkaError._PARTITION_EOF)


def test_records_behind_the_bound_are_not_passed_over_when_the_partitions_end_comes_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, _ = reading(monkeypatch, 90, [*records(90, 150), end(150)])
    made.poll(200, 0)
    got = made.poll(200, 0)
    assert [record.offset for record in got] == list(range(90, BOUND))
    position = made.positions[0]
    position.next = BOUND
    position.take_end()
    assert position.next == BOUND


def test_an_end_that_comes_before_a_pause_moves_no_finished_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    made, client = reading(monkeypatch, BOUND, [*records(BOUND, 150), end(150)])
    made.poll(200, 0)
    assert client.log[-1] == "paused"
    assert made.poll(200, 0) == []
    made.positions[0].take_end()
    assert made.positions[0].next == BOUND


def test_markers_up_to_the_bound_are_passed_by_the_partitions_end(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = reading(monkeypatch, 90, [*records(90, 99), end(BOUND)])
    made.poll(200, 0)
    made.poll(200, 0)
    made.positions[0].take_end()
    assert made.positions[0].next == BOUND


def test_a_header_whose_name_is_not_utf8_stops_the_reading_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = reading(monkeypatch, 90, [*records(90, 92), Message(92, unreadable=True)])
    made.poll(200, 0)
    with pytest.raises(KafkaTrouble, match="old partition 0 offset 92") as caught:
        made.poll(200, 0)
    assert "93" in caught.value.remedy


def test_a_partition_is_not_read_by_hand_once_the_group_has_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new producer under the same id undoes the fence by which the group's worker shut this one out."""

    def refuse(_kafka: object, group: str) -> None:
        raise Refused(f"Group {group} has 1 member.")

    monkeypatch.setattr(groups, "require_empty", refuse)
    with pytest.raises(Refused, match="has 1 member"):
        reading(monkeypatch, 90, assigned=(0,))
