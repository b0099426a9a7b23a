"""``instar client types``: pydantic models for every version of a subject."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from instar.cli import completing
from instar.cli.exits import NO, OK, USAGE, Failure, fail
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import ProjectOption, open_project, subject_of, version_of
from instar.core.models.module import MARK, module, root_name
from instar.core.models.names import module_name
from instar.core.subject import Subject
from instar.core.version import label
from instar.project.project import Project
from instar.project.schema_notes import notes_of

_COLUMNS = {"file": "file", "version": "version", "model": "model", "state": ""}


def add_to(group: typer.Typer) -> None:
    group.command("types")(types)


def types(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", autocompletion=completing.subjects)],
    folder: Annotated[
        Path | None, typer.Option("--out", help="The folder that the modules go into; without it, one is printed.")
    ] = None,
    versions: Annotated[
        list[str] | None,
        typer.Option(
            "--version",
            help="v3; all of them by default, the newest where one is printed.",
            autocompletion=completing.versions,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 3 where a module is not what it would be.")
    ] = False,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
) -> int:
    """Write pydantic models for the versions of a subject: `instar client types orders --out shop/formats`.

    One module for each version, `orders_v3.py`. Its root model says subject and version, so that
    `InstarDeserializer(..., to=Order)` needs neither. The same schema always gives the same text. A file that
    this command did not write is never overwritten.
    """  # fmt: skip
    opened = open_project(project)
    family = subject_of(opened, subject)
    numbers = [version_of(family, each) for each in versions or ()]
    if folder is None:
        if check:
            fail("--check compares with files, and no folder is named.", "Say --out FOLDER.", USAGE)
        if len(numbers) > 1:
            fail("One module is printed at a time.", "Name one --version, or a folder with --out.", USAGE)
        sys.stdout.write(_text(opened, family, numbers[0] if numbers else family.latest))
        return OK
    rows, changes = [], []
    for number in numbers or sorted(family.versions):
        path = folder / f"{module_name(family.name)}_{label(number)}.py"
        text = _text(opened, family, number)
        state = _state(path, text)
        if state != "unchanged":
            changes.append((path, text))
        notes = notes_of(opened, family.name, number)
        model = root_name(family.versions[number].shape, family.kind, notes, family.name)
        rows.append({"file": str(path), "version": label(number), "model": model, "state": state})
    for path, text in () if check else changes:
        _write(path, text)
    print_rows(rows, _COLUMNS, output)
    if check and changes:
        stderr.print("Without --check these are written.", markup=False)
        return NO
    return OK


def _text(opened: Project, family: Subject, number: int) -> str:
    notes = notes_of(opened, family.name, number)
    return module(family.versions[number].shape, family.kind, notes, family.name, number)


def _state(path: Path, text: str) -> str:
    """``new``, ``changed`` or ``unchanged``. Fails for a file that is somebody's own."""
    try:
        there = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "new"
    except (OSError, UnicodeDecodeError) as problem:
        raise Failure(f"{path} cannot be read: {problem}.", "Choose another folder with --out.") from problem
    if not there.startswith(MARK):
        fail(
            f"{path} was not written by this command, and nothing is overwritten.",
            "Move it away, or choose another folder with --out.",
        )
    return "unchanged" if there == text else "changed"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise Failure(
            f"{path} cannot be written: {problem.strerror}.", "Choose a folder that you may write to."
        ) from problem
