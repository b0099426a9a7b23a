"""What a coordinator says through the control topic: one transactional writer for each migration.

Kafka has no compare-and-set on a topic, and a transactional id is one: of those who write under it, only who
initialised it last can commit. A coordinator's write is therefore

1. initialise the transactional id, once in a process: an older coordinator's transaction is aborted, or if it was
   committing is committed now, and whatever else it sends is refused;
2. read the topic to its end: a token above its own says that a newer coordinator has been here, and ends it;
3. put its own token into the epoch record: an older coordinator that wakes up after that is ended at its own step 2;
4. write in transactions, each of which fails once somebody else has come to step 1.

Who is fenced begins at 1 again: then it is ended by step 2, or it is the newest and goes on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from instar.clock import now_ms
from instar.core.control import TOPIC
from instar.core.record import Output
from instar.core.rollout.control_messages import (
    BridgeMessage,
    EpochMessage,
    GroupMessage,
    Message,
    Said,
    key_of,
    said_of,
    value_of,
)
from instar.kafka.cluster import Cluster
from instar.kafka.entries import ensure, read_entries
from instar.kafka.errors import Aborted, AmbiguousOutcome, Fenced, KafkaTrouble, Refused
from instar.kafka.failpoints import Failpoints
from instar.kafka.writer import Writer
from instar.rollout.ports import Context

# Everybody who reads the topic waits for an open transaction: one of a coordinator that died must end soon.
_TRANSACTION: Mapping[str, int] = {"transaction.timeout.ms": 10_000, "message.timeout.ms": 8_000}
BEFORE_ANY = EpochMessage(0, "old", "open", 0, 0)
"""What holds where nothing was ever written: the old topic has authority."""


T = TypeVar("T")
_ATTEMPTS = 3


class _TakenOver(Exception):
    """Another process has initialised the transactional id; nothing was written."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The topic as it was read: what its entries add up to for one migration, and the entries themselves."""

    said: Said
    entries: Mapping[str, bytes]


