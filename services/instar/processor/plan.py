"""What a worker needs to know before it reads its first record, resolved once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from instar.core.bridge import Bridge
from instar.core.checkpoint import group_of
from instar.core.fence import Fence
from instar.core.formats.framing import Identity
from instar.core.provenance import Direction
from instar.kafka.cluster import Topic

Mode = Literal["ordered", "live-first", "segregated", "in-place"]


@dataclass(frozen=True, slots=True)
class Limits:
    """When a transaction ends. With lag it is cut by count or time, when the source is idle sooner.

    Small transactions are slow (confluent-kafka-python #967): each costs a few round trips and a marker a partition.
    """

    batch_records: int = 5_000  # one poll's worth at most; see Pace
    batch_bytes: int = 16 * 1024 * 1024
    transaction_records: int = 20_000
    transaction_ms: int = 500
    idle_ms: int = 50
    patience_s: float = 300.0  # how long a cluster may stay unreachable before the worker gives up
    keys_bytes: int = 256 * 1024 * 1024  # of what live has published; past it live waits for history
    in_place_bytes: int = 1024 * 1024 * 1024  # of the keys of the partitions that are rewritten; past it: refused
    recommit_s: float = 6 * 3600.0  # how often a worker that is held commits again, far below offsets.retention


@dataclass(frozen=True, slots=True)
class Telling:
    """What a worker tells the census, and how often at most. ``named`` are the versions of what it has read."""

    topic: str
    every_s: float
    window_ms: int
    producer_header: str | None
    named: Mapping[Identity, tuple[str, int]]


@dataclass(frozen=True, slots=True)
class BridgePlan:
    """One direction of a migration, ready to run.

    ``make_bridge`` gives every worker a bridge of its own. ``bounds`` are the offsets, per partition, before which a
    worker started with ``--until`` stops; None runs on for ever. ``assigned`` are partitions that are read by hand,
    outside the group's own assignment (``--partitions``). ``mode`` is how the source is read; ``history`` is the topic
    that takes what was there at the first start, where the mode reads that apart.
    """

    migration: str
    direction: Direction
    source: Topic
    target: Topic
    dead_letters: Topic
    make_bridge: Callable[[], Bridge]
    fingerprint: str
    kafka: Mapping[str, Any]
    built_in: bool
    stop_on_error: bool = False
    accept_expired: bool = False
    bounds: Mapping[int, int] | None = None
    assigned: tuple[int, ...] | None = None
    limits: Limits = Limits()
    mode: Mode = "ordered"
    history: Topic | None = None
    fence: Fence | None = None  # what keeps others from writing, where records are rewritten in place
    producers: str = "old"  # who may write now, as the settings say
    telling: Telling | None = None  # None: the census is not told

    @property
    def written(self) -> tuple[Topic, ...]:
        """The topics that a worker may write, each once."""
        return tuple({topic.name: topic for topic in (self.target, self.dead_letters, self.history) if topic}.values())

    @property
    def group(self) -> str:
        return group_of(self.migration, self.direction)

    @property
    def partitions(self) -> range:
        return range(self.source.partitions)
