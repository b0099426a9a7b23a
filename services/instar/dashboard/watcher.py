"""What the pages show of the cluster: looked at in the background, so that no page waits for Kafka."""

import asyncio
import math
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog

from instar.backfill.progress import Progress
from instar.core.ledger import Entry
from instar.core.provenance import Direction
from instar.core.retirement import Verdict
from instar.core.rollout.state import Rollout
from instar.core.status import Status
from instar.dashboard.cluster import Connection
from instar.dashboard.programs import Programs, ProgramsSeen
from instar.dashboard.verifications import Kept, kept
from instar.dead_letters.choice import Choice, by_cause
from instar.kafka.cluster import Cluster
from instar.kafka.errors import KafkaTrouble, TopicMissing, Unreachable
from instar.operations.dead_letters import dead_letters
from instar.operations.failure import Failure
from instar.operations.retirement import Known, named_groups, verdicts
from instar.operations.rolling import Rolling, rolling
from instar.operations.steering import steering
from instar.project.project import Project
from instar.rollout.evidence import GroupsSeen, groups_on
from instar.state.approvals import Request
from instar.state.errors import StateTrouble

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 3.0
SLOW_EVERY_S = 30.0
SLOW_PART = 0.2  # of the time, at most, is for what is expensive: live figures stand still meanwhile
HISTORY_S = 3600.0
LOOK_RECORDS = 20_000  # of the old topic, for who writes it since the switch
ENTRIES = 200
VERIFICATIONS = 5  # on a migration's page


@dataclass(frozen=True, slots=True)
class Point:
    """One moment of one direction of a migration."""

    at_s: float
    records_per_s: float
    lag_records: int


@dataclass(frozen=True, slots=True)
class CauseSeen:
    """Dead letters that failed in the same way; ``first`` is the oldest outstanding one's partition and offset."""

    direction: str
    code: str
    hop: str | None
    field: str | None
    outstanding: int
    redriven: int
    discarded: int
    first: tuple[int, int] | None
    message: str


