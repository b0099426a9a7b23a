"""What changed between two versions of a subject, as a document and as words."""

from dataclasses import asdict
from typing import Any

from instar.core.compat.schema_diff import FieldChange, SchemaDiff, diff
from instar.core.subject import Subject
from instar.core.upcasting.hop import BoundHop
from instar.core.version import label


def between(subject: Subject, start: int, end: int) -> tuple[SchemaDiff, list[BoundHop | None]]:
    """The differences from a version to a later one, and the hops between. Every version between must be there."""
    hops = [subject.hops.get(version) for version in range(start, end)]
    schemas = [subject.versions[version] for version in range(start, end + 1)]
    return diff(schemas, hops, old=label(start), new=label(end)), hops


def document(subject: Subject, start: int, end: int, made: SchemaDiff, hops: list[BoundHop | None]) -> dict[str, Any]:
    return {
        "subject": subject.name,
        "from_version": label(start),
        "to_version": label(end),
        "risk": made.risk,
        "renames_are_known": made.is_known,
        "hops": [
            {
                "name": f"{label(start + index)}_to_{label(start + index + 1)}",
                "summary": hop.hop.summary if hop else None,
                "one_way": hop.one_way if hop else None,
                "lost_up": list(hop.lost_up) if hop else None,
                "lost_down": list(hop.lost_down) if hop else None,
            }
            for index, hop in enumerate(hops)
        ],
        "changes": [asdict(each) for each in made.changes],
    }


def where(change: FieldChange) -> str:
    """``qty -> quantity`` where the place is another one."""
    was = ", ".join(change.was)
    return f"{was} -> {change.path}" if was and was != change.path else change.path


def types_of(change: FieldChange) -> str:
    """``int -> long``; one side where the other has none, or both are the same."""
    if change.before and change.after and change.before != change.after:
        return f"{change.before} -> {change.after}"
    return change.after or change.before
