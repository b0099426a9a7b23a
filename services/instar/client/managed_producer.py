"""A producer that a rollout can stop and send to the other topic: it writes where authority is, and nowhere in between.

On ``closing`` it finishes what it has begun, acknowledges, and waits; once the next epoch is open it goes on in that
epoch's topic, in that topic's version. An acknowledgement is a promise: nothing of ours is on its way any more. So it
is given only when the broker has answered for every record, and held back for a while after an answer that never came.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.serialization import MessageField, SerializationContext

from instar.client.authority import Authority, Word
from instar.client.errors import Closing, CommitUnknown, SetupError
from instar.clock import now_ms
from instar.core.rollout.control_messages import Acknowledgement, ProducerMessage
from instar.core.rollout.phase import Side
from instar.kafka.errors import KafkaTrouble, error_of, is_never_taken

log = logging.getLogger("instar.client")

OnDelivery = Callable[[KafkaError | None, Message], None]
Serialize = Callable[[Any, SerializationContext], bytes | None]
RecordHeaders = list[tuple[str, str | bytes | None]]

DOUBT_AFTER_S = 10.0  # older than this, the control topic's word may have been overtaken
ON_ITS_WAY_S = 120.0  # twice librdkafka's socket.timeout.ms: so long a request without an answer may still arrive
WAIT_S = 120.0  # as long as a barrier lasts at most
_LOOK_EVERY_S = 0.2
_FLUSH_S = 1.0
_AGAIN_AFTER_S = 1.0
_CALL_TIMEOUT_S = 30.0
# Shorter than the client's own 5 minutes: a barrier waits for the last record.
_SETTINGS: Mapping[str, Any] = {"client.id": "instar-client", "message.timeout.ms": 20_000, "log_level": 3}
_OURS: Mapping[str, Any] = {"enable.idempotence": True}


@dataclass(frozen=True, slots=True)
class Way:
    """One of the two topics, and what turns an object into that topic's bytes: an ``InstarSerializer``."""

    topic: str
    serialize: Serialize


