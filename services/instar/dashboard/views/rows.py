"""A record in one line of a list: what fits there, sensitive fields masked."""

from typing import Any

from instar.core import dead_letter
from instar.core.reading import Read
from instar.core.record import Record
from instar.core.record_text import bytes_text, time_text
from instar.core.rejected import Rejected
from instar.core.value_text import compact
from instar.core.version import label
from instar.dashboard.api.topics import readable
from instar.operations.topic_reader import TopicReader

VALUE_CHARS = 160
KEY_CHARS = 80
WHY_CHARS = 300
LARGE_BYTES = 200_000  # what is larger is looked at when somebody opens it


def row(reader: TopicReader, record: Record) -> dict[str, Any]:
    """The record as one row. ``value`` is JSON in short; ``why`` is there for one that cannot be read, ``letter`` for
    one that is a dead letter."""
    read = reader.read(record)
    size = 0 if record.value is None else len(record.value)
    value, why = (None, None) if size > LARGE_BYTES else readable(read)
    letter = dead_letter.parse(record.headers)
    key = bytes_text(record.key)
    return {
        "partition": record.partition,
        "offset": record.offset,
        "time": time_text(record.timestamp_ms),
        "key": None if key is None else short(key, KEY_CHARS),
        "subject": read.subject.name if isinstance(read, Read) else None,
        "version": label(read.version) if isinstance(read, Read) else None,
        "value": _text(record, value, size),
        "value_bytes": None if record.value is None else size,
        "why": None if why is None else _why(why),
        "letter": None if letter is None else _why(letter[0].rejected),
    }


def short(text: str, chars: int) -> str:
    return text if len(text) <= chars else text[: chars - 1] + "…"


def _text(record: Record, value: Any, size: int) -> str:
    if record.value is None:
        return "tombstone"
    if size > LARGE_BYTES:
        return f"{size:,} bytes"
    return "" if value is None else short(compact(value), VALUE_CHARS)


def _why(rejected: Rejected) -> dict[str, Any]:
    place = "".join((f" in {rejected.hop}" if rejected.hop else "", f" at {rejected.path}" if rejected.path else ""))
    return {"code": rejected.code, "message": short(f"{place.strip()}: {rejected.message}".lstrip(": "), WHY_CHARS)}