@dataclass(frozen=True, slots=True)
class MigrationSeen:
    """``trouble`` is why there are no statuses; what is None could not be asked."""

    name: str
    statuses: tuple[Status, ...] = ()
    trouble: str = ""
    causes: tuple[CauseSeen, ...] | None = None
    groups: Mapping[str, GroupsSeen] | None = None  # by topic
    history: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)  # by direction
    verdicts: tuple[Verdict, ...] | None = None
    rollout: Rollout | None = None
    entries: tuple[Entry, ...] = ()  # of the ledger, the newest last
    requests: tuple[Request, ...] = ()  # for approvals, the newest first
    stranger: str = ""  # why another state store seems to govern it; empty: none does
    verifications: tuple[Kept, ...] | None = None  # the newest first

    @property
    def letters(self) -> int | None:
        return None if self.causes is None else sum(cause.outstanding for cause in self.causes)

    @property
    def lag_records(self) -> int | None:
        """What the way up has not carried; None where it cannot be read."""
        ups = [status.lag_records for status in self.statuses if status.direction == "up"]
        return sum(ups) if ups else None


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at everything. ``number`` grows by one with each; 0: nobody has looked yet.

    ``due_s`` is when to look at what is expensive, the verdicts among it, the next time.
    """

    number: int = 0
    at_s: float = 0.0
    trouble: str = ""
    remedy: str = ""
    migrations: Mapping[str, MigrationSeen] = field(default_factory=dict)
    programs: ProgramsSeen = field(default_factory=ProgramsSeen)
    due_s: float = math.inf


class Watcher:
    """Looks again and again. ``seen`` is the newest look; ``changed`` waits for the next one."""

    def __init__(self, project: Project, connection: Connection, clock_s: Callable[[], float] = time.time) -> None:
        self._project = project
        self._connection = connection
        self._clock_s = clock_s
        self._progress: dict[str, dict[Direction, Progress]] = {}
        self._history: dict[tuple[str, str], deque[Point]] = {}
        self._programs = Programs(project)
        self._slow_at_s = 0.0  # when to look at what is expensive
        self._lock = threading.Lock()
        self._condition = asyncio.Condition()
        self.seen = Seen()

    def look(self, *, thoroughly: bool = False) -> Seen:
        """Look at every migration now; ``thoroughly``: also at what is expensive, however short ago that was."""
        with self._lock:
            now_s = self._clock_s()
            slow = thoroughly or now_s >= self._slow_at_s
            trouble = remedy = ""
            migrations: dict[str, MigrationSeen] = {}
            programs = self.seen.programs
            try:
                cluster = self._connection.cluster()
            except (KafkaTrouble, Failure) as problem:
                trouble, remedy = str(problem), problem.remedy
                self._progress.clear()
                if slow:
                    programs = self._programs.look(None, int(now_s * 1000))
                    self._slow_at_s = now_s + SLOW_EVERY_S
            else:
                slow = slow or bool(self.seen.trouble)  # it was away
                if slow or programs.part_read < 1:
                    programs = self._programs.look(cluster, int(now_s * 1000))
                for name in self._project.settings.migrations:
                    migrations[name] = self._looked_at(name, cluster, now_s, programs, slow=slow)
                if slow:
                    took_s = self._clock_s() - now_s
                    self._slow_at_s = now_s + max(SLOW_EVERY_S, took_s / SLOW_PART)
            self.seen = Seen(self.seen.number + 1, now_s, trouble, remedy, migrations, programs, self._slow_at_s)
            return self.seen

    async def run(self, stop: asyncio.Event) -> None:
        """Look until ``stop``; those who wait in ``changed`` are told of each look."""
        while not stop.is_set():
            try:
                await asyncio.to_thread(self.look)
            except Exception:  # a look that fails must not end the looking; the log has why
                trace = traceback.format_exc()  # as text: see app._answer
                log.error("a look at the cluster failed", trace=trace)  # noqa: TRY400
            async with self._condition:
                self._condition.notify_all()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
        async with self._condition:
            self._condition.notify_all()

    async def changed(self, number: int, timeout_s: float) -> Seen:
        """The newest look, once it is another one than ``number`` or the time is over."""
        async with self._condition:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._condition.wait_for(lambda: self.seen.number != number), timeout_s)
        return self.seen

    def _looked_at(
        self, name: str, cluster: Cluster, now_s: float, programs: ProgramsSeen, *, slow: bool
    ) -> MigrationSeen:
        """What is seen of one migration. A fault of ours leaves nothing of it, so that no old yes stands on; the others
        are looked at all the same."""
        try:
            return self._look_at(name, cluster, now_s, programs, slow=slow)
        except Exception:
            trace = traceback.format_exc()  # as text: see app._answer
            log.error("a look at a migration failed", migration=name, trace=trace)  # noqa: TRY400
            self._progress.pop(name, None)
            return MigrationSeen(name, trouble="A look at it failed; the log says why.")

    def _look_at(
        self, name: str, cluster: Cluster, now_s: float, programs: ProgramsSeen, *, slow: bool
    ) -> MigrationSeen:
        before = self.seen.migrations.get(name, MigrationSeen(name))
        try:
            # Anew at each look: a switch starts the way back, retiring ends it. What is known of speeds is kept.
            state = steering(self._project, name, None, cluster.kafka, cluster)
            watched = self._progress.get(name, {})
            progress = {
                side: watched[side] if side in watched and watched[side].cluster is cluster else state.progress_of(side)
                for side in state.directions
            }
            self._progress[name] = progress
            statuses = tuple(state.look(list(progress.values())))
        except (KafkaTrouble, Failure) as problem:
            self._progress.pop(name, None)
            # A verdict from before the trouble is none any more; what is asked under it is asked one by one.
            judged = before.verdicts if before.trouble == str(problem) else None
            seen = replace(before, statuses=(), trouble=str(problem), groups=None, verdicts=judged)
            slow = slow and not isinstance(problem, Unreachable)
        else:
            seen = replace(before, statuses=statuses, trouble="", history=self._grown(name, statuses, now_s))
        if slow:
            migration = self._project.settings.migrations[name]
            topics = (migration.source.topic, migration.target.topic)
            names = named_groups(programs.census, programs.readers)
            seen = replace(seen, causes=self._causes(name, cluster), groups=_groups_of(cluster, topics, names))
            known = Known(programs.census, programs.readers, (seen.groups or {}).get(topics[0]))
            seen = self._stand(name, cluster, seen, known)
        return seen

    def _grown(self, name: str, statuses: Sequence[Status], now_s: float) -> dict[str, tuple[Point, ...]]:
        """The history of each direction with what is now."""
        for status in statuses:
            points = self._history.setdefault((name, status.direction), deque())
            points.append(Point(now_s, status.speed.records_per_s, status.lag_records))
            while points and points[0].at_s < now_s - HISTORY_S:
                points.popleft()
        return {status.direction: tuple(self._history[name, status.direction]) for status in statuses}

    def _stand(self, name: str, cluster: Cluster, seen: MigrationSeen, known: Known) -> MigrationSeen:
        """What the state store knows, and whether the old versions may go."""
        try:
            with rolling(
                self._project,
                name,
                bootstrap=self._connection.bootstrap,
                actor="instar serve",
                needs_state=False,
                cluster=cluster,
            ) as at:
                found = verdicts(at, subject=None, versions=None, archive="", look_records=LOOK_RECORDS, known=known)
                rollout = at.rollout_or_none()
                entries = () if rollout is None else tuple(at.state.ledger.entries(name, newest=ENTRIES))
                requests = () if rollout is None else tuple(at.state.approvals.list(name)[:ENTRIES])
                stranger = "" if rollout is None else at.another_store()
                verified = None if rollout is None else _verified(at)
        except (KafkaTrouble, Failure, StateTrouble) as problem:
            log.warning("it cannot be said how a migration stands", migration=name, why=str(problem))
            return replace(seen, verdicts=None, rollout=None, entries=(), requests=(), stranger="", verifications=None)
        return replace(
            seen,
            verdicts=tuple(found),
            rollout=rollout,
            entries=entries,
            requests=requests,
            stranger=stranger,
            verifications=verified,
        )

    def _causes(self, name: str, cluster: Cluster) -> tuple[CauseSeen, ...] | None:
        try:
            found = dead_letters(self._project, name, cluster.kafka, cluster)
            causes = by_cause(found.read(Choice()))
        except TopicMissing:  # no record was ever refused
            return ()
        except (KafkaTrouble, Failure) as problem:
            log.warning("dead letters cannot be read", migration=name, why=str(problem))
            return None
        return tuple(
            CauseSeen(
                each.direction,
                each.code,
                each.hop,
                each.field,
                each.outstanding,
                each.redriven,
                each.discarded,
                (each.first.position.partition, each.first.position.offset) if each.first else None,
                each.first.verdict.rejected.message if each.first else "",
            )
            for each in causes
        )


def _verified(at: Rolling) -> tuple[Kept, ...]:
    return tuple(kept(*each) for each in at.state.verifications.list(at.name, VERIFICATIONS))


def _groups_of(cluster: Cluster, topics: Collection[str], known: Collection[str]) -> dict[str, GroupsSeen] | None:
    """The groups of each topic that is there; None where they cannot be asked for."""
    try:
        found = [cluster.find(topic) for topic in topics]
        return {topic.name: groups_on(cluster, topic, known) for topic in found if topic is not None}
    except KafkaTrouble as problem:
        log.warning("the consumer groups cannot be listed", why=str(problem))
        return None
