"""``instar schema list``: every version, what it is called elsewhere, and whether its end is announced."""

from typing import Annotated, Any

import typer

from instar.cli import completing
from instar.cli.exits import OK
from instar.cli.output import Format, print_rows
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project, subject_of
from instar.core.compat.risk import risk_of
from instar.core.subject import Subject
from instar.core.version import label
from instar.project.project import Project
from instar.project.subject_file import deprecation_of

_COLUMNS = {
    "subject": "subject",
    "version": "version",
    "tag": "tag",
    "kind": "kind",
    "compatibility": "compatibility",
    "ids": "ids",
    "hop": "hop from the one before",
    "status": "status",
    "owner": "owner",
}


def add_to(group: typer.Typer) -> None:
    group.command("list")(list_schemas)


def list_schemas(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SUBJECT]...", help="All of them by default.", autocompletion=completing.subjects),
    ] = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """List subjects and versions, with the environment's registry ids, the hop that leads to each, and its end."""
    opened = open_project(project, environment)
    families = [subject_of(opened, name) for name in subjects or sorted(opened.catalogue.subjects)]
    rows = [_row(opened, family, version) for family in families for version in sorted(family.versions)]
    if output is Format.TABLE:
        rows = [{**row, "ids": ", ".join(map(str, row["ids"]))} for row in rows]
    print_rows(rows, _COLUMNS, output)
    return OK


def _row(project: Project, subject: Subject, version: int) -> dict[str, Any]:
    notes = project.sources[subject.name].notes
    known = notes.versions.get(label(version))
    ends = deprecation_of(notes, version)
    ids = project.lock.ids_of(project.registry_name)
    return {
        "subject": subject.name,
        "version": label(version),
        "tag": known.tag if known else "",
        "description": known.description if known else "",
        "kind": subject.kind,
        "compatibility": subject.compatibility,
        "ids": sorted(number for number, owner in ids.items() if owner == (subject.name, version)),
        "hop": _hop(subject, version),
        "status": ends.short if ends else ("newest" if version == subject.latest else "in use"),
        "sunset": ends.sunset.isoformat() if ends and ends.sunset else None,
        "reason": ends.reason if ends else "",
        "owner": subject.owner,
        "contact": subject.contact,
        "fingerprint": subject.versions[version].fingerprint,
        "file": project.sources[subject.name].schemas[version].file,
    }


def _hop(subject: Subject, version: int) -> str:
    if version - 1 not in subject.versions:
        return ""
    hop = subject.hops.get(version - 1)
    return "missing" if hop is None else risk_of(hop)
