"""The governor of a worker that can be steered from afar and yields to others by itself.

A thread of its own looks at what costs a request: the lag of watched groups, and which partitions still have something
to read, by which a rate is divided over the workers. The worker's own thread only reads what that thread found.
"""

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from instar.backfill.control import Follower
from instar.core.checkpoint import parse
from instar.core.control import named_instance
from instar.core.rollout.control_messages import BridgeMessage
from instar.core.throttle import UNLIMITED_RATE, Allowance, Backoff, LagLimit, Rate, Throttle
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.entries import CLOSE_TIMEOUT_S
from instar.kafka.errors import AmbiguousOutcome, KafkaTrouble, Unreachable
from instar.kafka.failpoints import Failpoints
from instar.kafka.writer import Writer

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
CATCH_UP_TIMEOUT_S = 30.0  # above what the transaction of a coordinator that died may hold the topic's end


@dataclass(frozen=True, slots=True)
class Watched:
    """A consumer group that must not lag more. ``topics`` are where its offsets are looked for."""

    group: str
    topics: tuple[str, ...]
    max_lag_records: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a run was started with. Picklable: every worker process makes a governor of its own from it."""

    rate: Rate = UNLIMITED_RATE
    started_ms: int = 0
    watched: tuple[Watched, ...] = ()
    max_latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class Governed:
    """The direction of a migration that a worker carries."""

    migration: str
    direction: str
    group: str
    source: Topic
    written: tuple[Topic, ...]
    kafka: Mapping[str, Any]
    named: bool = False  # reads partitions outside the group


class Steering:
    """A ``Governor``, see the processor's port of that name."""

    def __init__(self, run: Governed, wish: Wish) -> None:
        self._run = run
        self._wish = wish
        self._throttle = Throttle(
            lags=[LagLimit(one.group, one.max_lag_records) for one in wish.watched],
            backoff=Backoff(wish.max_latency_s),
        )
        self._partitions: frozenset[int] = frozenset()
        self._busy: frozenset[int] | None = None  # partitions with something to read; None: not known yet
        self._whole_rate = Rate()
        self._closed = threading.Event()
        self._follower = Follower(run.kafka, run.migration, run.direction)
        try:
            self._follower.catch_up(CATCH_UP_TIMEOUT_S)
        except AmbiguousOutcome as reason:
            self._follower.close()
            raise Unreachable(f"{reason}.", "Start again when the cluster answers.") from reason
        self._cluster = Cluster(run.kafka)
        self._look_at_groups()
        self._thread = threading.Thread(target=self._look, name="instar limits", daemon=True)
        self._thread.start()

    def allow(self, partitions: Collection[int]) -> Allowance:
        orders, throttle, now_s = self._follower.orders, self._throttle, time.monotonic()
        if len(partitions) != len(self._partitions) or not self._partitions.issuperset(partitions):
            self._partitions = frozenset(partitions)
        throttle.paused = f"paused {orders.pause}" if orders.pause else ""
        self._whole_rate = orders.rate_for(self._wish.rate, self._wish.started_ms)
        throttle.set_rate(self._whole_rate, self._share(), now_s)
        return throttle.allow(now_s)

    def took(self, records: int, size_bytes: int) -> None:
        self._throttle.took(records, size_bytes)

    def committed(self, latency_s: float) -> None:
        self._throttle.backoff.committed(latency_s, time.monotonic())

    def before_reading(self, partitions: Collection[int]) -> None:
        if self._run.named:
            return
        self._follower.catch_up(CATCH_UP_TIMEOUT_S)
        for partition in sorted(self._follower.orders.named.intersection(partitions)):
            self._shut_out(partition)

    @property
    def ended(self) -> str:
        asked = self._follower.said.bridges.get(self._run.direction)
        return f"the rollout asked the {self._run.direction} bridge to stop" if _stops(asked) else ""

    def close(self) -> None:
        self._closed.set()
        self._thread.join(CLOSE_TIMEOUT_S)
        self._follower.close()

    def _share(self) -> float:
        """This worker's part of a rate: its part of the partitions that have something to read."""
        mine, busy = self._partitions, self._busy
        if busy:
            wanted = mine & busy
            if wanted:
                return len(wanted) / len(busy)
        return max(1, len(mine)) / self._run.source.partitions

    def _shut_out(self, partition: int) -> None:
        """Fence the transactional id under which a partition is read outside the group (and end what it has open)."""
        run = self._run
        slot = f"instar.{run.migration}.{run.direction}.{named_instance(partition)}"
        writer = Writer(run.kafka, run.written, slot, Failpoints())
        try:
            writer.replace()
        finally:
            writer.discard()

    def _look(self) -> None:
        while not self._closed.wait(LOOK_EVERY_S):
            self._look_at_groups()

    def _look_at_groups(self) -> None:
        """A cluster that does not answer changes nothing: the worker finds out by itself."""
        try:
            for limit, watched in zip(self._throttle.lags, self._wish.watched, strict=True):
                limit.observe(lag_of(self._cluster, watched))
            if self._whole_rate.limits:
                self._busy = frozenset(self._lagging())
        except KafkaTrouble as problem:
            log.info("limits could not be looked at", why=str(problem))

    def _lagging(self) -> list[int]:
        topic, partitions = self._run.source.name, range(self._run.source.partitions)
        committed = self._cluster.committed(self._run.group, topic, partitions)
        ends = self._cluster.end_offsets(topic, partitions)
        return [
            partition
            for partition, (offset, said) in committed.items()
            if offset < ends[partition] or parse(offset, said).history_left
        ]


def _stops(asked: BridgeMessage | None) -> bool:
    return asked is not None and asked.order == "stop"


def lag_of(cluster: Cluster, watched: Watched) -> int:
    """Records (offsets, to be exact) that a group has still to read where it has committed anything."""
    lag = 0
    for topic in watched.topics:
        found = cluster.find(topic)
        if found is None:
            continue
        committed = cluster.committed(watched.group, topic, range(found.partitions))
        if committed:
            ends = cluster.end_offsets(topic, committed)
            lag += sum(max(0, ends[partition] - offset) for partition, (offset, _) in committed.items())
    return lag
