"""What programs and people say of who reads and writes: the census and the declared readers, for the watcher."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from instar.census.following import Follower, Writer
from instar.census.reading import NoCensus
from instar.census.topics import CensusTopics
from instar.core.census_fold import Census, totals
from instar.core.census_trend import Trend, trends
from instar.kafka.cluster import Cluster
from instar.kafka.errors import KafkaTrouble
from instar.operations.dependants import Wrote
from instar.operations.stating import state_of
from instar.project.project import Project
from instar.state.errors import StateTrouble
from instar.state.opening import State
from instar.state.readers import DeclaredReader


@dataclass(frozen=True, slots=True)
class ProgramsSeen:
    """``census`` and ``readers`` are None where they could not be asked, and ``why`` and ``readers_why`` say why.

    ``census`` has no windows: ``trends`` are what is shown of them. Without ``counts`` there is no census at all.
    """

    census: Census | None = None
    why: str = "nobody has looked yet"
    remedy: str = ""
    counts: bool = True
    writers: Mapping[Writer, Wrote] = field(default_factory=dict)
    trends: tuple[Trend, ...] = ()
    readers: tuple[DeclaredReader, ...] | None = None
    readers_why: str = "nobody has looked yet"
    unusable: int = 0  # records of the census that nobody can read
    part_read: float = 1.0  # of the census: it is read on at the next look


class Programs:
    """Looks again and again; each look reads what is new."""

    def __init__(self, project: Project) -> None:
        settings = project.settings.census
        self._project = project
        self._follower = Follower(
            CensusTopics(settings.topic), window_ms=settings.window * 1000, keep_ms=settings.forget_after * 1000
        )

    def look(self, cluster: Cluster | None, now_ms: int) -> ProgramsSeen:
        """Without a cluster only the declared readers are asked for."""
        try:
            with state_of(self._project) as state:
                readers = tuple(state.readers.list())
                return replace(self._census(cluster, now_ms, state), readers=readers, readers_why="")
        except StateTrouble as trouble:
            return replace(self._census(cluster, now_ms, None), readers_why=str(trouble))

    def _census(self, cluster: Cluster | None, now_ms: int, state: State | None) -> ProgramsSeen:
        if cluster is None:
            return ProgramsSeen(why="Kafka does not answer")
        try:
            found = self._follower.read(cluster, now_ms, None if state is None else state.census)
        except NoCensus as missing:
            return ProgramsSeen(Census({}, ()), str(missing), missing.remedy, counts=False)
        except KafkaTrouble as trouble:
            return ProgramsSeen(None, str(trouble), trouble.remedy)
        if found.part_read < 1:
            return ProgramsSeen(
                None, f"it is still being read, {found.part_read:.0%} so far", part_read=found.part_read
            )
        records = {Writer(*each[:4]): each.records for each in totals(found.census)}
        return ProgramsSeen(
            Census({}, found.census.clients),
            "",
            writers={who: Wrote(records.get(who, 0), last_ms) for who, last_ms in found.writers.items()},
            trends=trends(found.census),
            unusable=found.unusable,
        )
