"""``instar schema deprecate SUBJECT v1 --sunset DATE``: say that a version ends, and when."""

from datetime import date, datetime
from typing import Annotated, Any

import typer

from instar.cli import completing
from instar.cli.exits import OK, USAGE, Failure, fail
from instar.cli.output import stderr
from instar.cli.scope import ProjectOption, open_project, refuse_broken, subject_of, version_of
from instar.core.version import label
from instar.project.deprecate import NotEditable
from instar.project.deprecate import deprecate as write_notes


def add_to(group: typer.Typer) -> None:
    group.command("deprecate")(deprecate)


def deprecate(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", autocompletion=completing.subjects)],
    version: Annotated[str, typer.Argument(metavar="VERSION", autocompletion=completing.versions)],
    sunset: Annotated[
        datetime | None,
        typer.Option("--sunset", formats=["%Y-%m-%d"], metavar="DATE", help="The first day without it: 2027-01-31."),
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="What its readers should know.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="It does not end after all.")] = False,
    project: ProjectOption = None,
) -> int:
    """Record in subject.toml that readers should leave a version, and until when they may stay.

    It is shown by `schema list`, `upcaster graph` and `check`, and before the sunset the version is not retired.
    """
    opened = open_project(project)
    family = subject_of(opened, subject)
    number = version_of(family, version)
    refuse_broken(tuple(each for each in opened.errors if each.code.startswith("subject") and each.subject == subject))
    notes = {} if undo else _notes(sunset.date() if sunset else None, reason)
    if number == family.latest and not undo:
        stderr.print(f"note: {version} is the newest version of {subject}.", markup=False)
    try:
        print(write_notes(opened.root, subject, number, notes))
    except NotEditable as problem:
        raise Failure(str(problem), problem.remedy) from problem
    except OSError as problem:
        raise Failure(f"subject.toml cannot be written: {problem.strerror}.", "Is the folder writable?") from problem
    end = f" Its sunset is {notes['sunset'].isoformat()}." if "sunset" in notes else ""
    stderr.print(
        f"{subject} {label(number)} is {'in use again' if undo else 'deprecated'}.{end} Commit the change.",
        markup=False,
    )
    return OK


def _notes(sunset: date | None, reason: str | None) -> dict[str, Any]:
    if sunset is None and reason is None:
        fail("Say when it ends, or why readers should leave it.", "Add --sunset 2027-01-31 or --reason.", USAGE)
    notes: dict[str, Any] = {"deprecated": " ".join(reason.split()) if reason else True}
    return notes if sunset is None else {**notes, "sunset": sunset}
