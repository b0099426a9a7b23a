"""A record as Kafka holds it, and the context of a record that hops may look at."""

from typing import NamedTuple

Headers = tuple[tuple[str, bytes | None], ...]

TIMESTAMP_NONE_MS = -1


class Record(NamedTuple):
    """One consumed record. ``timestamp_ms`` is milliseconds since 1970 UTC, -1 when the record has none."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


class Output(NamedTuple):
    """One record to publish. The target topic and the partition are the bridge's to add."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


class Context(NamedTuple):
    """What a function hop may know of its record beside the value itself."""

    key: bytes | None = None
    headers: Headers = ()
    timestamp_ms: int = TIMESTAMP_NONE_MS
    topic: str = ""
    partition: int = -1
    offset: int = -1
