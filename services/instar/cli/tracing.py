"""A record on its way through a chain, for people and as a document: ``try`` and ``record show`` share it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.text import Text

from instar.cli.values import document_of, jsonable, pretty, shown
from instar.core.formats.shape import MISSING
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.upcasting.chain import Stage, TracedRecord
from instar.core.upcasting.difference import Difference, differences
from instar.core.upcasting.pattern import Pattern, parse_pattern, redacted
from instar.core.upcasting.sealing import sealed
from instar.core.version import label

_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow"), "moved": ("~", "yellow")}


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
                    "value": _document(subject, stage, record),
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


def print_stages(console: Console, subject: Subject, stages: Sequence[Stage]) -> None:
    """Each version's record, and between two of them the hop with a line for each thing that it did."""
    for stage in stages:
        if stage.hop:
            _print_hop(console, subject, stage)
        many = len(stage.records) > 1
        for number, record in enumerate(stage.records, 1):
            title = Text(label(stage.version), style="bold")
            if many:
                title.append(f"  record {number} of {len(stage.records)}", style="not bold")
            if stage.rejected is not None and number == len(stage.records):
                title.append("  rejected", style="bold red")
            console.print(title)
            if many and stage.hop:
                _print_changes(console, record)
            console.print(pretty(_document(subject, stage, record)), markup=False)
        if not stage.records and stage.rejected is None:
            console.print(Text(f"{label(stage.version)}  no record: the event ends here", style="bold"))
        if stage.rejected is not None:
            print_rejection(console, stage.rejected)
        console.print()


def print_rejection(console: Console, rejected: Rejected) -> None:
    line = Text("rejected", style="bold red")
    line.append(f" {rejected.code}", style="red")
    if rejected.hop:
        line.append(f"  in {rejected.hop}", style="not bold")
    if rejected.path:
        line.append(f"  at {rejected.path}", style="not bold")
    console.print(line)
    console.print(Text(f"  {rejected.message}"))


def _print_hop(console: Console, subject: Subject, stage: Stage) -> None:
    start = min(int(part.removeprefix("v")) for part in (stage.hop or "").split("_to_"))
    hop = subject.hops[start]
    downwards = hop.to_version != stage.version
    line = Text(hop.name, style="bold cyan")
    if downwards:
        line.append("  downwards", style="not bold")
    if hop.hop.summary:
        line.append(f"  {hop.hop.summary}", style="not bold cyan")
    console.print(line)
    if len(stage.records) == 1:
        _print_changes(console, stage.records[0])


def _print_changes(console: Console, record: TracedRecord) -> None:
    for each in record.differences:
        sign, colour = _SIGNS[each.kind]
        console.print(Text(f"  {sign} {_told(each)}", style=colour))
    if not record.differences:
        console.print(Text("  nothing changed", style="dim"))


def _told(each: Difference) -> str:
    where = each.path or "(the record)"
    match each.kind:
        case "added":
            return f"{where}: {shown(each.after)}"
        case "removed":
            return f"{where}: {shown(each.before)}"
        case "moved":
            return f"{each.was} → {where}: {shown(each.after)}"
        case "changed":
            return f"{where}: {shown(each.before)} → {shown(each.after)}"


def _change(subject: Subject, each: Difference) -> dict[str, Any]:
    made: dict[str, Any] = {"kind": each.kind, "path": each.path}
    if each.was is not None:
        made["was"] = each.was
    if each.before is not MISSING:
        made["before"] = jsonable(each.before, subject.kind)
    if each.after is not MISSING:
        made["after"] = jsonable(each.after, subject.kind)
    return made


def _document(subject: Subject, stage: Stage, record: TracedRecord) -> Any:
    return document_of(subject.versions[stage.version], record.value, is_valid=stage.rejected is None)
