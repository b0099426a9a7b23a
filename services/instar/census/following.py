"""Following the census: what whoever looks again and again needs to read of it is only what came since.

The first look begins with the results, from the state store where it keeps them and otherwise from their topic, and
counts the summaries that the running census has not. After that it counts the summaries as they come, so that it
needs no running census. A look has a limit of time, and goes on where the one before had to stop: until it has come
through, nothing is known, because whoever was not read yet could be the one who depends on a version.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from instar.census.reading import NoCensus
from instar.census.topics import CensusTopics
from instar.core.census_fold import Census, fold
from instar.core.census_message import parse
from instar.core.census_result import Client, Mix, Result, counted, parse_result, started
from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import KafkaTrouble
from instar.kafka.scan import scan

LIMIT_S: Final = 3.0
MIX_MS: Final = 24 * 3_600_000  # how far back windows are kept; a summary may come so late
LIMIT_WINDOWS: Final = 100_000  # about 50 MB; past it the oldest are given up
LIMIT_CLIENTS: Final = 20_000
LIMIT_WRITERS: Final = 20_000
_SILENCE_S: Final = 10.0


class KeptResults(Protocol):
    """A state store to which an instance brings the results (`instar census run --keep`)."""

    def results(self, since_ms: int, at_most: int) -> list[Result] | None:
        """What was last heard of since a time; None where there is more than ``at_most``."""


class Writer(NamedTuple):
    """Who wrote a version into a topic, as the records' mix has it; "" where nothing names the producer."""

    topic: str
    subject: str
    producer: str
    version: str


@dataclass(frozen=True, slots=True)
class Followed:
    """The census as far as it was read. ``writers``: the end of the last window in which each was met.

    ``part_read`` is 1 once nothing is left to read. ``windows_since_ms``: older windows are not in ``census``.
    ``begun_with`` is where the first look found the results.
    """

    census: Census
    writers: Mapping[Writer, int]
    part_read: float = 1.0
    unusable: int = 0
    windows_since_ms: int = 0
    begun_with: str = ""


@dataclass(slots=True)
class _Reading:
    """How far a topic is read: the next offset of each partition, and where reading is to end."""

    topic: Topic
    next: dict[int, int]
    first: Mapping[int, int]
    ends: dict[int, int] = field(default_factory=dict)

    @property
    def left(self) -> int:
        return sum(max(0, end - self.next[each]) for each, end in self.ends.items())

    @property
    def read(self) -> int:
        return sum(max(0, at - self.first[each]) for each, at in self.next.items())


