"""Settling dead letters: what becomes of one and the record that says so are one transaction.

One transactional id for each migration and direction: whoever comes later fences whoever was before, and sees all that
the other has committed, so that no letter is settled twice.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from instar.core import redrive
from instar.core.provenance import Direction
from instar.core.record import Output
from instar.core.redrive import LetterPosition, Settled
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Aborted, AmbiguousOutcome, Fenced, Unreachable
from instar.kafka.failpoints import Failpoints
from instar.kafka.letters import read_settled
from instar.kafka.writer import Writer

BATCH_LETTERS = 500  # well inside the transaction's timeout, whatever the hops cost
PATIENCE_S = 120.0
_BACKOFF_S = 0.2
_NOW = -1  # the producer's clock


class Settler:
    """A context manager. ``settled`` is what was done with letters, as of the last transaction's end."""

    def __init__(
        self,
        kafka: Mapping[str, Any],
        migration: str,
        direction: Direction,
        letters: Topic,
        written: Sequence[Topic],
        failpoints: Failpoints | None = None,
    ) -> None:
        """``written`` are the topics that outputs go to."""
        self._cluster = Cluster(kafka)
        self._letters = letters
        self._name = f"{migration} ({direction})"
        self._state = self._state_topic()
        self._failpoints = failpoints or Failpoints()
        self._writer = Writer(
            kafka, [*written, self._state], f"instar.{migration}.{direction}.redrive", self._failpoints
        )
        self.settled: dict[LetterPosition, Settled] = {}

    def __enter__(self) -> Self:
        self._renew()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.discard()

    def attempt(
        self,
        outputs: Iterable[tuple[str, int, Sequence[Output]]],
        settled: Mapping[LetterPosition, Settled],
        check: Callable[[], None] | None = None,
    ) -> bool:
        """Publish outputs (topic, partition, records) and what they settle, in one transaction.

        False: nothing is known to be committed; ``self.settled`` was read again and says what is. ``check`` runs when
        everything is written and nothing visible yet; what it raises aborts the transaction and passes through.
        Raises ``KafkaTrouble``.
        """
        try:
            self._failpoints.hit("transformed", in_transaction=False)
            self._writer.begin()
            for topic, partition, records in outputs:
                self._writer.produce(topic, partition, records)
            for position, said in settled.items():
                state = Output(position.key, said.content(), (), _NOW)
                self._writer.produce(self._state.name, position.partition, [state])
            self._failpoints.hit("produced", in_transaction=True)
            if check is not None:
                self._writer.flush()
                self._checked(check)
            self._writer.commit([], None)
        except Aborted:
            self._abort()
            return False
        except AmbiguousOutcome:
            self._renew()
            return False
        except Fenced as problem:
            raise self._fenced() from problem
        self.settled |= settled
        return True

    def _checked(self, check: Callable[[], None]) -> None:
        try:
            check()
        except Exception:
            self._abort()
            raise

    def _abort(self) -> None:
        try:
            self._writer.abort()
        except (Aborted, AmbiguousOutcome):
            self._renew()

    def _renew(self) -> None:
        """A new producer with the same id, which ends what was open; then what is committed is known."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._writer.replace()
                break
            except AmbiguousOutcome as reason:
                if time.monotonic() > deadline_s:
                    raise Unreachable(
                        f"Kafka did not answer for {PATIENCE_S:.0f} s: {reason}.",
                        "Run the command again when the cluster is back; what is settled stays settled.",
                    ) from reason
                time.sleep(_BACKOFF_S)
            except Fenced as problem:
                raise self._fenced() from problem
        self.settled = read_settled(self._cluster, self._letters)

    def _state_topic(self) -> Topic:
        name = redrive.state_topic(self._letters.name)
        if self._cluster.find(name) is None:
            # Compacted: each letter has a key of its own, so that what was done with it is kept for ever.
            self._cluster.create(name, self._letters.partitions, {"cleanup.policy": "compact"})
        return self._cluster.topic(name)

    def _fenced(self) -> Fenced:
        return Fenced(
            f"Another redrive or discard of {self._name} began while this one ran. This one has written nothing since.",
            "Let the other finish, then look at `instar dlq list`.",
        )
