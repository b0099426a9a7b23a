"""A record on its way through a chain as a document: each version, what each hop changed, where it ended."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from instar.core.formats.shape import MISSING
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.upcasting.chain import Stage, TracedRecord
from instar.core.upcasting.difference import Difference, differences
from instar.core.upcasting.pattern import Pattern, parse_pattern, redacted
from instar.core.upcasting.sealing import sealed
from instar.core.value_text import document_of, jsonable
from instar.core.version import label


def seal_stages(subject: Subject, stages: Sequence[Stage]) -> list[Stage]:
    """The same stages with the subject's sensitive fields sealed, in the records and in what changed."""
    patterns = tuple(parse_pattern(path) for path in subject.sensitive)
    if not patterns:
        return list(stages)
    made: list[Stage] = []
    for stage in stages:
        before = made[-1].records if made else ()
        records = []
        for record in stage.records:
            value = sealed(record.value, patterns)
            changed = tuple(differences(before[record.parent].value, value)) if stage.hop else ()
            records.append(TracedRecord(value, record.parent, changed))
        rejected = _redacted(stage.rejected, stages[len(made) - 1 :], patterns) if stage.rejected else None
        made.append(replace(stage, records=tuple(records), rejected=rejected))
    return made


def _redacted(rejected: Rejected, stages: Sequence[Stage], patterns: tuple[Pattern, ...]) -> Rejected:
    """The rejection without what its records hold: a hop's exception quotes whatever its author liked."""
    message = rejected.message
    for stage in stages[:2]:
        for record in stage.records:
            message = redacted(message, record.value, patterns)
    return replace(rejected, message=message)


def stages_document(subject: Subject, stages: Sequence[Stage]) -> list[dict[str, Any]]:
    """The stages as data: each version's records, what the hop before changed, why it ended."""
    return [
        {
            "version": label(stage.version),
            "hop": stage.hop,
            "records": [
                {
                    "value": value_document(subject, stage, record),
                    "parent": record.parent if stage.hop else None,
                    "changes": [_change(subject, each) for each in record.differences],
                }
                for record in stage.records
            ],
            "rejected": rejection(stage.rejected) if stage.rejected else None,
        }
        for stage in stages
    ]


def rejection(rejected: Rejected) -> dict[str, Any]:
    return {
        "code": rejected.code,
        "message": rejected.message,
        "subject": rejected.subject,
        "hop": rejected.hop,
        "path": rejected.path,
        "from_version": rejected.from_version,
        "to_version": rejected.to_version,
    }


def _change(subject: Subject, each: Difference) -> dict[str, Any]:
    made: dict[str, Any] = {"kind": each.kind, "path": each.path}
    if each.was is not None:
        made["was"] = each.was
    if each.before is not MISSING:
        made["before"] = jsonable(each.before, subject.kind)
    if each.after is not MISSING:
        made["after"] = jsonable(each.after, subject.kind)
    return made


def value_document(subject: Subject, stage: Stage, record: TracedRecord) -> Any:
    """One record of a stage as what JSON has."""
    return document_of(subject.versions[stage.version], record.value, is_valid=stage.rejected is None)
