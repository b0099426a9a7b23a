"""Whether old versions may go: the evidence that this server has, judged by `core.retirement`."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

from instar.core.retirement import Evidence, Verdict, judge
from instar.core.subject import Subject
from instar.core.version import label
from instar.dashboard.watcher import MigrationSeen, Seen
from instar.project.migration import Migration
from instar.project.project import Project
from instar.project.subject_file import deprecation_of


def verdicts(project: Project, seen: Seen) -> tuple[Verdict, ...]:
    """One for each version below its target that a migration's old topic may hold: no first, then unknown."""
    now_ms = time.time_ns() // 1_000_000
    today = datetime.now(UTC).date()
    found = [
        Verdict(
            subject.name,
            label(version),
            name,
            migration.source.topic,
            judge(
                _evidence(project, subject, version, migration, seen.migrations.get(name)), now_ms=now_ms, today=today
            ),
        )
        for name, migration in sorted(project.settings.migrations.items())
        for subject, version in _old_versions(project, migration)
    ]
    return tuple(
        sorted(found, key=lambda each: (("no", "unknown", "yes").index(each.answer), each.subject, each.version))
    )


def _old_versions(project: Project, migration: Migration) -> Iterator[tuple[Subject, int]]:
    for name in migration.subjects:
        if name in project.catalogue:
            subject = project.catalogue[name]
            yield from (
                (subject, version) for version in sorted(subject.versions) if version < migration.target.version
            )


def _evidence(
    project: Project, subject: Subject, version: int, migration: Migration, seen: MigrationSeen | None
) -> Evidence:
    """What can be seen from here. The phase, declared readers, clients and verifications are the state store's."""
    groups = None if seen is None or seen.groups is None else seen.groups.get(migration.source.topic)
    lost = [
        path
        for start in range(version, migration.target.version)
        if (hop := subject.hops.get(start)) is not None
        for path in hop.lost_up
    ]
    return Evidence(
        phase=None,
        groups=groups,
        sunset=_sunset(project, subject.name, version),
        uncarried=None if seen is None else seen.lag_records,
        letters=None if seen is None else seen.letters,
        kept=tuple(dict.fromkeys(lost)),
        archive=migration.rollout.archive or "",
    )


def _sunset(project: Project, subject: str, version: int) -> date | bool | None:
    source = project.sources.get(subject)
    if source is None:
        return None
    ends = deprecation_of(source.notes, version)
    if ends is None:
        return False
    return True if ends.sunset is None else ends.sunset
