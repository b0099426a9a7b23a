"""The broker that is built into librdkafka: for a try-out and fast tests, in this process's memory.

What it cannot do (measured): it keeps about 5 MiB a partition, gives every topic four partitions, has no topic ids and
no topic settings, does not store offsets that are sent in a transaction, and shows aborted records to readers. It says
nothing about exactly-once.
"""

from types import TracebackType
from typing import Self

from confluent_kafka import Producer

START_TIMEOUT_S = 10.0


class BuiltInBroker:
    """Runs as long as it is entered. Other processes on this machine can connect to ``bootstrap``."""

    def __init__(self) -> None:
        self._owner: Producer | None = None
        self.bootstrap = ""

    def __enter__(self) -> Self:
        # The broker announces itself as a warning on stderr, which would alarm people.
        self._owner = Producer({"test.mock.num.brokers": 1, "log_level": 2})
        brokers = self._owner.list_topics(timeout=START_TIMEOUT_S).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owner is not None:
            self._owner.close()
            self._owner = None
