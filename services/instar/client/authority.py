"""Which of a migration's topics programs may write now, as the control topic says it: read, confirmed, answered."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from instar.client.errors import SetupError
from instar.core.control import TOPIC
from instar.core.rollout.control_messages import Message, Said, key_of, said_of, value_of
from instar.core.rollout.phase import Side
from instar.kafka.cluster import Cluster
from instar.kafka.entries import EntriesFollower, write_entries
from instar.kafka.errors import AmbiguousOutcome, KafkaTrouble

log = logging.getLogger("instar.client")

CONFIRM_EVERY_S = 1.0
START_TIMEOUT_S = 30.0


Word = tuple[int, str, str]
"""What an epoch record says to a producer: number, authority, state. Who wrote it, and when, does not matter."""


@dataclass(frozen=True, slots=True)
class Standing:
    """``word`` None: the epoch record cannot be read, which is treated as closing. ``side`` None: nobody may write."""

    word: Word | None
    side: Side | None

    @classmethod
    def of(cls, said: Said) -> "Standing":
        sides: tuple[Side, Side] = ("old", "new")
        side = next((side for side in sides if said.may_write(side)), None)
        epoch = said.epoch
        if epoch is not None:
            return cls((epoch.epoch, epoch.authority, epoch.state), side)
        return cls(None if side is None else (0, "old", "open"), side)


class Authority:
    """Follows what a migration's rollout says. ``changed`` is called, in a thread of ours, whenever that may differ.

    Raises ``SetupError`` where the control topic is not read to its end within ``START_TIMEOUT_S``.
    """

    def __init__(
        self,
        kafka: Mapping[str, Any],
        migration: str,
        *,
        announce: Message | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._migration = migration
        self._changed = changed
        self._told = ""
        self._news = threading.Condition()
        self._said = Said()
        self._standing = Standing.of(self._said)
        self._lost = False
        try:
            self._cluster = Cluster(kafka)
            if announce is not None:
                # Before the topic is read: a coordinator that closes an epoch after this waits for us, and a record
                # that says closing before it is one that we read.
                self.say(announce)
            # Who only reads may go on with an old word.
            confirm_every_s = None if announce is None else CONFIRM_EVERY_S
            self._follower = EntriesFollower(
                kafka, TOPIC, self._seen, troubled=self._tell, confirm_every_s=confirm_every_s
            )
        except KafkaTrouble as trouble:
            said = f"The control topic of {migration} cannot be used. {trouble}"
            raise SetupError(said, remedy=trouble.remedy) from trouble
        try:
            self._follower.catch_up(START_TIMEOUT_S)
        except (AmbiguousOutcome, KafkaTrouble) as trouble:
            self._follower.close()
            raise SetupError(
                f"What the rollout of {migration} says is not known: {trouble}.",
                remedy="Start again when the cluster answers.",
            ) from trouble

    @property
    def said(self) -> Said:
        with self._news:
            return self._said

    @property
    def standing(self) -> Standing:
        """What the newest epoch record that we have says. Cheap: asked for every record."""
        return self._standing

    @property
    def age_s(self) -> float:
        """For so long it has not been confirmed that this word is the newest."""
        return time.monotonic() - self._follower.confirmed_s

    @property
    def lost(self) -> bool:
        """There was an epoch record and is none: the topic was deleted. Nobody may write until there is one again."""
        return self._lost

    def say(self, *messages: Message) -> None:
        """Put messages into the control topic. Raises ``KafkaTrouble``."""
        write_entries(
            self._cluster, TOPIC, {key_of(self._migration, message): value_of(message) for message in messages}
        )

    def take_back(self, *messages: Message) -> None:
        """Take messages of these keys back. Raises ``KafkaTrouble``."""
        write_entries(self._cluster, TOPIC, {key_of(self._migration, message): None for message in messages})

    def wait(self, timeout_s: float) -> None:
        """Until something new is said, or that long."""
        with self._news:
            self._news.wait(timeout_s)

    def close(self) -> None:
        self._follower.close()

    def _seen(self, entries: Mapping[str, bytes]) -> None:
        said = said_of(self._migration, entries)
        with self._news:
            # Nobody takes a record back. Without it the old topic would seem to have authority, and groups to read it.
            self._lost = said.epoch is None and self._said.epoch is not None and not said.unreadable
            differs = said != self._said or self._lost
            if not self._lost:
                self._said = said
            self._standing = Standing(None, None) if self._lost else Standing.of(said)
            self._news.notify_all()
        if differs:
            self._changed()

    def _tell(self, trouble: KafkaTrouble) -> None:
        if str(trouble) != self._told:
            self._told = str(trouble)
            log.warning("The control topic of %s cannot be read: %s", self._migration, trouble)
