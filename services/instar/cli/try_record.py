"""``instar try SUBJECT v1 v3 < record.json``: one record through a chain, hop by hop."""

import sys
from contextlib import redirect_stdout
from typing import Annotated, Any

import typer
from rich.console import Console

from instar.cli import completing
from instar.cli.exits import NO, OK, USAGE, fail
from instar.cli.output import Document, print_document, stderr
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project, refuse_broken, subject_of, version_of
from instar.cli.tracing import print_rejection, print_stages
from instar.core.formats.values_json import value_of_text
from instar.core.record import Context
from instar.core.rejected import NO_WAY, Rejected
from instar.core.subject import Subject
from instar.core.trace_document import rejection, stages_document
from instar.core.upcasting.chain import Chain
from instar.core.version import label
from instar.project.project import Project


def add_to(app: typer.Typer) -> None:
    app.command("try")(try_record)


def try_record(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", autocompletion=completing.subjects)],
    from_version: Annotated[
        str, typer.Argument(metavar="FROM", help="The record's version: v1", autocompletion=completing.versions)
    ],
    to_version: Annotated[
        str, typer.Argument(metavar="TO", help="May be lower: v1", autocompletion=completing.versions)
    ],
    output: Annotated[Document, typer.Option("-o", "--output")] = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Take a record from stdin through the hops and show it after each one, with what the hop changed.

    The record is readable JSON, as in schemas/SUBJECT/examples. No Kafka is needed. Exits with 3 when the record is
    rejected.
    """
    opened = open_project(project, environment)
    family = subject_of(opened, subject)
    start, end = version_of(family, from_version), version_of(family, to_version)
    way = family.chain(start, end)
    if isinstance(way, Rejected):
        if way.code == NO_WAY:
            refuse_broken(tuple(each for each in opened.errors if each.subject == subject))
        return _refused(family, start, end, way, output)
    value = value_of_text(way.before, _stdin())
    if isinstance(value, Rejected):
        named = value.within(subject=subject, from_version=label(start))
        return _refused(family, start, end, named, output)
    _say_errors(opened, subject)
    return _show(family, way, value, output)


def _show(subject: Subject, way: Chain, value: Any, output: Document) -> int:
    with redirect_stdout(sys.stderr):  # a hop that prints must not end up in the data
        stages = way.trace(value, Context())
    rejected = stages[-1].rejected
    if output is Document.JSON:
        print_document(_document(subject, way.from_version, way.to_version, stages_document(subject, stages), rejected))
    else:
        print_stages(Console(highlight=False, soft_wrap=True), subject, stages)
    return OK if rejected is None else NO


def _refused(subject: Subject, start: int, end: int, rejected: Rejected, output: Document) -> int:
    """Nothing to trace: the record cannot be read, or no chain leads there."""
    if output is Document.JSON:
        print_document(_document(subject, start, end, [], rejected))
    else:
        print_rejection(Console(highlight=False, soft_wrap=True), rejected)
    return NO


def _document(
    subject: Subject, start: int, end: int, stages: list[dict[str, Any]], rejected: Rejected | None
) -> dict[str, Any]:
    return {
        "subject": subject.name,
        "from_version": label(start),
        "to_version": label(end),
        "stages": stages,
        "rejected": rejection(rejected) if rejected else None,
    }


def _stdin() -> bytes:
    if sys.stdin.isatty():
        stderr.print("Paste a record as JSON and end it with Ctrl-D:", markup=False)
    data = sys.stdin.buffer.read()
    if not data.strip():
        fail(
            "There is no record on stdin.",
            "Give one: instar try orders v1 v3 < schemas/orders/examples/NAME.v1.json",
            USAGE,
        )
    return data


def _say_errors(project: Project, subject: str) -> None:
    errors = [each for each in project.errors if each.subject in (subject, None)]
    if errors:
        count = f"{len(errors)} error{'s' if len(errors) > 1 else ''}"
        stderr.print(f"note: the project has {count} that `instar check` shows.", markup=False)
