"""The reading half of a worker: one consumer in the migration's group, its assignment and its positions.

Rebalances happen inside ``poll``. What must be done before partitions are given up (commit or abort) belongs to the
worker, which passes it in as ``Owner``.
"""

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from instar.core import checkpoint
from instar.core.checkpoint import Split
from instar.core.live_first import LiveKeys
from instar.core.provenance import Stamp
from instar.core.record import Record
from instar.kafka import config, groups
from instar.kafka.errors import (
    Aborted,
    AmbiguousOutcome,
    KafkaTrouble,
    PlaceInDoubt,
    Refused,
    Unreachable,
    error_of,
    is_fence,
    is_missing_topic,
    is_unreachable,
    trouble,
)
from instar.kafka.failpoints import Failpoints
from instar.kafka.scan import to_record
from instar.processor.modes import require_checkpoint
from instar.processor.plan import BridgePlan
from instar.processor.position import Position

CALL_TIMEOUT_S = 30.0
_NO_GENERATION = -1
_METADATA_MAGIC = b"CGMDv2:"  # librdkafka's serialized group metadata: magic, then the generation as a host int32


class Owner(Protocol):
    """Who must act before partitions go."""

    @property
    def in_transaction(self) -> bool:
        """Is a transaction open?"""
        ...

    def before_revoke(self) -> None:
        """Commit or abort what is open: another member takes these partitions next."""
        ...

    def after_loss(self) -> None:
        """Abort what is open: another member may have these partitions already."""
        ...

    def before_reading(self, partitions: Sequence[int]) -> None:
        """Shut out whoever reads these partitions outside the group: their checkpoints are read next."""
        ...


