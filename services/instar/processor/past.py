"""Reading history beside what comes in live: the records below each partition's split, by a consumer outside the group.

Live has the group's consumer, whose offsets fence; history rides on it. Its cursor is in the metadata of the same
offset commit and its outputs in the same transaction, so whoever is fenced from live publishes no history either.

Live first, a partition's history waits until the target has told which keys live has published already: by whoever had
the partition before, or before a failure. Read committed up to the end as it stands after the checkpoint was read, that
is all of them, since a later transaction of an earlier owner cannot commit. What live publishes meanwhile is added as
it happens. The memory that keys take is bounded: past ``Limits.keys_bytes`` live waits until history has caught up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from instar.core import provenance
from instar.core.record import Record
from instar.kafka import config
from instar.kafka.cluster import Cluster
from instar.kafka.errors import AmbiguousOutcome, Unreachable, error_of, is_missing_topic, is_unreachable, trouble
from instar.kafka.scan import to_record
from instar.processor.plan import BridgePlan
from instar.processor.position import Position


@dataclass(slots=True)
class _Restoring:
    """How far one partition of the target has told which keys live has published."""

    next: int
    end: int


class Past:
    """``positions`` are the reader's: those with history are read here."""

    def __init__(self, plan: BridgePlan) -> None:
        self._plan = plan
        self._consumer: Consumer | None = None
        self._cluster: Cluster | None = None
        self._version: object = None
        self._positions: dict[int, Position] = {}
        self._restoring: dict[int, _Restoring] = {}  # partitions whose live keys are still looked for
        self._reading: set[int] = set()  # partitions whose history is fetched

    @property
    def behind(self) -> bool:
        """Is there history to read?"""
        return any(position.behind for position in self._positions.values())

    @property
    def full(self) -> bool:
        """Do the keys that live has published take all the memory that they may?"""
        sizes = (position.keys.size_bytes for position in self._positions.values() if position.keys is not None)
        return sum(sizes) >= self._plan.limits.keys_bytes

    def follow(self, version: object, positions: Mapping[int, Position]) -> None:
        """Take over the reader's positions where its assignment, or what it loaded, is another (``version``).

        Raises ``AmbiguousOutcome`` or ``KafkaTrouble``.
        """
        if version == self._version:
            return
        self._positions = {partition: one for partition, one in positions.items() if one.behind}
        asked = [partition for partition, one in self._positions.items() if one.keys is not None]
        self._restoring = self._target_range(asked) if asked else {}
        try:
            self._assign()
        except KafkaException as exception:
            raise self._sorted(error_of(exception)) from exception
        self._version = version

    def rewind(self) -> None:
        """Read history again from each position's ``past``, which was rolled back."""
        try:
            self._assign()
        except KafkaException as exception:
            raise self._sorted(error_of(exception)) from exception

    def poll(self, records: int, timeout_s: float) -> list[Record]:
        """Records of history, in the order of their offsets within each partition.

        Raises ``AmbiguousOutcome`` or ``KafkaTrouble``.
        """
        if not self._positions or self._consumer is None or records <= 0:
            return []
        try:
            messages = self._consumer.consume(records, timeout_s)
            found: list[Record] = []
            settled = False
            for message in messages:
                if message.topic() == self._plan.source.name:
                    self._take(message, found)
                else:
                    settled = self._restore(message) or settled
            if settled or any(not self._positions[partition].behind for partition in self._reading):
                self._assign()
        except KafkaException as exception:
            raise self._sorted(error_of(exception)) from exception
        return found

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._version = None
        self._positions, self._restoring, self._reading = {}, {}, set()
        if consumer is not None:
            consumer.close()

    # ------------------------------------------------------------------ messages

    def _take(self, message: Any, found: list[Record]) -> None:
        position = self._positions.get(message.partition())
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                raise self._sorted(error)
            if position is not None and position.split is not None:
                position.past_end = max(position.past_end, min(message.offset(), position.split.at))
            return
        if position is None or position.split is None or message.offset() < position.past:
            return
        if message.offset() >= position.split.at:
            position.past_end = position.split.at
        else:
            found.append(to_record(message))

    def _restore(self, message: Any) -> bool:
        """A record of the target, or its end. True: the keys of its partition are all known now."""
        partition, offset, error = message.partition(), message.offset(), message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            raise self._sorted(error)
        position, restoring = self._positions.get(partition), self._restoring.get(partition)
        if restoring is None or position is None:
            return False
        if error is not None:
            restoring.next = max(restoring.next, offset)
        elif offset >= restoring.next:
            restoring.next = offset + 1
            if offset < restoring.end:
                self._restore_key(position, to_record(message))
        if restoring.next >= restoring.end:
            del self._restoring[partition]
            return True
        return False

    def _restore_key(self, position: Position, record: Record) -> None:
        """Live's outputs name a source offset at or past the split; so do dead letters of live that were redriven."""
        split, keys = position.split, position.keys
        if split is None or keys is None or record.key is None:
            return
        said = provenance.of(record.headers, record.key, record.value)
        ours = (self._plan.migration, self._plan.direction, position.topic_id, position.partition)
        if (
            said is not None
            and (said.migration, said.direction, said.topic_id, said.partition) == ours
            and said.offset >= split.at
        ):
            keys.restore(record.key)

    # ------------------------------------------------------------------ assignment

    def _assign(self) -> None:
        """Read a partition's history where its keys are known, else the target. A new assignment refetches."""
        wanted = []
        self._reading = set()
        for partition, position in self._positions.items():
            if partition in self._restoring:
                wanted.append(TopicPartition(self._plan.target.name, partition, self._restoring[partition].next))
            elif position.behind:
                self._reading.add(partition)
                wanted.append(TopicPartition(self._plan.source.name, partition, position.past))
        if wanted:
            self._consumer = self._consumer or Consumer(config.reader(self._plan.kafka))
            self._consumer.assign(wanted)
        elif self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _target_range(self, partitions: list[int]) -> dict[int, _Restoring]:
        """Where live's keys are looked for. Raises ``AmbiguousOutcome`` for a cluster that does not answer."""
        try:
            self._cluster = self._cluster or Cluster(self._plan.kafka)
            starts = self._cluster.start_offsets(self._plan.target.name, partitions)
            ends = self._cluster.end_offsets(self._plan.target.name, partitions)
        except Unreachable as reason:
            raise AmbiguousOutcome(str(reason)) from reason
        return {one: _Restoring(starts[one], ends[one]) for one in partitions if starts[one] < ends[one]}

    def _sorted(self, error: KafkaError) -> Exception:
        # What retention took in between is found when the positions are loaded anew, and needs an operator's word.
        out_of_range = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}  # noqa: SLF001
        if error.code() in out_of_range or (
            (error.retriable() or is_unreachable(error)) and not is_missing_topic(error) and not error.fatal()
        ):
            return AmbiguousOutcome(error.str())
        return trouble(error, f"reading the history of {self._plan.source.name}")
