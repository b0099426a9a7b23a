"""``instar schema diff SUBJECT v1 v2``: what changed, field by field."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from instar.cli import completing
from instar.cli.exits import OK, USAGE, Failure, fail
from instar.cli.output import Document, print_json, stderr
from instar.cli.schema_diff_html import page
from instar.cli.scope import ProjectOption, open_project, subject_of, version_of
from instar.core.compat.diff_document import between, document, types_of, where
from instar.core.compat.schema_diff import FieldChange, SchemaDiff
from instar.core.subject import Subject
from instar.core.upcasting.hop import BoundHop
from instar.core.version import label

_COLOURS = {"additive": "green", "transforming": "yellow", "destructive": "red"}
_SIGNS = {"added": "+", "removed": "-", "symbols added": "+", "symbols removed": "-"}


def add_to(group: typer.Typer) -> None:
    group.command("diff")(show_diff)


def show_diff(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", autocompletion=completing.subjects)],
    from_version: Annotated[
        str, typer.Argument(metavar="FROM", help="The earlier version: v1", autocompletion=completing.versions)
    ],
    to_version: Annotated[
        str, typer.Argument(metavar="TO", help="The later version: v2", autocompletion=completing.versions)
    ],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with it, too.")] = None,
    output: Annotated[Document, typer.Option("-o", "--output")] = Document.TABLE,
    project: ProjectOption = None,
) -> int:
    """Show what a later version changed, field by field, with its risk.

    Says what an old reader and an old writer see without a hop, and what the hop does about it. Renames and moves are
    those of the hop; where there is none, likely ones are marked as guesses.
    """
    opened = open_project(project)
    family = subject_of(opened, subject)
    start, end = version_of(family, from_version), version_of(family, to_version)
    if start >= end:
        fail("The earlier version comes first.", f"instar schema diff {subject} {to_version} {from_version}", USAGE)
    missing = [version for version in range(start, end) if version not in family.versions]
    if missing:
        fail(f"{subject} has no {label(missing[0])} between them.", "`instar check` says more.", USAGE)
    made, hops = between(family, start, end)
    if html is not None:
        _write(html, page(family.name, label(start), label(end), made, _hop_lines(hops)))
    if output is Document.JSON:
        print_json(document(family, start, end, made, hops))
    else:
        _print(family, start, end, made, hops)
    return OK


def _hop_lines(hops: list[BoundHop | None]) -> list[str]:
    return [f"{hop.name}: {hop.hop.summary}" if hop.hop.summary else hop.name for hop in hops if hop is not None]


def _print(subject: Subject, start: int, end: int, made: SchemaDiff, hops: list[BoundHop | None]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    head = Text(f"{subject.name} {label(start)} -> {label(end)}: ", style="bold")
    head.append(made.risk, _COLOURS[made.risk])
    head.append(f", {len(made.changes)} change{'' if len(made.changes) == 1 else 's'}")
    console.print(head)
    for line in _hop_lines(hops):
        console.print(Text(f"  {line}", style="dim"))
    for change in made.changes:
        console.print()
        _print_change(console, change)
    if not made.is_known and made.changes:
        stderr.print(
            "No hop of changes says what became of each field: what looks like a rename is a guess.", soft_wrap=True
        )


def _print_change(console: Console, change: FieldChange) -> None:
    head = Text(f"{_SIGNS.get(change.kind, '~')} ", style=_COLOURS[change.risk])
    head.append(where(change), "bold")
    head.append(f"  {change.kind}")
    types = types_of(change)
    if types:
        head.append(f": {types}")
    head.append(f"  [{change.risk}]", _COLOURS[change.risk])
    console.print(head)
    console.print(Text(f"    old reader  {change.old_reader}"))
    console.print(Text(f"    old writer  {change.old_writer}"))
    if change.hop:
        console.print(Text(f"    hop         {change.hop}"))
    if change.guess:
        console.print(Text(f"    guess       {change.guess}"))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise Failure(f"{path} cannot be written: {problem.strerror}.", "Name another file.") from problem