class ManagedProducer:
    """Writes objects of a program to whichever topic of a migration has authority.

    - ``kafka``: librdkafka's settings that reach the cluster; ``producer``: more of them, for the producer alone.
    - ``old``, ``new``: the migration's two topics, each with its serializer.
    - ``name``: stable, and no other process's at the same time: the rollout waits for this name. With
      ``transactional_id`` Kafka sees to that.
    - ``owner``, ``principal``: told to the rollout; the principal is by default that of ``sasl.username``.
    - ``wait_s``: how long ``produce`` may wait while authority moves before it raises ``Closing``. 0: at once.

    It is registered until it is closed; one that died is waited for, and then named, by the next barrier. Raises
    ``SetupError`` when it is made. Thread-safe, but for transactions, of which there is one at a time.
    """

    def __init__(
        self,
        kafka: Mapping[str, Any],
        migration: str,
        *,
        name: str,
        old: Way,
        new: Way,
        owner: str = "",
        principal: str = "",
        transactional_id: str = "",
        wait_s: float = WAIT_S,
        producer: Mapping[str, Any] | None = None,
    ) -> None:
        self._ways: Mapping[Side, Way] = {"old": old, "new": new}
        self._name = name
        self._migration = migration
        self._wait_s = wait_s
        self._transactional = bool(transactional_id)
        self._settings = {**_SETTINGS, **kafka, **(producer or {}), **_OURS}
        if transactional_id:
            self._settings["transactional.id"] = transactional_id
        self._changed = threading.Condition()
        self._acted: Word | None = None  # the word that was acted upon; until then nothing is written
        self._side: Side | None = None
        self._busy = False  # a transaction is open
        self._closed = False
        self._register_at_s = -float("inf")  # not before; see _stay_registered
        self._unanswered_s = -float("inf")  # when the broker last did not answer for a record
        self._producer: Producer | None = None
        self._renew()
        user = kafka.get("sasl.username")
        self._registration = ProducerMessage(name, now_ms(), owner, principal or (f"User:{user}" if user else ""))
        try:
            self._authority = Authority(kafka, migration, announce=self._registration, changed=self._notify)
        except BaseException:
            self._discard()
            raise
        self._act()
        self._thread = threading.Thread(target=self._run, name="instar managed producer", daemon=True)
        self._thread.start()

    def produce(
        self,
        value: Any,
        *,
        key: bytes | None = None,
        partition: int = -1,
        headers: RecordHeaders | None = None,
        timestamp_ms: int = 0,
        on_delivery: OnDelivery | None = None,
    ) -> str:
        """Queue an object for the topic that has authority, in that topic's version; the topic's name.

        Waits while authority moves, and while it cannot be told who has it. ``on_delivery`` is called from here, from
        ``flush`` or from a thread of ours. Raises ``Closing``, what the serializer raises, and ``KafkaException``.
        """
        if self._transactional:
            raise SetupError("A transactional producer writes in transactions.", remedy="Use `with transaction()`.")
        deadline_s = time.monotonic() + self._wait_s
        while True:
            side = self._writable() or self._wait_for_side(deadline_s)
            record = self._record(side, value, key, partition, headers, timestamp_ms, on_delivery)
            with self._changed:
                if self._writable() == side:
                    producer = self._ready
                    with suppress(BufferError):  # the queue is full: let it drain
                        producer.produce(**record)
                        break
            self._poll(0.05)
        self._poll(0)
        return self._ways[side].topic

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """Several records in one topic, visible together when the block ends; an exception aborts.

        Authority does not move until it has ended, so keep it short. Raises ``Closing`` before anything is written,
        ``CommitUnknown`` where the commit's outcome is not known, ``KafkaException`` where it was aborted.
        """
        if not self._transactional:
            raise SetupError("The producer has no transactional_id.", remedy='Say transactional_id="till-1".')
        side = self._begin()
        try:
            self._ready.begin_transaction()
            try:
                yield Transaction(self, side)
            except BaseException:
                self._abort()
                raise
            self._commit()
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def flush(self, timeout_s: float = _CALL_TIMEOUT_S) -> int:
        """Wait until the broker has answered for all that is queued; how many records are left."""
        with self._changed:
            producer = self._producer
        return 0 if producer is None else producer.flush(timeout_s)

    @property
    def topic(self) -> str | None:
        """The topic that is written now; None while neither may be."""
        side = self._writable()
        return None if side is None else self._ways[side].topic

    def close(self) -> None:
        """Send what is queued and sign off. Who could not send everything stays registered, and a barrier asks."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        left = self.flush(float(self._settings["message.timeout.ms"]) / 1000 + 5)
        try:
            if left or self._in_doubt_for_s() > 0:
                log.warning("%s stays registered: the broker has not answered for its last records", self._name)
            else:
                self._authority.take_back(self._registration, Acknowledgement(self._name, 0, 0))
        except KafkaTrouble as trouble:
            log.warning("%s stays registered: %s", self._name, trouble)
        finally:
            self._authority.close()
            self._discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------ where to write

    def _writable(self) -> Side | None:
        """The side to write now; None while it is not certain. Certain for as long as the lock is held."""
        standing, side = self._authority.standing, self._side
        if side is None or side != standing.side or self._acted != standing.word or self._closed:
            return None
        return side if self._authority.age_s <= DOUBT_AFTER_S else None

    def _wait_for_side(self, deadline_s: float) -> Side:
        with self._changed:
            while (side := self._writable()) is None:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or self._closed:
                    raise Closing(self._why())
                self._changed.wait(min(left_s, _LOOK_EVERY_S))
            return side

    def _why(self) -> str:
        epoch = self._authority.said.epoch
        if self._closed:
            return f"{self._name} is closed"
        if self._authority.age_s > DOUBT_AFTER_S:
            return f"the control topic could not be read for {self._authority.age_s:.0f} s, so authority may have moved"
        if self._authority.lost:
            return f"the epoch record of {self._migration} is gone: the control topic was deleted and must be restored"
        if epoch is not None and epoch.state == "closing":
            return f"authority of {self._migration} moves to the {epoch.authority} topic (epoch {epoch.epoch})"
        return f"{self._name} is about to go on in another topic of {self._migration}"

    # ------------------------------------------------------------------ acting upon the epoch record

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._has_to_act, _LOOK_EVERY_S)
                if self._closed:
                    return
                acts = self._has_to_act()
                if acts:
                    # From here on nobody begins anything; and the word of before, should it come back, is acted upon.
                    self._side = self._acted = None
                busy = self._busy
            if not acts:
                self._stay_registered()
                if not busy:
                    self._poll(0)
            elif busy or not self._act():
                time.sleep(_LOOK_EVERY_S)

    def _has_to_act(self) -> bool:
        return self._closed or self._acted is None or self._acted != self._authority.standing.word

    def _act(self) -> bool:
        """Finish what was begun, and then say so or go on. False: look again."""
        standing = self._authority.standing
        if not self._finished() or standing.word is None:
            return False
        epoch, _, state = standing.word
        if state == "closing" and not self._acknowledged(epoch):
            return False
        with self._changed:
            if self._authority.standing == standing:
                self._acted, self._side = standing.word, standing.side
                self._changed.notify_all()
        return True

    def _stay_registered(self) -> None:
        """A control topic that was lost and restored does not know us, and the next barrier must."""
        said = self._authority.said
        if said.epoch is None or self._name in said.producers or time.monotonic() < self._register_at_s:
            return
        self._register_at_s = time.monotonic() + _AGAIN_AFTER_S
        try:
            self._authority.say(self._registration)
        except KafkaTrouble as trouble:
            log.warning("%s could not register again: %s", self._name, trouble)
        else:
            log.warning("%s was not in the control topic any more and has registered again", self._name)

    def _finished(self) -> bool:
        """Has the broker answered for everything? A transactional producer without a transaction has nothing open."""
        if self._producer is None:
            try:
                self._renew()
            except SetupError as trouble:
                log.warning("%s: %s", self._name, trouble)
                return False
        return self.flush(_FLUSH_S) == 0

    def _acknowledged(self, epoch: int) -> bool:
        doubt_s = self._in_doubt_for_s()
        if doubt_s > 0:
            log.warning(
                "%s cannot acknowledge epoch %d yet: a record without an answer may arrive for %.0f s more",
                self._name,
                epoch,
                doubt_s,
            )
            time.sleep(min(doubt_s, _AGAIN_AFTER_S))
            return False
        try:
            self._authority.say(Acknowledgement(self._name, epoch, now_ms()))
        except KafkaTrouble as trouble:
            log.warning("%s could not acknowledge epoch %d: %s", self._name, epoch, trouble)
            return False
        log.info("%s has stopped for epoch %d of %s", self._name, epoch, self._migration)
        return True

    def _in_doubt_for_s(self) -> float:
        return self._unanswered_s + ON_ITS_WAY_S - time.monotonic()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # ------------------------------------------------------------------ the client underneath

    @property
    def _ready(self) -> Producer:
        if self._producer is None:
            raise Closing(f"{self._name} waits for the cluster")
        return self._producer

    def _record(
        self,
        side: Side,
        value: Any,
        key: bytes | None,
        partition: int,
        headers: RecordHeaders | None,
        timestamp_ms: int,
        on_delivery: OnDelivery | None,
    ) -> dict[str, Any]:
        """The arguments of the client's ``produce``."""
        way, headers = self._ways[side], list(headers or [])
        data = way.serialize(value, SerializationContext(way.topic, MessageField.VALUE, headers))
        record = {"topic": way.topic, "value": data, "key": key, "partition": partition, "headers": headers}
        if timestamp_ms:
            record["timestamp"] = timestamp_ms

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None and not self._transactional and not is_never_taken(error):
                self._unanswered_s = time.monotonic()
            if on_delivery is not None:
                try:
                    on_delivery(error, message)
                except Exception:  # it may run in the thread that acknowledges, which must go on
                    log.exception("on_delivery of %s raised", self._name)

        return record | {"on_delivery": delivered}

    def _poll(self, timeout_s: float) -> None:
        producer = self._producer
        if producer is not None:
            producer.poll(timeout_s)

    def _begin(self) -> Side:
        deadline_s = time.monotonic() + self._wait_s
        while True:
            side = self._wait_for_side(deadline_s)
            with self._changed:
                if self._busy:
                    raise SetupError("A transaction is open already.", remedy="End it first: there is one at a time.")
                if self._writable() == side:
                    self._busy = True
                    return side

    def _commit(self) -> None:
        try:
            self._ready.commit_transaction(_CALL_TIMEOUT_S)
        except KafkaException as exception:
            if error_of(exception).txn_requires_abort():
                self._abort()
                raise
            self._discard()
            raise CommitUnknown(self._name, error_of(exception).str()) from exception

    def _abort(self) -> None:
        """Nothing of the transaction becomes visible: where the abort fails, the next producer's init sees to it."""
        try:
            self._ready.abort_transaction(_CALL_TIMEOUT_S)
        except KafkaException as exception:
            log.warning("%s could not abort and begins anew: %s", self._name, exception)
            self._discard()

    def _renew(self) -> None:
        """A new producer. A transactional one ends what an earlier one of its id left open. Raises ``SetupError``."""
        try:
            producer = Producer(self._settings)
            if self._transactional:
                producer.init_transactions(_CALL_TIMEOUT_S)
        except KafkaException as exception:
            raise SetupError(
                f"The producer cannot be made: {error_of(exception).str()}.",
                remedy="Check the kafka and producer settings, and that the cluster answers.",
            ) from exception
        with self._changed:
            self._producer = producer

    def _discard(self) -> None:
        with self._changed:
            producer, self._producer = self._producer, None
            self._side, self._acted = None, None
        if producer is not None:
            producer.purge(in_queue=True, in_flight=True, blocking=False)
            with suppress(KafkaException, SystemError):  # a fatal error is said once more; it was told when it came
                producer.close()


class Transaction:
    """What may be done in ``ManagedProducer.transaction``."""

    def __init__(self, producer: ManagedProducer, side: Side) -> None:
        self._of = producer
        self._side = side

    def produce(
        self,
        value: Any,
        *,
        key: bytes | None = None,
        partition: int = -1,
        headers: RecordHeaders | None = None,
        timestamp_ms: int = 0,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """Queue an object. Raises what the serializer raises, and ``KafkaException``."""
        record = self._of._record(self._side, value, key, partition, headers, timestamp_ms, on_delivery)  # noqa: SLF001
        while True:
            with suppress(BufferError):
                self._of._ready.produce(**record)  # noqa: SLF001
                break
            self._of._poll(0.05)  # noqa: SLF001
        self._of._poll(0)  # noqa: SLF001

    def send_offsets(self, offsets: list[TopicPartition], group_metadata: object) -> None:
        """Commit what was consumed with what is written. Raises ``KafkaException``."""
        self._of._ready.send_offsets_to_transaction(offsets, group_metadata, _CALL_TIMEOUT_S)  # noqa: SLF001
