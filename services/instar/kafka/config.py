"""Client settings. Ours are the ones that correctness or measured speed decides; the user's pass through otherwise.

A user may not override what exactly-once rests on; trying to is refused by name rather than ignored.
"""

from collections.abc import Mapping
from typing import Any

from instar import __version__
from instar.kafka.errors import Refused

Config = dict[str, Any]

# What the guarantees of design section 8 rest on.
_OURS = {
    "group.id",
    "group.instance.id",
    "group.protocol",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "isolation.level",
    "partition.assignment.strategy",
    "enable.partition.eof",
    "transactional.id",
    "enable.idempotence",
    "acks",
    "request.required.acks",
}

TRANSACTION_TIMEOUT_MS = 30_000  # short, or a crashed slot that never returns pins readers for long
MESSAGE_TIMEOUT_MS = 20_000  # librdkafka requires it below the transaction's
SESSION_TIMEOUT_MS = 10_000
MAX_POLL_INTERVAL_MS = 60_000
_CONSUMER_ONLY_PREFIXES = ("fetch.", "queued.", "session.", "heartbeat.", "max.poll.")
_PRODUCER_ONLY = {"linger.ms", "compression.type", "compression.codec", "batch.size", "queue.buffering.max.messages"}


def base(kafka: Mapping[str, Any]) -> Config:
    """The settings that every client shares. Raises ``Refused`` for a setting that instar must own."""
    taken = sorted(_OURS & set(kafka))
    if taken:
        raise Refused(
            f"The kafka settings set {', '.join(taken)}, which instar sets itself: exactly-once rests on it.",
            "Remove it from [tool.instar.environments.<name>] kafka.",
        )
    # librdkafka writes its log past ours, and says at level 3 what comes back to us as an error anyway.
    return {"client.id": f"instar-{__version__}", "log_level": 2, **kafka}


def admin(kafka: Mapping[str, Any]) -> Config:
    return {
        name: value
        for name, value in base(kafka).items()
        if not name.startswith(_CONSUMER_ONLY_PREFIXES) and name not in _PRODUCER_ONLY
    }


def consumer(kafka: Mapping[str, Any], *, group: str, instance: str | None = None) -> Config:
    """A transactional worker's consumer: read committed, eager assignor, no commits and no resets of its own."""
    config = {name: value for name, value in base(kafka).items() if name not in _PRODUCER_ONLY}
    defaults: Config = {
        # librdkafka's default of 1000 ms caps a replay at about a fifth of what 5 ms gives.
        "fetch.queue.backoff.ms": 5,
        "fetch.wait.max.ms": 50,
        "queued.max.messages.kbytes": 32_768,
        "session.timeout.ms": SESSION_TIMEOUT_MS,
        "max.poll.interval.ms": MAX_POLL_INTERVAL_MS,
        # A topic that is deleted and made again is noticed within this time.
        "topic.metadata.refresh.interval.ms": 10_000,
    }
    ours: Config = {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        # Cooperative rebalancing with manual commits was long broken in librdkafka (#4059, #4220).
        "partition.assignment.strategy": "range",
        "enable.partition.eof": True,
    }
    if instance is not None:
        ours["group.instance.id"] = instance
    return defaults | config | ours


def reader(kafka: Mapping[str, Any], *, committed: bool = True) -> Config:
    """A consumer outside any group's business: assigns by hand, commits nothing."""
    config = {name: value for name, value in base(kafka).items() if name not in _PRODUCER_ONLY}
    return {
        "fetch.queue.backoff.ms": 5,
        "fetch.wait.max.ms": 50,
        **config,
        "group.id": "instar.reader",  # required by the client, never joined and never committed to
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed" if committed else "read_uncommitted",
        "enable.partition.eof": True,
    }


def offsets_of(kafka: Mapping[str, Any], group: str) -> Config:
    """A consumer that only reads or sets a group's offsets and never joins.

    Read uncommitted, so that it does not wait for what an open transaction is about to commit.
    """
    return reader(kafka, committed=False) | {"group.id": group}


def plain_producer(kafka: Mapping[str, Any]) -> Config:
    """A producer of what may be lost: what is late is given up, and little is held meanwhile."""
    config = {name: value for name, value in base(kafka).items() if not name.startswith(_CONSUMER_ONLY_PREFIXES)}
    return config | {"linger.ms": 100, "message.timeout.ms": 60_000, "queue.buffering.max.messages": 10_000}


def producer(kafka: Mapping[str, Any], *, transactional_id: str, largest_record_bytes: int, batch_bytes: int) -> Config:
    """A transactional worker's producer. ``largest_record_bytes`` is the largest limit of the topics it writes."""
    config = {name: value for name, value in base(kafka).items() if not name.startswith(_CONSUMER_ONLY_PREFIXES)}
    defaults: Config = {
        "compression.type": "lz4",
        "linger.ms": 5,
        # Kafka checks a whole batch against the topic's limit, so no batch may be larger than the smallest limit.
        "batch.size": min(batch_bytes, 1_000_000),
        "queue.buffering.max.messages": 500_000,
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "message.timeout.ms": MESSAGE_TIMEOUT_MS,
    }
    ours: Config = {
        "transactional.id": transactional_id,
        "message.max.bytes": max(largest_record_bytes, 1_000),
    }
    return defaults | config | ours
