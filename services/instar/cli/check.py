"""``instar check``: everything that is wrong with a project, at once."""

import sys
from contextlib import redirect_stdout
from typing import Annotated

import typer

from instar.cli.exits import ERROR, OK
from instar.cli.output import stderr
from instar.cli.reporting import Report, counted, print_report, severities
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project
from instar.core.finding import Finding
from instar.project.check import check_project
from instar.project.project import Project

DEFAULT_SAMPLES = 25


def add_to(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    samples: Annotated[
        int, typer.Option(min=0, max=100_000, help="Records drawn from each schema, beside the golden ones.")
    ] = DEFAULT_SAMPLES,
    seed: Annotated[int, typer.Option(help="The same seed draws the same records.")] = 0,
    notes: Annotated[bool, typer.Option("--notes", help="Show notes in the table, too.")] = False,
    output: Annotated[Report, typer.Option("-o", "--output", help="junit and sarif are for CI.")] = Report.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Read the whole project and hold every hop to the laws, on golden and on drawn records.

    The laws: a hop is pure and deterministic, total on valid input, its output is valid, and its way down brings back
    what is not declared or computed as lost. Nothing is written and no network is used. Exits with 1 when there is an
    error; warnings and notes do not count.
    """
    opened = open_project(project, environment)
    with redirect_stdout(sys.stderr):  # a hop that prints must not end up in the report
        findings = check_project(opened, samples, seed)
    print_report(findings, output, _files(opened), notes=notes)
    stderr.print(_summary(opened, findings, notes_shown=notes or output is not Report.TABLE), markup=False)
    return ERROR if any(finding.severity == "error" for finding in findings) else OK


def _files(project: Project) -> list[str]:
    """Every file that was checked, for a report that also names what is sound."""
    files = [each.file for source in project.sources.values() for each in source.schemas.values()]
    files += [each.hop.file for source in project.sources.values() for each in source.hops.values()]
    return sorted(files)


def _summary(project: Project, findings: list[Finding], *, notes_shown: bool) -> str:
    subjects = project.catalogue.subjects.values()
    counts = (
        counted(len(subjects), "subject"),
        counted(sum(len(subject.versions) for subject in subjects), "version"),
        counted(sum(len(subject.hops) for subject in subjects), "hop"),
    )
    kinds = severities(findings)
    hidden = " (--notes shows them)" if not notes_shown and "note" in " ".join(kinds) else ""
    return f"{', '.join(counts)}: {', '.join(kinds) or 'nothing to say'}{hidden}"