class RolloutControl:
    """The control topic as a runner uses it. For one thread. ``close`` it."""

    def __init__(self, cluster: Cluster, failpoints: Failpoints | None = None) -> None:
        self._cluster = cluster
        self._failpoints = failpoints or Failpoints()
        self._writers: dict[str, Writer] = {}

    def read(self, migration: str) -> Standing:
        """What stands now, read to the topic's end. Changes nothing. Raises ``KafkaTrouble``."""
        entries = read_entries(self._cluster, TOPIC)
        return Standing(said_of(migration, entries), entries)

    def epoch(self, migration: str) -> EpochMessage:
        """The epoch record in force. Raises ``Refused`` where it says nothing that we understand."""
        return _epoch(self.read(migration).said, migration)

    def take(self, context: Context) -> Standing:
        """Be the one who writes, and read what stands then: nobody else's write comes after that unnoticed.

        Raises ``Fenced`` where a newer coordinator has been here, ``AmbiguousOutcome`` where the cluster does not
        answer, other ``KafkaTrouble``.
        """
        return self._insist(context, lambda standing: standing)

    def take_anew(self, context: Context) -> Standing:
        """The same, and whatever this process still has under way is decided before the topic is read."""
        self._forget(context)
        return self.take(context)

    def write(self, context: Context, messages: Iterable[Message], more: Mapping[str, bytes | None] = {}) -> None:
        """Write messages, and entries of other keys (None takes one back), in one transaction.

        Call ``take`` first. Returns when all is committed. Raises ``AmbiguousOutcome`` where it may be, and ``Fenced``
        or another ``KafkaTrouble`` where it certainly is not.
        """
        entries = {key_of(context.migration, each): value_of(each) for each in messages} | dict(more)
        try:
            self._commit(context, entries)
        except _TakenOver:
            # Nobody newer has written, and nobody older can have: what the caller read still stands.
            self._insist(context, lambda _: self._commit(context, entries))

    def restore(self, context: Context, lost: Callable[[Mapping[str, bytes]], Mapping[str, bytes]]) -> None:
        """Write what the topic has lost: ``lost`` is given its entries, read as who writes it alone, and says which.

        Nothing is claimed before, since that would say epoch 0 to everybody. Raises like ``take`` and ``write``.
        """
        self._insist(context, lambda standing: self._commit(context, lost(standing.entries)), self._unclaimed)

    def close(self) -> None:
        """Let go of the clients. Nothing is open between two calls."""
        while self._writers:
            self._writers.popitem()[1].discard()

    def _insist(
        self, context: Context, act: Callable[[Standing], T], claim: Callable[[Context], Standing] | None = None
    ) -> T:
        """Do it as who initialised the id last, against older coordinators that still try."""
        for left in reversed(range(_ATTEMPTS)):
            try:
                if self._name(context) not in self._writers:
                    self._initialise(context)
                return act((claim or self._claim)(context))
            except _TakenOver as taken:
                self._forget(context)
                if not left:
                    raise _fenced(context, str(taken)) from taken
            except BaseException:
                self._forget(context)
                raise
        raise AssertionError("unreachable")

    def _initialise(self, context: Context) -> None:
        ensure(self._cluster, TOPIC)
        name, topic = self._name(context), self._cluster.topic(TOPIC)
        kafka = {**self._cluster.kafka, **_TRANSACTION}
        writer = self._writers[name] = Writer(kafka, [topic], name, self._failpoints)
        try:
            writer.replace()
        except Fenced as fenced:
            raise _TakenOver(str(fenced)) from fenced

    def _unclaimed(self, context: Context) -> Standing:
        """What stands, unless a newer coordinator has been here."""
        standing = self.read(context.migration)
        newest = _newest_token(standing.said)
        if newest > context.token:
            raise _fenced(context, f"token {newest} is in {TOPIC}, and this one's is {context.token}")
        return standing

    def _claim(self, context: Context) -> Standing:
        standing = self._unclaimed(context)
        epoch = _epoch(standing.said, context.migration)
        if epoch.epoch < context.in_force:
            # To begin at epoch 0 again would give authority to the old topic behind everybody's back.
            raise Refused(
                f"The epoch record of {context.migration} in {TOPIC} is of epoch {epoch.epoch} or missing, and epoch "
                f"{context.in_force} was written: the topic was deleted or its records were. Managed producers that "
                "start now believe the old topic.",
                f"Stop producers, and `instar control restore {context.migration}` shows what can be told again.",
            )
        if standing.said.epoch is None or epoch.token < context.token:
            claimed = replace(epoch, token=context.token)
            self._commit(context, {key_of(context.migration, claimed): value_of(claimed)})
            standing = self.read(context.migration)
        return standing

    def _commit(self, context: Context, entries: Mapping[str, bytes | None]) -> None:
        """Raises ``_TakenOver`` where somebody has initialised the id since, and as ``write`` does."""
        writer = self._writers[self._name(context)]
        outputs = [Output(key.encode(), value, (), now_ms()) for key, value in entries.items()]
        try:
            writer.begin()
            writer.produce(TOPIC, 0, outputs)
            writer.flush()
        except (Aborted, Fenced, AmbiguousOutcome) as reason:
            # Nothing was committed, and what was sent is aborted by the next who initialises the id.
            self._forget(context)
            raise _TakenOver(str(reason)) if isinstance(reason, Fenced) else _not_written(reason) from reason
        except KafkaTrouble:
            self._forget(context)
            raise
        try:
            writer.commit([], None)
        except (Aborted, KafkaTrouble, AmbiguousOutcome) as reason:
            # A commit whose answer is an error may have been carried out: librdkafka asks again by itself, and the
            # second answer may be about the first.
            self._forget(context)
            raise AmbiguousOutcome(f"writing to {TOPIC} for {context.migration}: {reason}") from reason

    def _forget(self, context: Context) -> None:
        writer = self._writers.pop(self._name(context), None)
        if writer is not None:
            writer.discard()

    def _name(self, context: Context) -> str:
        return transactional_id(context.migration)


def transactional_id(migration: str) -> str:
    """As the topic's keys, without the environment: two names of one cluster must not be two coordinators."""
    return f"instar-rollout-{migration}"


def _epoch(said: Said, migration: str) -> EpochMessage:
    unreadable = key_of(migration, BEFORE_ANY)
    if unreadable in said.unreadable:
        raise Refused(
            f"The epoch record of {migration} in {TOPIC} is damaged, or of a later version of instar.",
            "Use the version of instar that wrote it; until then no managed producer writes.",
        )
    return said.epoch or BEFORE_ANY


def _newest_token(said: Said) -> int:
    written: list[EpochMessage | GroupMessage | BridgeMessage] = [*said.groups.values(), *said.bridges.values()]
    if said.epoch is not None:
        written.append(said.epoch)
    return max((each.token for each in written), default=0)


def _fenced(context: Context, why: str) -> Fenced:
    return Fenced(
        f"A newer coordinator moves {context.migration}: {why}. This one has written nothing since.",
        "`instar status` shows where it stands; run the command again if it does not go on.",
    )


def _not_written(reason: Exception) -> KafkaTrouble:
    return KafkaTrouble(
        f"Writing to {TOPIC} did not come about: {reason}.",
        "Run the command again when the cluster answers.",
    )
