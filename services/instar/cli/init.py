"""``instar init FOLDER``: begin a project."""

from pathlib import Path
from typing import Annotated

import typer

from instar.cli.exits import Failure
from instar.cli.output import stderr
from instar.project.scaffold import AlreadyThere
from instar.project.scaffold import init as write_project


def add_to(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    folder: Annotated[Path, typer.Argument(help="Made if it is not there.", metavar="FOLDER", file_okay=True)],
) -> None:
    """Write a new project: settings, one subject at v1, a golden record, and how to go on.

    Prints the files it made on stdout. Nothing is overwritten.
    """
    try:
        files = write_project(folder)
    except AlreadyThere as problem:
        raise Failure(f"{folder / problem.file} is there already, and nothing is overwritten.", _remedy()) from problem
    except OSError as problem:
        where = problem.filename or folder
        raise Failure(
            f"The project cannot be written: {where}: {problem.strerror}.",
            "Choose a folder that you may write to.",
        ) from problem
    for file in files:
        print(folder / file)
    stderr.print(
        f"A project with one subject, orders v1. {folder / 'README.md'} says how to add v2.",
        markup=False,
        soft_wrap=True,
    )
    stderr.print(f"→ cd {folder} && instar check", markup=False, soft_wrap=True)


def _remedy() -> str:
    return "Choose another folder; in a project, add schemas/SUBJECT/v1.avsc by hand."
