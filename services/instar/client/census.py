"""Summaries into the census topic: an ``on_use`` for the deserializer and the serializer."""

import logging
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from instar.core.census_message import TOPIC, CensusMessage

_log = logging.getLogger("instar.client")

_FLUSH_WITHIN_S = 2.0
# A summary that is late is of no use: it is given up after a minute, and few are held meanwhile.
_SETTINGS: Mapping[str, Any] = {
    "client.id": "instar-client",
    "linger.ms": 100,
    "message.timeout.ms": 60_000,
    "queue.buffering.max.messages": 1_000,
    "log_level": 3,
}


class CensusTopic:
    """``kafka`` are librdkafka's settings that reach the broker. The producer is made with the first summary.

    Share one among all deserializers and serializers of a program.
    """

    def __init__(self, kafka: Mapping[str, Any], topic: str = TOPIC) -> None:
        self._kafka = {**_SETTINGS, **kafka, "error_cb": self._on_error}
        self._topic = topic
        self._producer: Producer | None = None
        self.undelivered = 0

    def __call__(self, message: CensusMessage) -> None:
        """Queue one summary. Raises BufferError when the broker has been away for long, which ``Usage`` catches."""
        producer = self._producer
        if producer is None:
            producer = self._producer = Producer(self._kafka)
        producer.produce(self._topic, message.encode(), message.key, on_delivery=self._on_delivery)
        producer.poll(0)

    def close(self, within_s: float = _FLUSH_WITHIN_S) -> None:
        """Send what is queued, waiting no longer than ``within_s`` seconds; what is left then is lost."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.flush(within_s)

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self.undelivered += 1
            _log.info("a summary for %s was not delivered: %s", self._topic, error)

    def _on_error(self, error: KafkaError) -> None:
        _log.debug("the census producer: %s", error)
