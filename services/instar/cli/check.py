"""``instar check``: everything that is wrong with a project, at once."""

import sys
from contextlib import redirect_stdout
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from instar.cli import junit, sarif
from instar.cli.exits import ERROR, OK
from instar.cli.output import print_json, stderr
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project
from instar.core.finding import Finding
from instar.project.check import check_project
from instar.project.project import Project

DEFAULT_SAMPLES = 25
_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


class Report(StrEnum):
    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"


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
    match output:
        case Report.TABLE:
            _print_table([finding for finding in findings if notes or finding.severity != "note"])
        case Report.JSON:
            print_json([_row(finding) for finding in findings])
        case Report.JUNIT:
            print(junit.report(findings, _files(opened)))
        case Report.SARIF:
            print_json(sarif.report(findings))
    stderr.print(_summary(opened, findings, notes_shown=notes or output is not Report.TABLE), markup=False)
    return ERROR if any(finding.severity == "error" for finding in findings) else OK


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "code": finding.code,
        "file": finding.file,
        "line": finding.line,
        "path": finding.path,
        "subject": finding.subject,
        "message": finding.message,
        "remedy": finding.remedy,
    }


def _files(project: Project) -> list[str]:
    """Every file that was checked, for a report that also names what is sound."""
    files = [each.file for source in project.sources.values() for each in source.schemas.values()]
    files += [each.hop.file for source in project.sources.values() for each in source.hops.values()]
    return sorted(files)


def _summary(project: Project, findings: list[Finding], *, notes_shown: bool) -> str:
    subjects = project.catalogue.subjects.values()
    counts = (
        _counted(len(subjects), "subject"),
        _counted(sum(len(subject.versions) for subject in subjects), "version"),
        _counted(sum(len(subject.hops) for subject in subjects), "hop"),
    )
    kinds = [
        _counted(sum(finding.severity == severity for finding in findings), severity)
        for severity in ("error", "warning", "note")
        if any(finding.severity == severity for finding in findings)
    ]
    hidden = " (--notes shows them)" if not notes_shown and "note" in " ".join(kinds) else ""
    return f"{', '.join(counts)}: {', '.join(kinds) or 'nothing to say'}{hidden}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _print_table(findings: list[Finding]) -> None:
    """Grouped by file, the file with an error first, as the findings come."""
    console = Console(highlight=False, soft_wrap=True)
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.file or "(the project)", []).append(finding)
    for number, (file, group) in enumerate(groups.items()):
        if number:
            console.print()
        console.print(Text(file, style="bold"))
        for finding in group:
            where = f"line {finding.line}: " if finding.line else ""
            path = f" ({finding.path})" if finding.path and finding.path not in finding.message else ""
            head = Text("  ")
            head.append(finding.severity, _COLOURS[finding.severity])
            head.append(f" {finding.code}  {where}{finding.message}{path}")
            console.print(head)
            if finding.remedy:
                console.print(Text(f"    → {finding.remedy}"))
