"""Publishing what may be lost: summaries for the census, beside the work and outside its transactions."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from instar.kafka import config

log = structlog.get_logger(__name__)

_FLUSH_WITHIN_S = 2.0


class SummaryProducer:
    """Nothing that it does raises or waits; ``lost`` are the summaries that were not delivered.

    The producer is made with the first summary. Idempotence is left off: it would stop for good at what can only be
    given up.
    """

    def __init__(self, kafka: Mapping[str, Any], topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._producer: Producer | None = None
        self._said = False
        self.lost = 0

    def send(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Queue summaries, each with its key."""
        messages = list(messages)
        try:
            producer = self._producer
            if producer is None:
                settings = {**config.plain_producer(self._kafka), "error_cb": _ignore}
                producer = self._producer = Producer(settings)
            for key, value in messages:
                producer.produce(self._topic, value, key, on_delivery=self._on_delivery)
            producer.poll(0)
        except (BufferError, KafkaException) as reason:
            self._lose(len(messages), str(reason))

    def close(self) -> None:
        """Give what is queued a moment to arrive."""
        if self._producer is not None:
            self._producer.flush(_FLUSH_WITHIN_S)
            self._producer = None

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._lose(1, error.str())

    def _lose(self, count: int, reason: str) -> None:
        self.lost += count
        if not self._said:
            self._said = True
            log.warning("the census is not told; the work goes on", topic=self._topic, reason=reason)


def _ignore(_error: KafkaError) -> None:
    """What matters of it comes back with each delivery."""
