"""The writing half of whatever publishes: one producer, at most one open transaction.

Every Kafka call here ends in one of four ways, and callers need no other: it succeeded, ``Aborted`` (nothing of the
transaction is visible, read again), ``AmbiguousOutcome`` (only a new producer can tell: call ``replace``) or a
``KafkaTrouble`` that ends the worker.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from instar.core.record import Output
from instar.kafka import config
from instar.kafka.cluster import Topic
from instar.kafka.errors import (
    Aborted,
    AmbiguousOutcome,
    Fenced,
    Refused,
    error_of,
    is_fence,
    is_never_taken,
    is_stale_member,
    is_unreachable,
    trouble,
)
from instar.kafka.failpoints import Failpoints

INIT_TIMEOUT_S = 30.0
CALL_TIMEOUT_S = 30.0
OVERDUE_S = 5.0  # past its timeout a call is given up


class Writer:
    """``topics`` are those that it may write: their size limits are the producer's."""

    def __init__(
        self, kafka: Mapping[str, Any], topics: Sequence[Topic], transactional_id: str, failpoints: Failpoints
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self._failpoints = failpoints
        self.transactional_id = transactional_id
        limits_bytes = [topic.max_message_bytes for topic in topics]
        self._config = config.producer(
            kafka,
            transactional_id=transactional_id,
            largest_record_bytes=max(limits_bytes),
            batch_bytes=min(limits_bytes),
        )
        self._timeout_s = int(self._config["transaction.timeout.ms"]) / 1000
        self._producer: Producer | None = None
        self._opened_at_s = 0.0
        self.open = False
        # Did the coordinator end a transaction by its timeout, or another producer with this id? It says the same.
        self.outlived = False

    def replace(self) -> None:
        """A new producer with the same transactional id. Its init ends whatever the old one left open.

        Raises ``AmbiguousOutcome`` when the cluster does not answer in time, ``KafkaTrouble`` when it refuses.
        """
        self.discard()
        producer = Producer(self._config)
        try:
            producer.init_transactions(INIT_TIMEOUT_S)
        except KafkaException as exception:
            error = error_of(exception)
            if is_unreachable(error) or error.retriable():
                raise AmbiguousOutcome(f"init_transactions: {error.str()}") from exception
            raise self._fatal(error, "starting the transactional producer") from exception
        self._producer = producer

    def discard(self) -> None:
        """Drop the producer without a word to the broker: what it had open is ended by the next init."""
        producer, self._producer, self.open, self.outlived = self._producer, None, False, False
        if producer is not None:
            producer.purge(in_queue=True, in_flight=True, blocking=False)
            # A producer that met a fatal error says so once more when it is closed; it was sorted when it came. Client
            # 2.16 may return a result beside that exception, which Python makes a SystemError of.
            with contextlib.suppress(KafkaException, SystemError):
                producer.close()

    def begin(self) -> None:
        if self.open:
            return
        self._call("beginning a transaction", self._ready.begin_transaction)
        self.open = True
        self._opened_at_s = time.monotonic()

    @property
    def open_for_s(self) -> float:
        return time.monotonic() - self._opened_at_s if self.open else 0.0

    def produce(self, topic: str, partition: int, outputs: Sequence[Output]) -> None:
        """Queue outputs. No delivery callback: the commit fails if any delivery failed."""
        producer = self._ready
        for output in outputs:
            while True:
                try:
                    producer.produce(
                        topic,
                        value=output.value,
                        key=output.key,
                        partition=partition,
                        headers=list(output.headers),
                        timestamp=max(output.timestamp_ms, 0),
                    )
                    break
                except BufferError:  # the queue is full: let it drain
                    producer.poll(0.05)
                except KafkaException as exception:
                    raise self._sorted(error_of(exception), f"producing to {topic}") from exception
        producer.poll(0)

    def flush(self) -> None:
        """Have everything that is queued written, though not yet visible to readers of committed records."""
        self._call("flushing", lambda: self._ready.flush(CALL_TIMEOUT_S))

    def commit(self, offsets: list[TopicPartition], group_metadata: object) -> None:
        """Flush, send the source offsets, commit: outputs and checkpoint become visible together or not at all.

        Without offsets (what is published was not consumed in a group) only the outputs are committed.
        """
        producer = self._ready
        hit = self._failpoints.hit
        self.flush()
        hit("flushed", in_transaction=True)
        if offsets:
            self._call(
                "sending offsets",
                lambda: self._watched(
                    lambda: producer.send_offsets_to_transaction(offsets, group_metadata, CALL_TIMEOUT_S)
                ),
            )
            hit("offsets-sent", in_transaction=True)
        hit("before-commit", in_transaction=True)
        hurried = self._failpoints.during("during-commit", in_transaction=True)
        self._call("committing", lambda: producer.commit_transaction(0.001 if hurried else CALL_TIMEOUT_S))
        if hurried:
            raise AmbiguousOutcome("failpoint during-commit")
        self.open = False
        hit("after-commit", in_transaction=False)

    def abort(self) -> None:
        if not self.open:
            return
        self._failpoints.hit("abort", in_transaction=True)
        producer = self._ready
        self._call("aborting", lambda: producer.abort_transaction(CALL_TIMEOUT_S))
        self.open = False

    @property
    def _ready(self) -> Producer:
        if self._producer is None:
            raise AmbiguousOutcome("there is no producer")
        return self._producer

    def _call(self, doing: str, call: Callable[[], object]) -> None:
        try:
            call()
        except KafkaException as exception:
            raise self._sorted(error_of(exception), doing) from exception

    def _watched(self, call: Callable[[], object]) -> None:
        """Make a call that may never return, and leave it behind when it is overdue.

        send_offsets_to_transaction does not keep its timeout while the group's coordinator is away, and after that it
        may wait for ever (librdkafka issue 5456). Its producer is then left as it is: closing it would wait, too. The
        next one with its transactional id fences it, so that whatever it still sends is refused.
        """
        answers: SimpleQueue[BaseException | None] = SimpleQueue()

        def run() -> None:
            try:
                call()
            except BaseException as error:  # raised again by who waits
                answers.put(error)
            else:
                answers.put(None)

        threading.Thread(target=run, name="instar send offsets", daemon=True).start()
        try:
            error = answers.get(timeout=CALL_TIMEOUT_S + OVERDUE_S)
        except Empty:
            self._producer, self.open = None, False
            raise AmbiguousOutcome(
                f"sending offsets did not return in {CALL_TIMEOUT_S + OVERDUE_S:.0f} s; its producer is left behind"
            ) from None
        if error is not None:
            raise error

    def _sorted(self, error: KafkaError, doing: str) -> Exception:
        """Which of the four endings an error is."""
        if is_never_taken(error):
            return self._fatal(error, doing)
        if is_stale_member(error) or error.txn_requires_abort():
            return Aborted(f"{doing}: {error.str()}")
        if is_fence(error) or error.fatal():
            # The coordinator also fences a transaction that outlived its timeout; the group knows whether anybody
            # took the slot since.
            if self.open_for_s > self._timeout_s * 0.9:
                self.outlived = True
                return AmbiguousOutcome(f"{doing}: the transaction outlived its timeout")
            return self._fatal(error, doing)
        if error.retriable() or is_unreachable(error):
            return AmbiguousOutcome(f"{doing}: {error.str()}")
        return self._fatal(error, doing)

    def _fatal(self, error: KafkaError, doing: str) -> Exception:
        if is_fence(error):
            return Fenced(
                f"While {doing}, worker {self.transactional_id} was fenced: another worker runs in the same slot. "
                "This one has written nothing since.",
                "Give every machine's workers their own --instance name.",
            )
        if error.code() in {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}:
            return Refused(
                f"While {doing}, a record was too large for "
                f"{' or '.join(topic.name for topic in self._topics)}: {error.str()}.",
                "Raise max.message.bytes of the dead-letter topic above the source's.",
            )
        if error.code() in {KafkaError.INVALID_RECORD, KafkaError.INVALID_TIMESTAMP}:
            return Refused(
                f"While {doing}, a record was against the settings of its topic: {error.str()}.",
                "A compacted topic takes no record without a key; message.timestamp.before.max.ms and "
                "message.timestamp.after.max.ms bound its time. Change the topic's settings and start again.",
            )
        return trouble(error, doing, str(self._kafka.get("bootstrap.servers", "")))
