"""Who reads and writes which version, as the pages and the API show it: the rows that fit, and what is not known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from instar.core.version import label
from instar.dashboard.watcher import Seen
from instar.operations.dependants import Dependant, dependants, places_of
from instar.project.project import Project
from instar.rollout.evidence import GroupsSeen


@dataclass(frozen=True, slots=True)
class Unseen:
    """A source that could not be asked, or not wholly."""

    source: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows are wanted; what is empty fits all."""

    does: str = ""
    name: str = ""
    subject: str = ""
    version: str = ""
    owner: str = ""
    in_the_way: bool = False

    def fits(self, row: Dependant) -> bool:
        if self.does not in ("", row.does) or self.subject not in ("", row.subject):
            return False
        if self.in_the_way and not (self.version in row.stands_against if self.version else row.stands_against):
            return False
        if self.version and self.version not in row.marks:
            return False
        owners = ", ".join(row.owners)
        return self.name.lower() in row.who.lower() and self.owner.lower() in owners.lower()


@dataclass(frozen=True, slots=True)
class Matrix:
    """``columns`` are all versions of the project's subjects, and those that anybody named."""

    columns: tuple[str, ...]
    rows: tuple[Dependant, ...]
    unseen: tuple[Unseen, ...]

    def fitting(self, asked: Asked) -> list[Dependant]:
        return [row for row in self.rows if asked.fits(row)]

    def row(self, key: tuple[str, str, str, str]) -> Dependant | None:
        return next((row for row in self.rows if row.key == key), None)


def matrix(project: Project, seen: Seen) -> Matrix:
    looks = seen.migrations
    programs = seen.programs
    places = places_of(project, {name: look.rollout for name, look in looks.items()})
    groups: dict[str, GroupsSeen] = {}
    for look in looks.values():
        groups.update(look.groups or {})
    rows = dependants(
        places,
        groups,
        () if programs.census is None else programs.census.clients,
        programs.writers,
        programs.readers or (),
        now_ms=int(seen.at_s * 1000),
        keep_ms=project.settings.census.forget_after * 1000,
    )
    known = {label(version) for _, subject in project.catalogue.subjects.items() for version in subject.versions}
    known |= {version for row in rows for version in row.marks}
    columns = tuple(sorted(known, key=lambda version: int(version[1:])))
    return Matrix(columns, tuple(rows), tuple(_unseen(project, seen)))


def _unseen(project: Project, seen: Seen) -> Iterator[Unseen]:
    programs = seen.programs
    for name, migration in sorted(project.settings.migrations.items()):
        look = seen.migrations.get(name)
        if look is None or look.groups is None:
            why = look.trouble if look is not None else "Kafka does not answer" if seen.trouble else ""
            because = f": {why}" if why else "."
            yield Unseen("consumer groups", f"The groups of {name} could not be listed{because}", "")
        elif migration.source.topic not in look.groups:
            text = f"There is no topic {migration.source.topic}, so nobody knows who reads it."
            yield Unseen("consumer groups", text, f"Is {name}'s source what it should be?")
    for text, topics in sorted(_unlisted(seen)):
        named = f"Of {_listed(topics)} only those are known that a program or a declaration names."
        yield Unseen("consumer groups", f"{_sentence(text)} {named}", "")
    if programs.census is None:
        yield Unseen("census", f"The census could not be read: {programs.why}", programs.remedy)
    elif not programs.counts:
        text = "There is no census, so no program can have told what it reads or writes."
        remedy = "`instar census run --create` begins one (docs/census.md)."
        yield Unseen("census", text, remedy)
    elif not project.settings.census.workers:
        text = "Workers tell the census nothing, so the versions of a topic's records are not known here."
        remedy = "Set `workers = true` under `[census]`, or look once with `instar census scan TOPIC`."
        yield Unseen("version mix", text, remedy)
    if programs.unusable:
        text = f"{programs.unusable:,} records of the census cannot be read and are not counted."
        yield Unseen("census", text, "A newer instar may have written them: serve with that one.")
    if programs.readers is None:
        text = f"The declared readers could not be read: {programs.readers_why}"
        yield Unseen("declarations", text, "`instar db check` says what is wrong.")


def _unlisted(seen: Seen) -> Iterable[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for look in seen.migrations.values():
        for topic, groups in (look.groups or {}).items():
            topics = found.setdefault(groups.unlisted, [])
            if topic not in topics:
                topics.append(topic)
    return [(text, topics) for text, topics in found.items() if text]


def _listed(names: list[str]) -> str:
    """a, b and c"""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def called(row: Dependant) -> str:
    """What a row is called."""
    if row.who:
        return row.who
    return "programs without a name" if row.does == "reads" else "producers that nothing names"


def document(row: Dependant) -> dict[str, Any]:
    """A row as the API gives it."""
    return {
        "does": row.does,
        "name": row.who,
        "topic": row.topic,
        "subject": row.subject,
        "sides": [{"migration": place.migration, "side": place.side} for place in row.places],
        "owners": list(row.owners),
        "versions": {
            version: [{"known": mark.way, "records": mark.records, "last_seen_ms": mark.last_ms} for mark in marks]
            for version, marks in row.marks.items()
        },
        "stands_against": list(row.stands_against),
        "last_seen_ms": row.last_ms,
        "members": row.members,
        "lag_records": row.lag_records,
        "told": [told._asdict() for told in row.told],
    }
