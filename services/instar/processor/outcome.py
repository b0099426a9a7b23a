"""What became of a record: counted, and said where it stops the worker."""

from instar.core.bridge import Carried
from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.kafka.errors import KafkaTrouble
from instar.processor.position import Position

OVERTAKEN = Carried("overtaken", [])


def count(position: Position, carried: Carried) -> None:
    counts = position.counts
    counts.read += 1
    result = carried.result
    if result == "published":
        counts.published += 1
        counts.outputs += len(carried.outputs)
    elif result == "dead-lettered":
        counts.dead_lettered += 1
    elif result == "dropped":
        counts.dropped += 1
    elif result == "overtaken":
        counts.overtaken += 1
    elif result == "current":
        counts.current += 1
    else:
        counts.echoed += 1


def halted(record: Record, rejected: Rejected) -> KafkaTrouble:
    where = f" in hop {rejected.hop}" if rejected.hop else ""
    at = f" at {rejected.path}" if rejected.path else ""
    return KafkaTrouble(
        f"Stopped at {record.topic} partition {record.partition} offset {record.offset:,}: {rejected.code}{where}{at}: "
        f"{rejected.message}",
        'Mend the hop or the record and start again; or set on_error = "dead-letter" to go on without it.',
    )
