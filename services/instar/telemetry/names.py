"""Every name that goes out: spans, attributes, metrics.

Where OpenTelemetry's conventions for messaging systems (semconv 1.3x, and those for Kafka) have a name it is used;
what they have no word for begins with ``instar.``. Units are UCUM's, as the conventions ask.
"""

from typing import Final, NamedTuple

SCOPE: Final = "instar"
SYSTEM: Final = "kafka"

# ------------------------------------------------------------------ attributes of the conventions

MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_DESTINATION_PARTITION_ID: Final = "messaging.destination.partition.id"
MESSAGING_CONSUMER_GROUP_NAME: Final = "messaging.consumer.group.name"
MESSAGING_BATCH_MESSAGE_COUNT: Final = "messaging.batch.message_count"
MESSAGING_KAFKA_OFFSET: Final = "messaging.kafka.offset"
MESSAGING_KAFKA_MESSAGE_TOMBSTONE: Final = "messaging.kafka.message.tombstone"
ERROR_TYPE: Final = "error.type"
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"

# ------------------------------------------------------------------ attributes of our own

MIGRATION: Final = "instar.migration"
DIRECTION: Final = "instar.direction"
COMMAND: Final = "instar.command"
DRY_RUN: Final = "instar.dry_run"
CORRECTION: Final = "instar.correction"  # a range that is carried once more
REPLAY: Final = "instar.replay"  # the records are history that is carried by a backfill
REDRIVE: Final = "instar.redrive"  # the record was a dead letter
SUBJECT: Final = "instar.subject"
VERSION: Final = "instar.version"  # the record's own, as ``v1``
RESULT: Final = "instar.result"
HOP: Final = "instar.hop"
FROM_VERSION: Final = "instar.version.from"
TO_VERSION: Final = "instar.version.to"
OUTCOME: Final = "instar.transaction.outcome"
SAMPLED_RECORDS: Final = "instar.records.sampled"  # of a transaction: how many its producers sampled
DEAD_LETTERED: Final = "instar.records.dead_lettered"
THROTTLE_CAUSE: Final = "instar.throttle.cause"
FAULT: Final = "instar.verification.fault"
MODE: Final = "instar.verification.mode"
COVERAGE: Final = "instar.verification.coverage"
FAULTS: Final = "instar.verification.faults"
GROUP: Final = "instar.translation.group"

# ------------------------------------------------------------------ spans and events

EVENT_HOP: Final = "hop"
POLL: Final = "poll"
PROCESS: Final = "process"
REDRIVING: Final = "redrive"
SEND: Final = "send"
COMMIT: Final = "commit"
TRANSFORM: Final = "transform"

# ------------------------------------------------------------------ metrics


class Metric(NamedTuple):
    name: str
    unit: str
    description: str


CONSUMED = Metric("messaging.client.consumed.messages", "{message}", "Records read, committed transactions only.")
SENT = Metric("messaging.client.sent.messages", "{message}", "Records published, committed transactions only.")
OPERATION_DURATION = Metric("messaging.client.operation.duration", "s", "How long a commit took: flush to answer.")
RECORDS = Metric("instar.records", "{record}", "Source records by what became of them.")
READ_SIZE = Metric("instar.read.size", "By", "Keys and values read.")
TRANSACTIONS = Metric("instar.transactions", "{transaction}", "Transactions by how they ended.")
TRANSACTION_DURATION = Metric("instar.transaction.duration", "s", "From a transaction's first poll to its end.")
LATENCY = Metric(
    "instar.end_to_end.latency",
    "s",
    "From the source record's timestamp to its commit in the target; the oldest of a transaction in each partition.",
)
LAG_RECORDS = Metric("instar.lag.records", "{record}", "Offsets between the checkpoint and the end of the partition.")
LAG_TIME = Metric("instar.lag.time", "s", "Age of the last record carried, 0 where nothing is left to read.")
CHECKPOINT_AGE = Metric("instar.checkpoint.age", "s", "Time since the partition's last checkpoint, or its assignment.")
THROTTLED = Metric("instar.throttle.active", "1", "1 for the cause that holds the worker back now, 0 for the others.")
VERIFIED_COVERAGE = Metric("instar.verification.coverage", "1", "Part of the source's offsets that were compared.")
VERIFIED_FAULTS = Metric("instar.verification.faults", "{fault}", "What the last comparison found, by kind.")
VERIFIED_RECORDS = Metric("instar.verification.records", "{record}", "Source records that the last comparison read.")

# Seconds. A transaction is of milliseconds to half a minute; a record may have waited for years.
DURATION_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LATENCY_BOUNDS_S: Final = (
    *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0),
    *(6 * 3_600.0, 86_400.0, 7 * 86_400.0, 30 * 86_400.0, 365 * 86_400.0),
)
