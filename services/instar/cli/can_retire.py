"""``instar can-retire SUBJECT v1``: yes, no or unknown, with every reason."""

import time
from typing import Annotated

import typer
from pydantic_core import PydanticCustomError

from instar.cli import completing
from instar.cli.exits import NO, OK, USAGE, fail
from instar.cli.moving import LookOption
from instar.cli.output import Document, print_json, stderr
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    open_project,
    subject_of,
    version_of,
)
from instar.cli.stopping import stopping
from instar.core.retirement import Verdict
from instar.operations.retirement import verdicts
from instar.operations.rolling import rolling
from instar.project.model import duration_s
from instar.project.project import Project

_LOOK_AGAIN_S = 5.0


def add_to(app: typer.Typer) -> None:
    app.command("can-retire")(can_retire)


def can_retire(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", autocompletion=completing.subjects)],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="The version to retire: v1.")],
    retry: Annotated[
        str | None,
        typer.Option("--retry-while-unknown", metavar="DURATION", help="Ask again for so long while unknown: 10m."),
    ] = None,
    look: LookOption = 100_000,
    output: Annotated[Document, typer.Option("-o", "--output")] = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Say whether the topics that hold a version may be retired, with every reason against it and who can change it.

    One reason makes it no. What cannot be asked makes it unknown, which is never yes. Exits with 0 for yes, else 3.
    """
    opened = open_project(project, environment)
    number = version_of(subject_of(opened, subject), version)
    names = [
        name
        for name, each in sorted(opened.settings.migrations.items())
        if subject in each.subjects and number < each.target.version
    ]
    if not names:
        fail(
            f"No migration carries {subject} {version} to a later version.",
            "Where nothing replaces a version, nothing can retire it: add a migration to the settings.",
            USAGE,
        )
    until_s = time.monotonic() + (0 if retry is None else _duration_s(retry))
    with stopping() as ending:
        while True:
            found = [verdict for name in names for verdict in _asked(opened, name, subject, number, look, bootstrap)]
            unknown = any(each.answer == "unknown" for each in found) and not any(each.answer == "no" for each in found)
            if not unknown or time.monotonic() >= until_s or ending.event.wait(_LOOK_AGAIN_S):
                break
    if output is Document.JSON:
        print_json([each.as_dict() for each in found])
    else:
        for each in found:
            _print(each)
    return OK if found and all(each.answer == "yes" for each in found) else NO


def _asked(project: Project, name: str, subject: str, version: int, look: int, bootstrap: str | None) -> list[Verdict]:
    with rolling(project, name, bootstrap=bootstrap, needs_state=False) as at:
        return verdicts(at, subject=subject, versions=(version,), archive="", look_records=look)


def _print(verdict: Verdict) -> None:
    where = f"{verdict.subject} {verdict.version} in {verdict.topic} ({verdict.migration})"
    print(f"{verdict.answer}: {where}")
    for reason in verdict.reasons:
        owner = f" [{reason.owner}]" if reason.owner else ""
        print(f"  {reason.answer:<8}{reason.source}: {reason.text}{owner}")
        stderr.print(f"          → {reason.remedy}", markup=False, soft_wrap=True)


def _duration_s(text: str) -> int:
    try:
        return duration_s(text)
    except PydanticCustomError as error:
        fail(f"--retry-while-unknown: {error.message()}.", "Write 30s, 10m or 1h.", USAGE)