class Reader:
    def __init__(self, plan: BridgePlan, instance: str, owner: Owner, failpoints: Failpoints) -> None:
        self._plan = plan
        self._owner = owner
        self._failpoints = failpoints
        self._instance = instance
        self._consumer: Consumer | None = None
        self._held = False
        self._paused: set[int] = set()
        self.assignments = 0  # how often the assignment changed
        self.loads = 0  # how often positions were made from checkpoints
        self._broken: Exception | None = None
        self._down = False
        self._fenced = False
        self.positions: dict[int, Position] = {}
        self.group_metadata: object = None

    @property
    def all_brokers_down(self) -> bool:
        """Did the client lose every broker since the last record or end of partition?"""
        return self._down

    def open(self) -> None:
        self._fenced = self._down = False
        self._broken = None
        self._paused.clear()
        instance = self._instance if self._plan.assigned is None else None
        settings = config.consumer(self._plan.kafka, group=self._plan.group, instance=instance)
        consumer = self._consumer = Consumer(settings | {"error_cb": self._on_error})
        if self._plan.assigned is None:
            consumer.subscribe(
                [self._plan.source.name], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            return
        # By hand: the generation is -1 and fences nothing, so each such partition has its own transactional id.
        self.assignments += 1
        self._load(self._plan.assigned)
        self.rewind()
        self.group_metadata = consumer.consumer_group_metadata()

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self.positions = {}
        if consumer is not None:
            consumer.close()

    def poll(self, records: int, timeout_s: float) -> list[Record]:
        """Records in the order of their offsets within each partition. May rebalance.

        Raises ``Aborted``, ``AmbiguousOutcome`` or ``KafkaTrouble`` as the writer does; a batch that was polled across
        a change of assignment is dropped and read again.
        """
        consumer = self._ready
        assignments = self.assignments
        try:
            messages = consumer.consume(records, timeout_s)
        except KafkaException as exception:
            raise self._sorted(error_of(exception)) from exception
        if self._fenced:
            raise PlaceInDoubt("the group has another member of this name")
        if self._broken is not None:
            broken, self._broken = self._broken, None
            raise broken
        if assignments != self.assignments:
            self.rewind()
            return []
        return self._accept(messages)

    def rewind(self) -> None:
        """Read again from each position's ``next``.

        Assigning anew rather than seeking: a seek fails while a partition's fetcher is still starting.
        """
        if not self.positions:
            return
        try:
            self._assign(self._ready)
        except KafkaException as exception:
            raise self._sorted(error_of(exception)) from exception

    def hold(self, held: bool) -> None:
        """Read nothing, and stay in the group; or read on."""
        if held == self._held:
            return
        self._held = held
        if held:
            self._pause(self._ready, self.positions)
        else:
            self.rewind()

    def reload(self) -> None:
        """Take the committed offsets as the truth, roll every position back to them, and read on from there."""
        self._load(list(self.positions))
        self.rewind()

    def offsets(self, positions: Sequence[Position], held: str = "") -> list[TopicPartition]:
        """What to send into the transaction for these positions; ``held`` is why the worker is slow."""
        at_ms = time.time_ns() // 1_000_000
        return [
            TopicPartition(
                self._plan.source.name,
                position.partition,
                position.next,
                position.checkpoint(self._plan.fingerprint, at_ms, held).metadata(),
            )
            for position in positions
        ]

    def lags(self) -> dict[int, int]:
        """Offsets still to go by partition, as the client last heard of the ends: no question to the cluster."""
        consumer = self._consumer
        found: dict[int, int] = {}
        if consumer is None:
            return found
        for position in self.positions.values():
            _, end = consumer.get_watermark_offsets(
                TopicPartition(self._plan.source.name, position.partition), cached=True
            )
            if end < 0:  # nothing fetched yet
                continue
            split = position.split
            behind = 0 if split is None else max(0, split.at - split.past)
            end = split.at if split is not None and split.mode == "in-place" else end
            found[position.partition] = max(0, end - position.committed) + behind
        return found

    def commit_plainly(self, offsets: list[TopicPartition]) -> None:
        """Commit outside a transaction: only for the built-in broker, which does not store transactional offsets."""
        self._ready.commit(offsets=offsets, asynchronous=False)

    def committed_by_others(self) -> dict[int, int]:
        """Committed offsets of the partitions that other members hold; -1 where they still carry history."""
        others = [partition for partition in self._plan.partitions if partition not in self.positions]
        return {
            partition: -1 if checkpoint.parse(one.offset, one.metadata).history_left else one.offset
            for partition, one in self._committed(others).items()
        }

    # ------------------------------------------------------------------ rebalancing

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.assignments += 1
        try:
            self.positions = {}
            self._owner.before_reading([one.partition for one in partitions])
            self._load([one.partition for one in partitions])
            self._assign(consumer)
            self.group_metadata = _checked(consumer.consumer_group_metadata())
            self._failpoints.hit("assigned", in_transaction=False)
        except Exception as exception:  # re-raised by poll: the client would print and lose it
            self._broken = exception

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:  # noqa: ARG002
        self.assignments += 1
        try:
            self._failpoints.hit("revoked", in_transaction=self._owner.in_transaction)
            self._owner.before_revoke()
        except Exception as exception:
            self._broken = exception
        self.positions = {}
        consumer.unassign()

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:  # noqa: ARG002
        self.assignments += 1
        try:
            self._failpoints.hit("lost", in_transaction=self._owner.in_transaction)
            self._owner.after_loss()
        except Exception as exception:
            self._broken = exception
        self.positions = {}
        consumer.unassign()

    def _on_error(self, error: KafkaError) -> None:
        # A consumer that is fenced says so here only: polling it then gives nothing for ever.
        self._fenced = self._fenced or is_fence(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._down = True

    def _assign(self, consumer: Consumer) -> None:
        """Assign what the positions say.

        librdkafka keeps a partition paused while it is assigned anew, also to another worker's turn and back, so every
        pause is ended first and those that stand are made again.
        """
        topic = self._plan.source.name
        if self._paused:
            consumer.resume([TopicPartition(topic, partition) for partition in self._paused])
            self._paused.clear()
        consumer.assign([TopicPartition(topic, one.partition, one.next) for one in self.positions.values()])
        bounds = self._plan.bounds or {}
        for one in self.positions.values():
            one.bounded = one.next >= bounds.get(one.partition, one.next + 1)
        self._pause(consumer, [one.partition for one in self.positions.values() if self._held or one.bounded])

    def _pause(self, consumer: Consumer, partitions: Iterable[int]) -> None:
        wanted = [TopicPartition(self._plan.source.name, partition) for partition in partitions]
        if wanted:
            consumer.pause(wanted)
            self._paused.update(one.partition for one in wanted)

    # ------------------------------------------------------------------ positions

    def _load(self, partitions: Sequence[int]) -> None:
        """Positions from the group's checkpoints, each checked against what the topic holds."""
        if self._plan.assigned is not None and not self._plan.built_in:
            self._require_no_members()
        committed = self._committed(partitions)
        self.loads += 1
        now_ms = time.time_ns() // 1_000_000
        for partition in partitions:
            if partition not in committed:
                raise Refused(
                    f"Group {self._plan.group} has no checkpoint for partition {partition} of "
                    f"{self._plan.source.name}; starting at either end could repeat or skip records.",
                    "Stop the workers and start one with --recover-checkpoint, which finds it from the target.",
                )
            one = committed[partition]
            point = checkpoint.parse(one.offset, one.metadata)
            topic_id = self._plan.source.id
            if point.topic_id and point.topic_id != topic_id.hex():
                raise Refused(
                    f"Topic {self._plan.source.name} was deleted and created again since partition {partition} was "
                    f"last read: the checkpoint is of topic id {point.topic_id}, the topic now is {topic_id.hex()}.",
                    f"If the new topic is to be read from its start, delete group {self._plan.group} first.",
                )
            require_checkpoint(self._plan, partition, point, now_ms)
            counts = point.counts.copy()
            start = self._inside_log(partition, point.offset)
            counts.expired += start - point.offset
            split = self._split_inside_log(partition, point.split)
            if split is not None and point.split is not None:
                counts.expired += split.past - point.split.past
            stamp = Stamp(self._plan.migration, self._plan.direction, topic_id, partition)
            self.positions[partition] = Position(
                partition,
                topic_id,
                stamp,
                start,
                counts,
                committed_size_bytes=point.size_bytes,
                begin=point.begin,
                split=split,
                keys=LiveKeys() if split is not None and split.behind and self._plan.mode == "live-first" else None,
            )

    def _split_inside_log(self, partition: int, split: Split | None) -> Split | None:
        """The split with history beginning where the topic still has it. Raises ``Refused`` as ``_inside_log`` does."""
        if split is None or not split.behind:
            return split
        return replace(split, past=min(self._inside_log(partition, split.past), split.at))

    def _require_no_members(self) -> None:
        """Reading by hand is over once the group has members, which shut this worker out by fencing its producer.

        That fence holds for the producer that it meets only. Members are in the group before they fence, so whoever
        looks after making a producer either sees them or is fenced.
        """
        try:
            groups.require_empty(self._plan.kafka, self._plan.group)
        except Unreachable as reason:
            raise AmbiguousOutcome(str(reason)) from reason

    def _inside_log(self, partition: int, offset: int) -> int:
        """The offset to begin at. Raises ``Refused`` when retention deleted records before they were read."""
        topic = self._plan.source.name
        try:
            low, high = self._ready.get_watermark_offsets(TopicPartition(topic, partition), timeout=CALL_TIMEOUT_S)
        except KafkaException as exception:
            raise self._sorted(error_of(exception)) from exception
        if offset > high:
            raise Refused(
                f"The checkpoint of {topic} partition {partition} is {offset:,}, beyond the topic's end {high:,}: "
                "the topic was cut short or created again.",
                "Find out which before going on; `instar doctor` shows topic ids.",
            )
        if offset >= low:
            return offset
        if not self._plan.accept_expired:
            raise Refused(
                f"Retention deleted {low - offset:,} offsets of {topic} partition {partition} before they were read "
                f"(checkpoint {offset:,}, first record now {low:,}).",
                "Start with --accept-expired to record them as expired and go on.",
            )
        return low

    def _committed(self, partitions: Sequence[int]) -> dict[int, TopicPartition]:
        if not partitions:
            return {}
        asked = [TopicPartition(self._plan.source.name, partition) for partition in partitions]
        try:
            found = self._ready.committed(asked, timeout=CALL_TIMEOUT_S)
        except KafkaException as exception:
            raise self._sorted(error_of(exception)) from exception
        return {one.partition: one for one in found if one.offset >= 0}

    # ------------------------------------------------------------------ messages

    def _accept(self, messages: list[Any]) -> list[Record]:
        records: list[Record] = []
        positions, bounds = self.positions, self._plan.bounds or {}
        for message in messages:
            error = message.error()
            if error is not None:
                self._event(message, error)
                continue
            partition, offset = message.partition(), message.offset()
            position = positions.get(partition)
            if position is None or offset < position.next:
                continue  # of an assignment that is gone
            if offset >= bounds.get(partition, offset + 1):
                if not position.bounded:
                    position.bounded = True
                    position.end = max(position.end, bounds[partition])
                    self._pause(self._ready, [partition])
                continue
            records.append(to_record(message))
        if records:
            self._down = False
        return records

    def _event(self, message: Any, error: KafkaError) -> None:
        code = error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001
            self._down = False
            position = self.positions.get(message.partition())
            # Held, the client throws away what it has fetched: an end behind that must not be taken for read.
            if position is not None and not self._held:
                # Markers and aborted records lie between the last record and here; position() does not tell after a
                # seek (kafka-flow #850). Records at or past the bound were thrown away: they are not passed over.
                bound = (self._plan.bounds or {}).get(position.partition, message.offset())
                position.end = max(position.end, min(message.offset(), bound))
            return
        if code in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001
            raise AmbiguousOutcome(f"partition {message.partition()}: {error.str()}")
        raise self._sorted(error)

    def _sorted(self, error: KafkaError) -> Exception:
        if error.code() == KafkaError._MAX_POLL_EXCEEDED:  # noqa: SLF001
            return Aborted("the worker stood still for longer than max.poll.interval.ms and lost its partitions")
        if is_fence(error):
            return PlaceInDoubt(error.str())
        if error.fatal() or is_missing_topic(error):
            return trouble(error, f"reading {self._plan.source.name}")
        if error.retriable() or is_unreachable(error):
            return AmbiguousOutcome(error.str())
        return trouble(error, f"reading {self._plan.source.name}")

    @property
    def _ready(self) -> Consumer:
        if self._consumer is None:
            raise AmbiguousOutcome("there is no consumer")
        return self._consumer


def _checked(group_metadata: object) -> object:
    """Refuse a generation of -1: the broker would accept offsets under it from anybody, fenced by nothing."""
    if isinstance(group_metadata, bytes) and group_metadata.startswith(_METADATA_MAGIC):
        start = len(_METADATA_MAGIC)
        generation = int.from_bytes(group_metadata[start : start + 4], sys.byteorder, signed=True)
        if generation == _NO_GENERATION:
            raise AmbiguousOutcome("the group metadata has no generation yet")
        return group_metadata
    raise KafkaTrouble(
        "This release of confluent-kafka writes its group metadata in a form that instar does not know, so it cannot "
        "make sure that offsets are fenced by generation.",
        "Use the release that instar's requirements pin.",
    )
