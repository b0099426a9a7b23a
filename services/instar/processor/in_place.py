"""Rewriting a topic in place: what a worker must know before it rewrites, and what it checks before each commit.

Three things keep a newer value from being replaced. Before a partition's records are worked, all of them are read once
for the last offset of each key (``core.in_place``). Before each commit the fence must stand. And, when the outputs are
written and not yet visible, everything from the split on is looked at, uncommitted: then the outputs' offsets are
fixed, and whatever anybody else wrote before them is seen. The transaction is aborted and the worker stops. So even
where the fence was only promised, or had a hole, nothing is committed behind a foreign record that it could replace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from instar.core import provenance
from instar.core.in_place import LastOffsets
from instar.core.record import Record
from instar.kafka import config
from instar.kafka.cluster import Cluster
from instar.kafka.errors import AmbiguousOutcome, Refused, Unreachable, error_of, trouble
from instar.kafka.fence import FenceCheck
from instar.kafka.scan import scan
from instar.processor.plan import BridgePlan
from instar.processor.position import Position

_BATCH_RECORDS = 5_000


@dataclass(slots=True)
class _Stretch:
    """One partition, read up to ``end`` for its keys' last offsets."""

    next: int
    end: int
    last: LastOffsets = field(default_factory=LastOffsets)


class InPlace:
    """``positions`` are the reader's. Not ready, a worker reads nothing and stays in the group."""

    def __init__(self, plan: BridgePlan) -> None:
        self._plan = plan
        self._fence = FenceCheck(plan.kafka, plan.source.name, plan.fence)
        self._cluster: Cluster | None = None
        self._version: object = None
        self._stretches: dict[int, _Stretch] = {}
        self._seen_to: dict[int, int] = {}
        self._topic_ids: dict[int, bytes] = {}
        self._consumer: Consumer | None = None

    @property
    def ready(self) -> bool:
        """Is the last offset of every key known?"""
        return all(stretch.next >= stretch.end for stretch in self._stretches.values())

    def follow(self, version: object, positions: Mapping[int, Position]) -> None:
        """Take over the reader's positions where its assignment, or what it loaded, is another (``version``).

        Raises ``Refused`` where the fence does not stand.
        """
        if version == self._version:
            return
        self._require_fence()
        splits = {partition: one.split.at for partition, one in positions.items() if one.split is not None}
        self._stretches = {one: _Stretch(positions[one].next, at) for one, at in splits.items()}
        self._seen_to = dict(splits)
        self._topic_ids = {partition: one.topic_id for partition, one in positions.items()}
        self._assign()
        self._version = version

    def learn(self, timeout_s: float) -> None:
        """Read on for the keys' last offsets. Raises ``Refused`` where they take more memory than they may."""
        if self._consumer is None:
            return
        try:
            for message in self._consumer.consume(_BATCH_RECORDS, timeout_s):
                self._note(message)
        except KafkaException as exception:
            raise trouble(error_of(exception), f"reading {self._plan.source.name}") from exception
        size_bytes = sum(stretch.last.size_bytes for stretch in self._stretches.values())
        if size_bytes > self._plan.limits.in_place_bytes:
            raise Refused(
                f"The keys of partitions {sorted(self._stretches)} of {self._plan.source.name} take more than "
                f"{self._plan.limits.in_place_bytes >> 20:,} MiB of memory; in place needs each key's last offset.",
                "Start more workers, so that each has fewer partitions.",
            )
        if self.ready:
            self._close_consumer()

    def overtaken(self, record: Record) -> bool:
        """Has the record's key a later record?"""
        return self._stretches[record.partition].last.overtaken(record.key, record.offset)

    def before_commit(self) -> None:
        """To be called when the outputs are written and not yet visible.

        Raises ``Refused`` where the fence does not stand or a foreign record is found, and as the writer does.
        """
        self._require_fence()
        try:
            self._cluster = self._cluster or Cluster(self._plan.kafka)
            ends = self._cluster.end_offsets(self._plan.source.name, self._seen_to)
            for record in scan(self._plan.kafka, self._plan.source.name, self._seen_to, ends, committed=False):
                self._require_own(record)
        except Unreachable as reason:
            raise AmbiguousOutcome(str(reason)) from reason
        self._seen_to = ends

    def close(self) -> None:
        self._close_consumer()
        self._version = None
        self._stretches, self._seen_to = {}, {}

    # ------------------------------------------------------------------ within

    def _require_fence(self) -> None:
        try:
            self._fence.require()
        except Unreachable as reason:
            raise AmbiguousOutcome(str(reason)) from reason

    def _require_own(self, record: Record) -> None:
        plan = self._plan
        said = provenance.of(record.headers, record.key, record.value)
        ours = (plan.migration, plan.direction, self._topic_ids[record.partition], record.partition)
        if said is not None and (said.migration, said.direction, said.topic_id, said.partition) == ours:
            return
        raise Refused(
            f"Somebody wrote {record.topic} partition {record.partition} offset {record.offset:,} while it was "
            "rewritten in place: what was about to be published could replace it and was not.",
            f"Stop that producer. Then delete group {plan.group} and start again: the records that are rewritten "
            "already are left as they are, and what was written since is taken in.",
        )

    def _note(self, message: Any) -> None:
        stretch, error = self._stretches.get(message.partition()), message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            if error.retriable():
                raise AmbiguousOutcome(error.str())
            raise trouble(error, f"reading {self._plan.source.name}")
        if stretch is None or message.offset() < stretch.next:
            return
        if error is not None:
            stretch.next = message.offset()
            return
        stretch.next = message.offset() + 1
        if message.offset() < stretch.end:
            stretch.last.note(message.key(), message.offset())

    def _assign(self) -> None:
        """Read committed: what an open transaction of before the fence holds is waited for."""
        self._close_consumer()
        todo = {partition: one for partition, one in self._stretches.items() if one.next < one.end}
        if not todo:
            return
        self._consumer = Consumer(config.reader(self._plan.kafka))
        topic = self._plan.source.name
        try:
            self._consumer.assign([TopicPartition(topic, partition, one.next) for partition, one in todo.items()])
        except KafkaException as exception:
            raise trouble(error_of(exception), f"reading {topic}") from exception

    def _close_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()
