"""A record on its way through a chain, for people: ``try`` and ``record show`` share it."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.trace_document import value_document
from instar.core.upcasting.chain import Stage, TracedRecord
from instar.core.upcasting.difference import Difference
from instar.core.value_text import pretty, shown
from instar.core.version import label

_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow"), "moved": ("~", "yellow")}


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
            console.print(pretty(value_document(subject, stage, record)), markup=False)
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
