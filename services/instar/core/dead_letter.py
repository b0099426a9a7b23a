"""A dead letter: the original key, value and headers, and one header that says why and from where."""

from dataclasses import dataclass
from typing import Any

import orjson

from instar.core.provenance import Direction
from instar.core.record import Headers, Output, Record
from instar.core.rejected import Rejected

HEADER = "instar-dead-letter"
FORMAT = 1
MAX_MESSAGE_CHARS = 2_000  # an exception's text can be as long as the payload it quotes
MAX_PATH_CHARS = 1_000  # the keys of a map are data, and as long as their producer likes


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record stood. ``topic_id`` is the topic's UUID in hexadecimal, so that a re-created topic differs."""

    topic: str
    topic_id: str
    partition: int
    offset: int
    timestamp_ms: int


def dead_letter(record: Record, topic_id: bytes, rejected: Rejected, migration: str, direction: Direction) -> Output:
    """The output for a rejected record.

    Its Kafka timestamp is left to the producer: with the source's own, the dead-letter topic's retention could delete
    it on arrival (KIP-870). The source's timestamp is in the header.
    """
    said = {
        "format": FORMAT,
        "migration": migration,
        "direction": direction,
        "code": rejected.code,
        "message": _storable(rejected.message[:MAX_MESSAGE_CHARS]),
        "subject": rejected.subject,
        "hop": rejected.hop,
        "path": None if rejected.path is None else _storable(rejected.path[:MAX_PATH_CHARS]),
        "from_version": rejected.from_version,
        "to_version": rejected.to_version,
        "source": {
            "topic": record.topic,
            "topic_id": topic_id.hex(),
            "partition": record.partition,
            "offset": record.offset,
            "timestamp_ms": record.timestamp_ms,
        },
    }
    headers: Headers = (*record.headers, (HEADER, orjson.dumps(said)))
    return Output(record.key, record.value, headers, -1)


def _storable(text: str) -> str:
    """Half a surrogate pair, which an exception's text may hold, has no place in UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A dead letter's header, read back."""

    migration: str
    direction: str
    rejected: Rejected
    source: Position


def parse(headers: Headers) -> tuple[Verdict, Headers] | None:
    """The verdict and the record's original headers; None when the last header is not a dead letter's.

    A record that was a dead letter before it was consumed carries an older verdict among its original headers, which
    stays: only the last one is ours.
    """
    if not headers or headers[-1][0] != HEADER or headers[-1][1] is None:
        return None
    try:
        said: dict[str, Any] = orjson.loads(headers[-1][1])
        if said["format"] != FORMAT:
            return None
        rejected = Rejected(
            said["code"],
            said["message"],
            subject=said["subject"],
            hop=said["hop"],
            path=said["path"],
            from_version=said["from_version"],
            to_version=said["to_version"],
        )
        return Verdict(said["migration"], said["direction"], rejected, Position(**said["source"])), headers[:-1]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
