"""Findings for people and for CI: grouped by file, as JSON, as JUnit's XML, as SARIF."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.text import Text

from instar.cli import junit, sarif
from instar.cli.output import print_json
from instar.core.finding import Finding

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


class Report(StrEnum):
    """What ``-o`` takes where a command reports findings; junit and sarif are for CI."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"


def print_report(
    findings: list[Finding], output: Report, files: Iterable[str], *, notes: bool = True, suite: str = "instar check"
) -> None:
    """``files`` are those that were checked: JUnit has a case for each sound one. A table leaves ``notes`` out."""
    match output:
        case Report.TABLE:
            _print_table([finding for finding in findings if notes or finding.severity != "note"])
        case Report.JSON:
            print_json([_row(finding) for finding in findings])
        case Report.JUNIT:
            print(junit.report(findings, files, suite))
        case Report.SARIF:
            print_json(sarif.report(findings))


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


def counted(number: int, noun: str) -> str:
    """``1 error``, ``1,200 errors``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def severities(findings: list[Finding]) -> list[str]:
    """``2 errors``, ``1 note``: of each severity that there is."""
    return [
        counted(sum(finding.severity == severity for finding in findings), severity)
        for severity in ("error", "warning", "note")
        if any(finding.severity == severity for finding in findings)
    ]


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
