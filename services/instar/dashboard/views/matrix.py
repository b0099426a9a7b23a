"""Consumer groups by version: what a group may meet in the topics that it reads."""

from dataclasses import dataclass

from instar.core.retirement import Group
from instar.core.version import label
from instar.dashboard.watcher import Seen
from instar.project.project import Project


@dataclass(frozen=True, slots=True)
class Row:
    """A group in a topic. ``versions`` are those that the topic may hold: the group must be able to read each."""

    group: Group
    topic: str
    role: str
    migration: str
    subjects: tuple[str, ...]
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """``unseen`` are the migrations whose groups could not be listed."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    unseen: tuple[str, ...]


def matrix(project: Project, seen: Seen) -> Matrix:
    rows: list[Row] = []
    unseen: list[str] = []
    columns: set[int] = set()
    for name, migration in sorted(project.settings.migrations.items()):
        look = seen.migrations.get(name)
        subjects = [project.catalogue[each] for each in migration.subjects if each in project.catalogue]
        known = sorted({version for subject in subjects for version in subject.versions})
        columns |= set(known)
        if look is None or look.groups is None:
            unseen.append(name)
            continue
        target = migration.target.version
        sides = (
            (migration.source.topic, "old", [version for version in known if version <= target]),
            (migration.target.topic, "new", [target]),
        )
        for topic, role, versions in sides:
            for group in look.groups.get(topic, ()):
                said = tuple(label(version) for version in versions)
                rows.append(Row(group, topic, role, name, migration.subjects, said))
    return Matrix(tuple(label(version) for version in sorted(columns)), tuple(rows), tuple(unseen))
