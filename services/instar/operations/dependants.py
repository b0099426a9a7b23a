"""Who depends on which version of a subject in which topic: what every source says, joined, none hiding another.

A row is one reader or writer of one subject in one topic. A consumer group and the programs that named it in the census
are one row; so are a program that says what it writes and the producer of that name in the records. Each source that
speaks of a row is told in it, and each mark of a version says how it is known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, NamedTuple, get_args

from instar.census.following import Writer
from instar.core.census_fold import Census
from instar.core.census_result import Client
from instar.core.retirement import Group
from instar.core.rollout.phase import Phase
from instar.core.rollout.state import Rollout
from instar.core.version import label
from instar.operations.owners import group_owners, producer_owners
from instar.project.project import Project
from instar.rollout.evidence import GroupsSeen
from instar.state.readers import DeclaredReader

Does = Literal["reads", "writes"]
Side = Literal["old", "new"]
Way = Literal["said", "declared", "seen", "may meet"]
WAYS: tuple[Way, ...] = get_args(Way)
"""From the surest on: the program said so, somebody did for it, its records have it, its topic may hold it."""


class Wrote(NamedTuple):
    """``records`` in the windows that are kept, and the end of the last window with any (ms since 1970 UTC)."""

    records: int
    last_ms: int


class Mark(NamedTuple):
    """One way in which it is known that a row has to do with a version."""

    way: Way
    records: int | None = None
    last_ms: int | None = None


class Told(NamedTuple):
    """What one source says of a row, when that was so, and what remains to be done; empty: nothing.

    Of a consumer group the time is that of the last record that it read, as near as Kafka tells when it last moved.
    """

    source: Literal["consumer group", "census", "declaration", "version mix"]
    text: str
    at_ms: int | None
    remedy: str


@dataclass(frozen=True, slots=True)
class Place:
    """A subject in a migration's topic. ``versions`` are those that the topic may hold.

    ``needed``: those whose retirement waits for whoever is left here; none on the new side. ``switched_ms``: since when
    the new topic is the one that is written; None: it is not. ``moved``: the groups that the rollout moved away.
    """

    topic: str
    subject: str
    migration: str
    side: Side
    versions: tuple[int, ...]
    needed: tuple[int, ...] = ()
    other: str = ""  # the migration's other topic
    switched_ms: int | None = None
    moved: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Dependant:
    """``who`` is empty for programs and producers that nothing names, ``topic`` where nobody said which one.

    ``stands_against``: the versions whose retirement it stands in the way of. What is not known is None.
    """

    does: Does
    who: str
    topic: str
    subject: str
    places: tuple[Place, ...]
    marks: Mapping[str, tuple[Mark, ...]]
    told: tuple[Told, ...]
    owners: tuple[str, ...]
    stands_against: tuple[str, ...]
    last_ms: int | None
    members: int | None
    lag_records: int | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.does, self.who, self.topic, self.subject

    @property
    def seen_records(self) -> int | None:
        """Those that were seen, of all versions."""
        seen = [mark.records or 0 for marks in self.marks.values() for mark in marks if mark.way == "seen"]
        return sum(seen) if seen else None


def places_of(project: Project, rollouts: Mapping[str, Rollout | None]) -> list[Place]:
    """Every subject in the topics of every migration."""
    found = []
    for name, migration in sorted(project.settings.migrations.items()):
        rollout = rollouts.get(name)
        record = None if rollout is None else rollout.record
        switched_ms = record.at_ms if record is not None and record.authority == "new" else None
        moved = frozenset(() if rollout is None else rollout.moved)
        over = rollout is not None and rollout.phase is Phase.RETIRED
        target = migration.target.version
        for subject in (project.catalogue[each] for each in migration.subjects if each in project.catalogue):
            held = tuple(version for version in sorted(subject.versions) if version <= target)
            needed = () if over else tuple(version for version in held if version < target)
            old, new = migration.source.topic, migration.target.topic
            found.append(Place(old, subject.name, name, "old", held, needed, new, switched_ms, moved))
            found.append(Place(new, subject.name, name, "new", (target,), (), old, switched_ms))
    return found


def dependants(
    places: Sequence[Place],
    groups: Mapping[str, GroupsSeen],
    clients: Iterable[Client],
    writers: Mapping[Writer, Wrote],
    readers: Iterable[DeclaredReader],
    *,
    now_ms: int,
    keep_ms: int,
) -> list[Dependant]:
    """The rows, by what they do, name, topic and subject. ``groups`` are by topic.

    What a program said of a version counts for ``keep_ms``.
    """
    clients, readers = list(clients), list(readers)
    rows = _Rows(places, now_ms, now_ms - keep_ms)
    for topic, seen in groups.items():
        for group in seen.groups:
            rows.take_group(topic, group)
    for client in clients:
        rows.take_client(client)
    for reader in readers:  # after those that may be the same ones
        rows.take_declared(reader)
    by_row: dict[tuple[str, str, str], dict[str, Wrote]] = {}
    for who, wrote in writers.items():
        by_row.setdefault((who.producer, who.topic, who.subject), {})[who.version] = wrote
    for (producer, topic, subject), versions in by_row.items():
        rows.take_writer(producer, topic, subject, versions)
    census = Census({}, tuple(clients))
    return rows.made({"reads": group_owners(census, readers), "writes": producer_owners(census)})


@dataclass(slots=True)
class _Row:
    marks: dict[str, list[Mark]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    stands_against: set[int] = field(default_factory=set)
    last_ms: int | None = None
    members: int | None = None
    lag_records: int | None = None

    def mark(self, version: int | str, way: Way, records: int | None = None, last_ms: int | None = None) -> None:
        """One mark for each way: what several programs of a row say is added up."""
        marks = self.marks.setdefault(version if isinstance(version, str) else label(version), [])
        for index, known in enumerate(marks):
            if known.way == way:
                total = records if known.records is None else known.records + (records or 0)
                marks[index] = Mark(way, total, _later(known.last_ms, last_ms))
                return
        marks.append(Mark(way, records, last_ms))

    def heard(self, at_ms: int | None, owner: str = "") -> None:
        self.last_ms = _later(self.last_ms, at_ms)
        if owner and owner not in self.owners:
            self.owners.append(owner)


class _Rows:
    """The rows while they are made."""

    def __init__(self, places: Sequence[Place], now_ms: int, since_ms: int) -> None:
        self._now_ms = now_ms
        self._since_ms = since_ms
        self._rows: dict[tuple[Does, str, str, str], _Row] = {}
        self._places: dict[tuple[str, str], list[Place]] = {}
        self._topics: dict[str, list[str]] = {}
        self._needed: dict[str, set[int]] = {}
        for place in places:
            self._places.setdefault((place.topic, place.subject), []).append(place)
            subjects = self._topics.setdefault(place.topic, [])
            if place.subject not in subjects:
                subjects.append(place.subject)
            self._needed.setdefault(place.subject, set()).update(place.needed)

    def take_group(self, topic: str, group: Group) -> None:
        for subject in self._topics.get(topic, ()):
            row = self._row("reads", group.name, topic, subject)
            row.members, row.lag_records = group.members, group.lag_records
            row.heard(self._now_ms if group.members else group.last_read_ms, group.owner)
            stays = [
                place
                for place in self._places[topic, subject]
                if place.needed and replace(group, moved=group.name in place.moved).reads
            ]
            row.stands_against.update(version for place in stays for version in place.needed)
            members = (
                "members unknown" if group.members is None else f"{group.members} member{'s'[: group.members != 1]}"
            )
            lag = "lag unknown" if group.lag_records is None else f"{group.lag_records:,} records behind"
            moved = not stays and any(group.name in place.moved for place in self._places[topic, subject])
            left = "; it was moved, and left these offsets behind" if moved else ""
            remedy = ""
            if stays:
                remedy = (
                    f"Move it: `instar consumers translate {group.name} --migration {stays[0].migration}`, or let "
                    "`instar switch` do it. If it is gone for good, delete its offsets."
                )
            row.told.append(Told("consumer group", f"{members}, {lag}{left}", group.last_read_ms, remedy))

    def take_client(self, client: Client) -> None:
        who = (client.group or client.client) if client.kind == "reads" else client.client
        row = self._row(client.kind, who, client.topic, client.subject)
        for version, seen in client.versions.items():
            row.mark(version, "said", seen.records, seen.last_ms)
        for version, seen in client.found.items():
            row.mark(version, "seen", seen.records, seen.last_ms)
        row.heard(client.last_ms, client.owner)
        count = {int(name[1:]) for name, seen in client.versions.items() if seen.last_ms >= self._since_ms}
        needed = self._needed.get(client.subject, set()) & count
        row.stands_against |= needed
        name = client.client or "a program without a name"
        verb = "asks for" if client.kind == "reads" else "writes"
        text = f"{name} {verb} {_counts(client.versions)}"
        if client.found:
            text += f" and found {_counts(client.found)}"
        remedy = ""
        if needed:
            those = " and ".join(label(version) for version in sorted(needed))
            owner = client.owner or "its owner"
            remedy = (
                f"Have {owner} {'ask for' if client.kind == 'reads' else 'write'} a later version than {those}. "
                "What it said stops counting once it is old (`forget_after` under `[census]`)."
            )
        row.told.append(Told("census", text, client.last_ms, remedy))

    def take_declared(self, reader: DeclaredReader) -> None:
        rows = {
            key: row
            for key, row in self._rows.items()
            if (key[0], key[1], key[3]) == ("reads", reader.group, reader.subject)
        }
        fitting = [row for key, row in rows.items() if self._may_hold(key[2], reader.subject, reader.version)]
        expires = datetime.fromtimestamp(reader.expires_at_ms / 1000, UTC).date().isoformat()
        counts = self._now_ms < reader.expires_at_ms
        text = f"{reader.declared_by or 'somebody'} declared that it reads {label(reader.version)} until {expires}"
        if not counts:
            text += ", which is over"
        remedy = (
            f"Ask {reader.owner or 'its owner'}. If it is so no more: `instar consumers withdraw {reader.group} "
            f"--subject {reader.subject} --reason TEXT`."
        )
        for row in fitting or list(rows.values()) or [self._row("reads", reader.group, "", reader.subject)]:
            row.mark(reader.version, "declared", None, reader.declared_at_ms or None)
            row.heard(None, reader.owner)
            if counts and reader.version in self._needed.get(reader.subject, ()):
                row.stands_against.add(reader.version)
            row.told.append(Told("declaration", text, reader.declared_at_ms or None, remedy if counts else ""))

    def take_writer(self, producer: str, topic: str, subject: str, versions: Mapping[str, Wrote]) -> None:
        row = self._row("writes", producer, topic, subject)
        for version, wrote in versions.items():
            met_ms = min(wrote.last_ms, self._now_ms)  # a window may still be going on
            row.mark(version, "seen", wrote.records, met_ms)
            row.heard(met_ms)
        late = [
            (place, int(version[1:]))
            for place in self._old(topic, subject)
            for version, wrote in versions.items()
            if int(version[1:]) in place.needed and wrote.last_ms > (place.switched_ms or 0)
        ]
        row.stands_against.update(version for _, version in late)
        remedy = ""
        if late:
            remedy = f"Have it write {late[0][0].other}."
            if not producer:
                remedy += " Who it is shows once producers name themselves: `producer_header` under `[census]`."
        last_ms = min(self._now_ms, max(wrote.last_ms for wrote in versions.values()))
        row.told.append(Told("version mix", f"its records have {_counts(versions)}", last_ms, remedy))

    def made(self, owners: Mapping[Does, Mapping[str, str]]) -> list[Dependant]:
        """``owners`` by name: of those of whom nobody said here whose they are, but elsewhere."""
        return [
            Dependant(
                *key,
                tuple(self._places.get(key[2:], ())),
                _in_order(row.marks),
                tuple(row.told),
                tuple(row.owners) or tuple(filter(None, [owners[key[0]].get(key[1])])),
                tuple(label(version) for version in sorted(row.stands_against)),
                row.last_ms,
                row.members,
                row.lag_records,
            )
            for key, row in sorted(self._rows.items())
        ]

    def _row(self, does: Does, who: str, topic: str, subject: str) -> _Row:
        key = does, who, topic, subject
        if key not in self._rows:
            row = self._rows[key] = _Row()
            if does == "reads":
                for place in self._places.get((topic, subject), ()):
                    for version in place.versions:
                        if not row.marks.get(label(version)):
                            row.mark(version, "may meet")
        return self._rows[key]

    def _old(self, topic: str, subject: str) -> list[Place]:
        return [place for place in self._places.get((topic, subject), ()) if place.side == "old"]

    def _may_hold(self, topic: str, subject: str, version: int) -> bool:
        return any(version in place.versions for place in self._places.get((topic, subject), ()))


def _in_order(marks: Mapping[str, Iterable[Mark]]) -> dict[str, tuple[Mark, ...]]:
    """From the first version on, and for each from the surest way on."""
    return {
        version: tuple(sorted(marks[version], key=lambda mark: WAYS.index(mark.way)))
        for version in sorted(marks, key=lambda version: int(version[1:]))
    }


def _later(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _counts(versions: Mapping[str, tuple[int, int]]) -> str:
    """``v1 (12 records), v2``, of records and times by version."""
    said = [
        f"{version} ({records:,} records)" if records else version
        for version, (records, _) in sorted(versions.items(), key=lambda each: int(each[0][1:]))
    ]
    return ", ".join(said) or "nothing yet"
