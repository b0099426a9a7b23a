"""Who watches which topic: how many may, and one feed for all who watch the same."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from instar.core.record import Record
from instar.dashboard.problems import Problem
from instar.kafka.cluster import Cluster
from instar.operations.failure import USAGE, NotThere
from instar.operations.scope import existing_topic
from instar.operations.tailing import Channel, Feed, Filter, Frame
from instar.operations.topic_reader import TopicReader

MAX_TAILS = 100
MAX_OF_A_CALLER = 20
MAX_TOPICS = 8  # each is a consumer with threads and connections of its own
MAX_FILTERS = 30  # of one topic: each record is held against each
_RETRY = {"Retry-After": "30"}

Describe = Callable[[TopicReader, Record], str]


@dataclass(slots=True)
class Tail:
    """One listener. ``frames`` are those that it has not been given yet."""

    feed: Feed
    channel: Channel
    caller: str
    number: int
    resumed: bool

    @property
    def place(self) -> str:
        """The id of the last frame that was given."""
        return f"{self.channel.name}-{self.number}"

    def frames(self) -> list[Frame]:
        found = self.feed.since(self.channel, self.number)
        if found:
            self.number = found[-1].number
        return found


@dataclass(slots=True)
class Tails:
    """All listeners of this server. ``_lock`` guards the counts; ``_opening`` is held while Kafka is asked."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _opening: threading.Lock = field(default_factory=threading.Lock)
    _feeds: dict[tuple[str, str], Feed] = field(default_factory=dict)
    _open: Counter[str] = field(default_factory=Counter)

    def open(
        self,
        cluster: Cluster,
        topic: str,
        migration: str | None,
        reader: TopicReader,
        describe: Describe,
        wanted: Filter,
        caller: str,
        after: str = "",
    ) -> Tail:
        """A new listener, from now on; with ``after`` from the frame of that id on, if it is still kept.

        Raises ``Problem`` where there are too many, ``Failure`` where there is no such topic or partition, and
        ``KafkaTrouble``.
        """
        self._count_in(caller)
        try:
            with self._opening:
                feed, channel = self._channel(cluster, (topic, migration or ""), reader, describe, wanted)
        except BaseException:
            self._count_out(caller)
            raise
        number = _number(after, channel)
        return Tail(feed, channel, caller, channel.number if number is None else number, number is not None)

    def close(self, tail: Tail) -> None:
        tail.feed.leave(tail.channel)
        self._count_out(tail.caller)

    def stop(self) -> None:
        """The server ends."""
        with self._opening:
            feeds = list(self._feeds.values())
            for feed in feeds:
                feed.stop()
        for feed in feeds:
            feed.join()

    def _count_in(self, caller: str) -> None:
        with self._lock:
            if self._open[caller] >= MAX_OF_A_CALLER:
                raise Problem(
                    429,
                    "too-many-tails",
                    f"{caller} watches {MAX_OF_A_CALLER} topics already.",
                    "Close a page or a program that watches one.",
                    headers=_RETRY,
                )
            if self._open.total() >= MAX_TAILS:
                raise _full(f"{MAX_TAILS} listeners watch topics here already.")
            self._open[caller] += 1

    def _count_out(self, caller: str) -> None:
        with self._lock:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    def _channel(
        self, cluster: Cluster, key: tuple[str, str], reader: TopicReader, describe: Describe, wanted: Filter
    ) -> tuple[Feed, Channel]:
        topic = key[0]
        partitions = existing_topic(cluster, topic).partitions
        if wanted.partition is not None and wanted.partition >= partitions:
            has = f"It has {partitions}, from 0 to {partitions - 1}."
            raise NotThere(f"{topic} has no partition {wanted.partition}.", has, USAGE)
        feed = self._feeds.get(key)
        channel = None if feed is None else feed.listen(wanted, MAX_FILTERS)
        if feed is not None and channel is not None:
            return feed, channel
        if feed is not None and not feed.ended:
            raise _full(f"{topic} is watched with {MAX_FILTERS} different filters already.")
        self._feeds = {name: each for name, each in self._feeds.items() if not each.ended}
        if len(self._feeds) >= MAX_TOPICS:
            raise _full(f"{MAX_TOPICS} topics are watched here already.")
        starts = cluster.end_offsets(topic, range(partitions), committed=True)
        feed = Feed(cluster.kafka, topic, starts, reader, describe)
        made = feed.listen(wanted, MAX_FILTERS)
        if made is None:
            raise RuntimeError("a feed that has not begun takes no listener")
        self._feeds[key] = feed
        feed.start()
        return feed, made


def _full(detail: str) -> Problem:
    return Problem(503, "too-many-tails", detail, "Wait until somebody leaves, or use `instar tail`.", headers=_RETRY)


def _number(after: str, channel: Channel) -> int | None:
    """The frame that an id names, where none that followed it is gone."""
    name, _, number = after.rpartition("-")
    if name != channel.name or not number.isascii() or not number.isdecimal() or len(number) > 18:
        return None
    oldest = channel.frames[0].number if channel.frames else channel.number + 1
    return int(number) if oldest - 1 <= int(number) <= channel.number else None
