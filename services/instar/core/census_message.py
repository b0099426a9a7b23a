"""A summary for the census: who read or wrote which versions of a subject, in one window of time.

The same message serves three reporters. A program that reads or writes with the client library says ``reads`` or
``writes``: ``versions`` are those that *it* depends on, ``found`` those that the records it read really had. A worker
or a scan says ``mix``: ``versions`` are those of the records of one partition; ``client`` is then the producer, where
something names it.

On the wire it is a JSON object with its own format number. Keys that a reader does not know are ignored, so that a
later reporter may say more; what changes the meaning of a key is a new format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import orjson

from instar.core.rejected import UNKNOWN_VERSION, UNREADABLE, Rejected
from instar.core.version import parse_label

FORMAT: Final = 1
TOPIC: Final = "instar.census"
LIMIT_VERSIONS: Final = 1000
LIMIT_NAME_CHARS: Final = 512
MAX_COUNT: Final = 2**63 - 1

Kind = Literal["reads", "writes", "mix"]
_KINDS: Final = frozenset(get_args(Kind))


@dataclass(frozen=True, slots=True)
class CensusMessage:
    """``versions`` and ``found`` are records by version, written ``v2``; times are milliseconds since 1970 UTC.

    ``partition`` is None where the reporter does not tell partitions apart, ``group`` is empty for a producer.
    """

    kind: Kind
    topic: str
    subject: str
    versions: Mapping[str, int]
    window_start_ms: int
    window_end_ms: int
    partition: int | None = None
    client: str = ""
    group: str = ""
    owner: str = ""
    found: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        """The record's key: what one reporter says of one thing stays in order."""
        where = "" if self.partition is None else str(self.partition)
        return "\n".join((self.kind, self.topic, where, self.subject, self.client, self.group)).encode()

    def encode(self) -> bytes:
        """The record's value."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "kind": self.kind,
            "topic": self.topic,
            "partition": self.partition,
            "subject": self.subject,
            "versions": dict(self.versions),
            "found": dict(self.found),
            "client": self.client,
            "group": self.group,
            "owner": self.owner,
            "window_start_ms": self.window_start_ms,
            "window_end_ms": self.window_end_ms,
        }
        return orjson.dumps(
            {key: each for key, each in document.items() if key == "versions" or each not in (None, "", {})}
        )


def parse(value: bytes) -> CensusMessage | Rejected:
    """A record's value. Rejected: ``unreadable``, with the key that is wrong; ``unknown-version``, a later format."""
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        return Rejected(UNREADABLE, "A message of the census is not JSON.")
    if not isinstance(said, dict):
        return Rejected(UNREADABLE, "A message of the census is not a JSON object.")
    number = said.get("format")
    if number != FORMAT or isinstance(number, bool):
        is_later = isinstance(number, int) and number > FORMAT
        code = UNKNOWN_VERSION if is_later else UNREADABLE
        return Rejected(code, f"A message of the census is not of format {FORMAT}, which is read here.", path="format")
    wrong = _wrong_key(said)
    if wrong is not None:
        return Rejected(UNREADABLE, f"A message of the census does not hold a usable {wrong!r}.", path=wrong)
    return CensusMessage(
        kind=said["kind"],
        topic=said["topic"],
        subject=said["subject"],
        versions=said["versions"],
        window_start_ms=said["window_start_ms"],
        window_end_ms=said["window_end_ms"],
        partition=said.get("partition"),
        client=said.get("client", ""),
        group=said.get("group", ""),
        owner=said.get("owner", ""),
        found=said.get("found", {}),
    )


def _wrong_key(said: Mapping[str, Any]) -> str | None:
    """The first key that is missing or holds what it may not; None when all are well."""
    kind = said.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        return "kind"
    for key in ("topic", "subject"):
        if not _is_name(said.get(key)) or not said[key]:
            return key
    for key in ("client", "group", "owner"):
        if not _is_name(said.get(key, "")):
            return key
    for key in ("versions", "found"):
        if not _is_counts(said.get(key, {} if key == "found" else None)):
            return key
    if said.get("partition") is not None and not _is_count(said["partition"]):
        return "partition"
    for key in ("window_start_ms", "window_end_ms"):
        if not _is_count(said.get(key)):
            return key
    return "window_end_ms" if said["window_end_ms"] < said["window_start_ms"] else None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LIMIT_NAME_CHARS


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _is_counts(value: object) -> bool:
    if not isinstance(value, dict) or len(value) > LIMIT_VERSIONS:
        return False
    return all(parse_label(name) is not None and _is_count(count) for name, count in value.items())
