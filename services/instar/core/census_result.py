"""What the census makes of the summaries: results, each of which stands for all summaries of one thing so far.

A result is also the state that it is computed from, so that one write keeps both. It remembers the offset of the last
summary that it counts: a summary that is read again, after a crash, changes nothing. That is why a result belongs to
one ``shard``, a partition of the census topic, within which offsets have an order; ``census_fold`` adds the shards up.

On the wire a result is a JSON object with its own format number, under a key that is the same for every later state of
the same thing: the topic of results is compacted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple, TypeGuard, get_args

import orjson

from instar.core.census_message import LIMIT_VERSIONS, MAX_COUNT, CensusMessage
from instar.core.rejected import UNKNOWN_VERSION, UNREADABLE, Rejected
from instar.core.version import parse_label

FORMAT: Final = 1
WINDOW_MS: Final = 60_000

ClientKind = Literal["reads", "writes"]
_CLIENT_KINDS: Final = frozenset(get_args(ClientKind))


class Seen(NamedTuple):
    """Records of one version, and when the last summary that names it ended (milliseconds since 1970 UTC)."""

    records: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Mix:
    """The versions of a topic's records in one window, as one producer wrote them ("" where nothing names it)."""

    shard: int
    offset: int
    window_start_ms: int
    window_ms: int
    topic: str
    subject: str
    producer: str
    versions: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        return orjson.dumps(
            ["mix", self.shard, self.window_start_ms, self.window_ms, self.topic, self.subject, self.producer]
        )

    def encode(self) -> bytes:
        return _encode("mix", self)


@dataclass(frozen=True, slots=True)
class Client:
    """What one program reads or writes: ``versions`` it depends on, ``found`` it met in the topic."""

    shard: int
    offset: int
    kind: ClientKind
    topic: str
    subject: str
    client: str
    group: str
    owner: str = ""
    versions: Mapping[str, Seen] = field(default_factory=dict)
    found: Mapping[str, Seen] = field(default_factory=dict)

    @property
    def key(self) -> bytes:
        return orjson.dumps([self.kind, self.shard, self.topic, self.subject, self.client, self.group])

    def encode(self) -> bytes:
        return _encode(self.kind, self)

    @property
    def last_ms(self) -> int:
        """When it was last heard of; 0 when it has not used any version."""
        return max((seen.last_ms for seen in self.versions.values()), default=0)


Result = Mix | Client


def window_start_ms(at_ms: int, window_ms: int = WINDOW_MS) -> int:
    """The start of the window that a time falls into. Windows begin at multiples of their length since 1970 UTC."""
    return at_ms - at_ms % window_ms


def started(message: CensusMessage, shard: int, window_ms: int = WINDOW_MS) -> Result:
    """The result that the message belongs to, before any message is counted."""
    if message.kind == "mix":
        start_ms = window_start_ms(message.window_start_ms, window_ms)
        return Mix(shard, -1, start_ms, window_ms, message.topic, message.subject, message.client)
    return Client(shard, -1, message.kind, message.topic, message.subject, message.client, message.group)


def counted(result: Result, message: CensusMessage, offset: int) -> Result:
    """The result with the message that stands at ``offset`` of its shard; unchanged where that is counted already.

    A version past ``LIMIT_VERSIONS`` is left out: no topic has that many, but a program gone wrong could name them.
    """
    if offset <= result.offset:
        return result
    if isinstance(result, Mix):
        versions = dict(result.versions)
        for name, count in message.versions.items():
            if name in versions or len(versions) < LIMIT_VERSIONS:
                versions[name] = min(versions.get(name, 0) + count, MAX_COUNT)
        return replace(result, offset=offset, versions=versions)
    return replace(
        result,
        offset=offset,
        owner=message.owner or result.owner,
        versions=_plus(result.versions, message.versions, message.window_end_ms),
        found=_plus(result.found, message.found, message.window_end_ms),
    )


def parse_result(value: bytes) -> Result | Rejected:
    """A record's value. Rejected: ``unreadable``, or ``unknown-version`` for a later format."""
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        return Rejected(UNREADABLE, "A result of the census is not a JSON object.")
    number = said.get("format")
    if number != FORMAT or isinstance(number, bool):
        code = UNKNOWN_VERSION if isinstance(number, int) and number > FORMAT else UNREADABLE
        return Rejected(code, f"A result of the census is not of format {FORMAT}, which is read here.", path="format")
    kind = said.get("kind")
    if kind == "mix":
        return _parse_mix(said)
    if isinstance(kind, str) and kind in _CLIENT_KINDS:
        return _parse_client(said)
    return _unusable("kind")


def _parse_mix(said: Mapping[str, Any]) -> Mix | Rejected:
    for key in ("shard", "offset", "window_start_ms", "window_ms"):
        if not _is_count(said.get(key)):
            return _unusable(key)
    for key in ("topic", "subject", "producer"):
        if not isinstance(said.get(key), str):
            return _unusable(key)
    versions = said.get("versions")
    if not isinstance(versions, dict) or not all(parse_label(name) and _is_count(n) for name, n in versions.items()):
        return _unusable("versions")
    return Mix(
        said["shard"],
        said["offset"],
        said["window_start_ms"],
        said["window_ms"],
        said["topic"],
        said["subject"],
        said["producer"],
        versions,
    )


def _parse_client(said: Mapping[str, Any]) -> Client | Rejected:
    for key in ("shard", "offset"):
        if not _is_count(said.get(key)):
            return _unusable(key)
    for key in ("topic", "subject", "client", "group", "owner"):
        if not isinstance(said.get(key), str):
            return _unusable(key)
    for key in ("versions", "found"):
        each = said.get(key)
        if not isinstance(each, dict) or not all(parse_label(name) and _is_seen(seen) for name, seen in each.items()):
            return _unusable(key)
    return Client(
        said["shard"],
        said["offset"],
        said["kind"],
        said["topic"],
        said["subject"],
        said["client"],
        said["group"],
        said["owner"],
        {name: Seen(*seen) for name, seen in said["versions"].items()},
        {name: Seen(*seen) for name, seen in said["found"].items()},
    )


def _encode(kind: str, result: Result) -> bytes:
    document: dict[str, Any] = {"format": FORMAT, "kind": kind}
    document |= {name: getattr(result, name) for name in result.__slots__ if name != "kind"}
    return orjson.dumps(document, default=list)  # orjson takes no named tuples by itself


def _plus(seen: Mapping[str, Seen], counts: Mapping[str, int], at_ms: int) -> dict[str, Seen]:
    sums = dict(seen)
    for name, count in counts.items():
        before = sums.get(name, Seen(0, 0))
        if name in sums or len(sums) < LIMIT_VERSIONS:
            sums[name] = Seen(min(before.records + count, MAX_COUNT), max(before.last_ms, at_ms))
    return sums


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _is_seen(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_count, value))


def _unusable(key: str) -> Rejected:
    return Rejected(UNREADABLE, f"A result of the census does not hold a usable {key!r}.", path=key)
