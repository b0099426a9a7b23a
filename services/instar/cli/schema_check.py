"""``instar schema check``: who can still read whose records."""

from enum import StrEnum
from typing import Annotated

import typer

from instar.cli import completing
from instar.cli.exits import ERROR, NO, OK, USAGE, Failure
from instar.cli.output import stderr
from instar.cli.reporting import Report, print_report, severities
from instar.cli.scope import ProjectOption, open_project, subject_of
from instar.core.compat.avro import Direction
from instar.core.compat.json_schema import Policy
from instar.core.compat.versions import Compared, Mode
from instar.core.finding import Finding
from instar.project.compatibility import Checked, check_against, check_subject, gone_subjects
from instar.project.git_ref import NoSuchRef
from instar.project.project import Project

# What keeps a schema from being compared at all.
_UNREADABLE = frozenset(
    (
        "schema-unreadable",
        "schema-invalid",
        "duplicate-version",
        "schema-misnamed",
        "type-invalid",
        "type-twice",
        "subject",
    )
)


class ModeChoice(StrEnum):
    NONE = "none"
    BACKWARD = "backward"
    BACKWARD_TRANSITIVE = "backward-transitive"
    FORWARD = "forward"
    FORWARD_TRANSITIVE = "forward-transitive"
    FULL = "full"
    FULL_TRANSITIVE = "full-transitive"


class PolicyChoice(StrEnum):
    STRICT = "strict"
    LENIENT = "lenient"


def add_to(group: typer.Typer) -> None:
    group.command("check")(check)


def check(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SUBJECT]...", help="All of them by default.", autocompletion=completing.subjects),
    ] = None,
    mode: Annotated[
        ModeChoice | None, typer.Option("--mode", help="Default: `compatibility` in the subject's subject.toml.")
    ] = None,
    policy: Annotated[
        PolicyChoice | None,
        typer.Option(
            "--policy",
            help="lenient: readers ignore fields that they do not know and fill in defaults. Default: lenient, but "
            'strict where subject.toml says unknown = "reject".',
        ),
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="GITREF", help="Check what is new or changed since that commit.")
    ] = None,
    output: Annotated[Report, typer.Option("-o", "--output", help="junit and sarif are for CI.")] = Report.TABLE,
    project: ProjectOption = None,
) -> int:
    """Can readers of one version read the records of another?

    The newest version of each subject is held against the one before it, or all before it (-transitive). Avro is judged
    by the official rules of schema resolution, JSON Schema by proof of containment. Exits with 3 when the answer is no,
    with 1 when a schema cannot be read. A break is no accident where a hop leads over it: then say
    compatibility = "none".
    """
    opened = open_project(project)
    names = [subject_of(opened, name).name for name in subjects or sorted(opened.sources)]
    unreadable = [each for each in opened.errors if each.code in _UNREADABLE and each.subject in (*names, None)]
    mode_name: Mode | None = mode.value if mode else None
    policy_name: Policy | None = policy.value if policy else None
    findings: list[Finding] = list(unreadable)
    try:
        if against is None:
            checked = [check_subject(opened, name, mode=mode_name, policy=policy_name) for name in names]
        else:
            findings += gone_subjects(opened, against) if not subjects else []
            checked = check_against(opened, names, against, mode=mode_name, policy=policy_name)
    except NoSuchRef as problem:
        raise Failure(str(problem), problem.remedy, USAGE) from problem
    findings += [finding for each in checked for finding in each.findings]
    print_report(findings, output, _files(opened, names), suite="instar schema check")
    for each in checked:
        stderr.print(_said(each, against), markup=False, soft_wrap=True)
    if unreadable:
        return ERROR
    return NO if any(finding.severity == "error" for finding in findings) else OK


def _files(project: Project, names: list[str]) -> list[str]:
    return sorted(each.file for name in names for each in project.sources[name].schemas.values())


def _said(checked: Checked, against: str | None) -> str:
    head = f"{checked.subject} ({checked.mode}, {checked.policy})"
    if not checked.pairs:
        if checked.findings:
            return f"{head}: {', '.join(severities(list(checked.findings)))}"
        if checked.mode == "none":
            return f"{head}: nothing is asked of it"
        return f"{head}: {f'nothing is new since {against}' if against else 'one version, nothing to compare'}"
    return f"{head}: {'; '.join(each for pair in checked.pairs for each in _pair(pair))}"


def _pair(pair: Compared) -> list[str]:
    return [_direction(pair, direction) for direction in pair.directions] or ["nothing is asked of it"]


def _direction(pair: Compared, direction: Direction) -> str:
    reader, writer = (pair.new, pair.old) if direction == "backward" else (pair.old, pair.new)
    return f"{reader.name} {'reads' if pair.holds(direction) else 'does not read'} {writer.name}"
