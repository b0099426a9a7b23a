"""A consumer that a rollout can send to the other topic: its group leaves, and goes on exactly where it stood."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaException, Message

from instar.client.authority import Authority
from instar.client.errors import SetupError
from instar.core.rollout.phase import Side

log = logging.getLogger("instar.client")

_OURS = ("group.id",)
_LEFT_POLL_S = 0.2


class ManagedConsumer:
    """Reads whichever topic of a migration the rollout has sent its group to; the old one before any word.

    ``settings`` are librdkafka's, all of them but ``group.id``. Where offsets are committed by themselves, a message
    counts as read once the next one is asked for. (librdkafka 2.16's own way loses records: a consumer of committed
    records that closes in the middle of a transaction commits past what it has not given yet.) ``on_leave`` is called
    with the consumer before it is closed: who commits by hand commits there what ``poll`` has given so far. Raises
    ``SetupError`` when it is made. For one thread. When the control topic cannot be read it goes on as it was told
    last: reading twice harms nobody, and its group's offsets are only moved once it has left.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        migration: str,
        *,
        group: str,
        old: str,
        new: str,
        on_leave: Callable[[Consumer], None] = lambda _: None,
    ) -> None:
        if any(name in settings for name in _OURS):
            raise SetupError("The settings name a group.id.", remedy="Say group= instead.")
        self._settings = {"log_level": 3, "enable.auto.offset.store": False, **settings, "group.id": group}
        self._stores = "enable.auto.offset.store" not in settings
        self._given: Message | None = None
        self._topics: Mapping[Side, str] = {"old": old, "new": new}
        self._group = group
        self._on_leave = on_leave
        self._consumer: Consumer | None = None
        self._side: Side | None = None
        self._authority = Authority(_reaching(settings), migration)

    def poll(self, timeout_s: float) -> Message | None:
        """The next message or error event, or None; call it again and again, as one does a consumer's.

        When the group is asked to leave, the consumer is closed here, between two messages; none comes until the group
        is told where to go on. Raises ``KafkaException`` as the consumer does.
        """
        self._count_read()
        self._obey()
        if self._consumer is None:
            self._authority.wait(min(timeout_s, _LEFT_POLL_S))
            return None
        message = self._consumer.poll(timeout_s)
        if message is not None and message.error() is None:
            self._given = message
        return message

    @property
    def consumer(self) -> Consumer | None:
        """The consumer underneath, for commits and positions; None while the group has been asked to leave."""
        return self._consumer

    @property
    def topic(self) -> str | None:
        """The topic that is read now."""
        return None if self._side is None else self._topics[self._side]

    def close(self) -> None:
        """Leave; the last message that ``poll`` gave counts as read."""
        self._count_read()
        self._leave()
        self._authority.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _obey(self) -> None:
        asked = self._authority.said.groups.get(self._group)
        side: Side | None = "old"
        if asked is not None:
            side = asked.side if asked.order == "read" else None
        if side == self._side:
            return
        self._leave()
        if side is not None:
            consumer = Consumer(self._settings)
            consumer.subscribe([self._topics[side]])
            self._consumer, self._side = consumer, side
            log.info("group %s reads %s", self._group, self._topics[side])

    def _count_read(self) -> None:
        message, self._given = self._given, None
        if message is None or self._consumer is None or not self._stores:
            return
        with suppress(KafkaException):  # its partition is another member's by now, who reads it again
            self._consumer.store_offsets(message)

    def _leave(self) -> None:
        consumer, self._consumer, self._side = self._consumer, None, None
        if consumer is not None:
            try:
                self._on_leave(consumer)
            finally:
                consumer.close()


_OF_A_CONSUMER = ("group.", "auto.", "enable.", "isolation.", "partition.assignment.")


def _reaching(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those settings that reach the cluster: what a consumer does there is another matter."""
    return {name: value for name, value in settings.items() if not name.startswith(_OF_A_CONSUMER)}
