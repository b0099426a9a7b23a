"""The census as a whole: the newest state of every result, and the shards added up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from instar.core.census_message import MAX_COUNT
from instar.core.census_result import Client, Mix, Result, Seen


class MixKey(NamedTuple):
    """``producer`` is empty where nothing names it."""

    window_start_ms: int
    window_ms: int
    topic: str
    subject: str
    producer: str


@dataclass(frozen=True, slots=True)
class Census:
    """``mixes``: records by version, written ``v2``. ``clients`` are in the order of their names."""

    mixes: Mapping[MixKey, Mapping[str, int]]
    clients: tuple[Client, ...]

    def of_subject(self, subject: str) -> "Census":
        mixes = {key: versions for key, versions in self.mixes.items() if key.subject == subject}
        return Census(mixes, tuple(client for client in self.clients if client.subject == subject))

    def since(self, at_ms: int) -> "Census":
        """Without the windows that ended, and the clients that were last heard of, before a time."""
        mixes = {key: each for key, each in self.mixes.items() if key.window_start_ms + key.window_ms > at_ms}
        return Census(mixes, tuple(client for client in self.clients if client.last_ms >= at_ms))


class Total(NamedTuple):
    """One version in a topic over several windows. ``share`` is its part of the topic's records of that subject."""

    topic: str
    subject: str
    producer: str
    version: str
    records: int
    share: float
    last_window_start_ms: int


def newest(results: Iterable[Result]) -> list[Result]:
    """Of each result the state that counts most: several instances may have written it while one gave way."""
    found: dict[bytes, Result] = {}
    for result in results:
        known = found.get(result.key)
        if known is None or result.offset > known.offset:
            found[result.key] = result
    return list(found.values())


def fold(results: Iterable[Result]) -> Census:
    """The census that the results amount to; their order does not matter."""
    mixes: dict[MixKey, dict[str, int]] = {}
    clients: dict[tuple[str, ...], Client] = {}
    for result in sorted(newest(results), key=lambda each: each.shard):
        if isinstance(result, Mix):
            key = MixKey(result.window_start_ms, result.window_ms, result.topic, result.subject, result.producer)
            sums = mixes.setdefault(key, {})
            for name, count in result.versions.items():
                sums[name] = min(sums.get(name, 0) + count, MAX_COUNT)
        else:
            who = (result.subject, result.topic, result.kind, result.client, result.group)
            known = clients.get(who)
            clients[who] = result if known is None else _both(known, result)
    return Census(dict(sorted(mixes.items())), tuple(clients[who] for who in sorted(clients)))


def totals(census: Census) -> list[Total]:
    """The mix over all windows of a census, by topic, subject, producer and version."""
    records: dict[tuple[str, str, str, str], int] = {}
    last: dict[tuple[str, str, str, str], int] = {}
    whole: dict[tuple[str, str], int] = {}
    for key, versions in census.mixes.items():
        for name, count in versions.items():
            cell = (key.topic, key.subject, key.producer, name)
            records[cell] = records.get(cell, 0) + count
            last[cell] = max(last.get(cell, 0), key.window_start_ms)
            whole[cell[:2]] = whole.get(cell[:2], 0) + count
    return [
        Total(*cell, count, count / whole[cell[:2]] if whole[cell[:2]] else 0.0, last[cell])
        for cell, count in sorted(records.items())
    ]


def _both(one: Client, other: Client) -> Client:
    """The same client in two shards: its key was spread by two kinds of producers, or the topic has grown."""
    newer = one if one.last_ms >= other.last_ms else other
    return replace(
        newer,
        offset=-1,
        versions=_added(one.versions, other.versions),
        found=_added(one.found, other.found),
    )


def _added(one: Mapping[str, Seen], other: Mapping[str, Seen]) -> dict[str, Seen]:
    sums = dict(one)
    for name, seen in other.items():
        known = sums.get(name, Seen(0, 0))
        sums[name] = Seen(min(known.records + seen.records, MAX_COUNT), max(known.last_ms, seen.last_ms))
    return sums
