"""Whether old versions may go, as last seen: what `instar can-retire` says, without waiting for it."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

from instar.clock import now_ms
from instar.core.retirement import Evidence, Verdict, judge
from instar.core.subject import Subject
from instar.core.version import label
from instar.dashboard.watcher import Seen
from instar.project.migration import Migration
from instar.project.project import Project
from instar.project.subject_file import sunset_of

STALE_S = 300.0  # a look that is later than this has not come back
_ORDER = ("no", "unknown", "yes")


def verdicts(project: Project, seen: Seen) -> tuple[Verdict, ...]:
    """One for each version below its target that a migration's old topic may hold: no first, then unknown.

    Where the next look is late by ``STALE_S``, what was seen is not known any more.
    """
    found: list[Verdict] = []
    is_late = time.time() > seen.due_s + STALE_S
    for name, migration in sorted(project.settings.migrations.items()):
        look = seen.migrations.get(name)
        if look is not None and look.verdicts is not None and not is_late:
            found += look.verdicts
        else:
            found += _unseen(project, name, migration)
    return tuple(sorted(found, key=lambda each: (_ORDER.index(each.answer), each.subject, each.version)))


def _unseen(project: Project, name: str, migration: Migration) -> Iterator[Verdict]:
    """Verdicts where nothing but the project can be seen."""
    today = datetime.now(UTC).date()
    for subject, version in _old_versions(project, migration):
        evidence = Evidence(phase=None, sunset=_sunset(project, subject.name, version))
        reasons = judge(evidence, subject.name, label(version), now_ms=now_ms(), today=today)
        yield Verdict(subject.name, label(version), name, migration.source.topic, reasons)


def _old_versions(project: Project, migration: Migration) -> Iterator[tuple[Subject, int]]:
    for name in migration.subjects:
        if name in project.catalogue:
            subject = project.catalogue[name]
            yield from (
                (subject, version) for version in sorted(subject.versions) if version < migration.target.version
            )


def _sunset(project: Project, subject: str, version: int) -> date | bool | None:
    source = project.sources.get(subject)
    return None if source is None else sunset_of(source.notes, version)