class Follower:
    """One reader's view of the census. Not for two threads at once.

    ``keep_ms``: for how long a program that is silent still counts. ``window_ms`` is that of the census.
    """

    def __init__(self, topics: CensusTopics, *, window_ms: int, keep_ms: int) -> None:
        self._topics = topics
        self._window_ms = window_ms
        self._keep_ms = keep_ms
        self._read: dict[str, _Reading] = {}
        self._mixes: dict[bytes, Mix] = {}
        self._clients: dict[bytes, Client] = {}
        self._writers: dict[Writer, int] = {}
        self._unusable = 0
        self._windows_since_ms = 0
        self._begun_with = ""

    def read(
        self, cluster: Cluster, now_ms: int, kept: KeptResults | None = None, limit_s: float = LIMIT_S
    ) -> Followed:
        """What is new, for about ``limit_s`` seconds; then all that is known so far.

        Raises ``NoCensus`` where nobody tells and nobody counts, and ``KafkaTrouble`` otherwise. What was read before
        it is kept.
        """
        until_s = time.monotonic() + limit_s
        found = {name: cluster.find(name) for name in (self._topics.summaries, self._topics.results)}
        topics = [topic for topic in found.values() if topic is not None]
        if not topics:
            self._start_again()
            raise NoCensus(
                f"There is no census: neither {self._topics.summaries!r} nor {self._topics.results!r} exists on "
                f"{cluster.bootstrap}.",
                "`instar census run --create` begins one.",
            )
        known = {topic.name: (topic.id, topic.partitions) for topic in topics}
        if any((each.topic.id, each.topic.partitions) != known.get(name) for name, each in self._read.items()):
            self._start_again()  # a topic was made anew, or has grown
        self._windows_since_ms = max(self._windows_since_ms, now_ms - MIX_MS)
        for topic in topics:  # the summaries first: what is counted meanwhile is counted once
            if topic.name not in self._read:
                self._read[topic.name] = self._begin(cluster, topic, now_ms, kept)
        results, summaries = self._read.get(self._topics.results), self._read.get(self._topics.summaries)
        if results is not None and (not results.ends or results.left):  # once: afterwards the summaries say it all
            results.ends = results.ends or cluster.end_offsets(results.topic.name, results.next)
            self._go_on(cluster, results, until_s)
        if summaries is not None:
            summaries.ends = cluster.end_offsets(summaries.topic.name, summaries.next)
            if results is None or not results.left:
                self._go_on(cluster, summaries, until_s)
        self._forget(now_ms)
        if len(self._clients) > LIMIT_CLIENTS:
            raise KafkaTrouble(
                f"The census names more than {LIMIT_CLIENTS:,} programs, more than are followed here.",
                "Do programs call themselves by a new name at each start? `client` is to be a stable name.",
            )
        return self._followed()

    def _start_again(self) -> None:
        for each in (self._read, self._mixes, self._clients, self._writers):
            each.clear()
        self._unusable = self._windows_since_ms = 0
        self._begun_with = ""

    def _begin(self, cluster: Cluster, topic: Topic, now_ms: int, kept: KeptResults | None) -> _Reading:
        """Where to begin: in the summaries behind what the census has counted, in the results behind what is kept."""
        every = range(topic.partitions)
        first = cluster.start_offsets(topic.name, every)
        committed = {each: at for each, (at, _) in cluster.committed(self._topics.group, topic.name, every).items()}
        begin = {each: max(first[each], committed.get(each, 0)) for each in every}
        if topic.name == self._topics.results:
            # Who keeps the results reads them in the census's own group: what is committed there is in the store.
            stored = kept.results(now_ms - self._keep_ms, LIMIT_WINDOWS) if kept is not None and committed else None
            for result in stored or ():
                self._take(result)
            self._begun_with = "the state store" if stored else f"the topic {topic.name}"
            begin = begin if stored else dict(first)
        return _Reading(topic, begin, dict(begin))

    def _go_on(self, cluster: Cluster, reading: _Reading, until_s: float) -> None:
        name = reading.topic.name
        for partition, at in cluster.start_offsets(name, reading.next).items():  # retention may have passed us
            reading.next[partition] = max(at, reading.next[partition])
        take = self._parse if name == self._topics.results else self._count
        records = scan(cluster.kafka, name, dict(reading.next), reading.ends, silence_timeout_s=_SILENCE_S)
        with closing(records):
            for record in records:
                take(record)
                reading.next[record.partition] = record.offset + 1
                if time.monotonic() > until_s:
                    return
        reading.next = {each: max(at, reading.ends[each]) for each, at in reading.next.items()}

    def _parse(self, record: Record) -> None:
        result = parse_result(record.value or b"")
        if isinstance(result, Rejected):
            self._unusable += 1
        else:
            self._take(result)

    def _count(self, record: Record) -> None:
        message = parse(record.value or b"")
        if isinstance(message, Rejected):
            self._unusable += 1
            return
        blank = started(message, record.partition, self._window_ms)
        known = self._mixes.get(blank.key) if isinstance(blank, Mix) else self._clients.get(blank.key)
        self._take(counted(known or blank, message, record.offset))

    def _take(self, result: Result) -> None:
        """Of each result the state that counts most."""
        if isinstance(result, Client):
            client = self._clients.get(result.key)
            if client is None or result.offset > client.offset:
                self._clients[result.key] = result
            return
        end_ms = result.window_start_ms + result.window_ms
        for version in result.versions:
            writer = Writer(result.topic, result.subject, result.producer, version)
            self._writers[writer] = max(self._writers.get(writer, 0), end_ms)
        mix = self._mixes.get(result.key)
        if end_ms >= self._windows_since_ms and (mix is None or result.offset > mix.offset):
            self._mixes[result.key] = result
            if len(self._mixes) > 2 * LIMIT_WINDOWS:
                self._forget_windows()

    def _forget(self, now_ms: int) -> None:
        since_ms = now_ms - self._keep_ms
        self._clients = {key: each for key, each in self._clients.items() if each.last_ms >= since_ms}
        writers = {who: at_ms for who, at_ms in self._writers.items() if at_ms >= since_ms}
        self._writers = dict(sorted(writers.items(), key=lambda each: each[1])[-LIMIT_WRITERS:])
        self._forget_windows()

    def _forget_windows(self) -> None:
        """Those that are too old, and the oldest of those that are too many."""
        ends = sorted(each.window_start_ms + each.window_ms for each in self._mixes.values())
        if len(ends) > LIMIT_WINDOWS:
            self._windows_since_ms = max(self._windows_since_ms, ends[-LIMIT_WINDOWS])
        since_ms = self._windows_since_ms
        self._mixes = {
            key: each for key, each in self._mixes.items() if each.window_start_ms + each.window_ms >= since_ms
        }

    def _followed(self) -> Followed:
        left = sum(each.left for each in self._read.values())
        read = sum(each.read for each in self._read.values())
        return Followed(
            fold([*self._mixes.values(), *self._clients.values()]),
            dict(self._writers),
            1.0 if not left else read / (read + left),
            self._unusable,
            self._windows_since_ms,
            self._begun_with,
        )
