"""``instar upcaster``: draft the next hop, list all of them, draw them."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instar.cli import completing
from instar.cli.exits import OK, USAGE, Failure, fail
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import ProjectOption, open_project, refuse_broken, subject_of, version_of
from instar.core.scaffolding.draft import Draft, draft
from instar.core.scaffolding.graph import Lane, lane, row
from instar.core.scaffolding.graph_svg import svg
from instar.core.scaffolding.graph_text import mermaid, text
from instar.core.scaffolding.hop_text import hop_text
from instar.core.subject import Subject
from instar.core.version import label
from instar.project.draft_hop import HopThere, hop_file, missing_hops, write_hop
from instar.project.project import Project
from instar.project.subject_file import deprecation_of

SubjectArgument = Annotated[str, typer.Argument(metavar="SUBJECT", autocompletion=completing.subjects)]
SubjectsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SUBJECT]...", help="All of them by default.", autocompletion=completing.subjects),
]


class Drawing(StrEnum):
    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Hops: what leads from one version to the next.", no_args_is_help=True)
    group.command("new")(new)
    group.command("list")(list_hops)
    group.command("graph")(graph)
    app.add_typer(group, name="upcaster")


def new(
    subject: SubjectArgument,
    from_version: Annotated[
        str | None, typer.Option("--from", help="The version that it leads up from: v2. Default: the newest gap.")
    ] = None,
    execute: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Write the file; without it, it is printed.")
    ] = False,
    project: ProjectOption = None,
) -> int:
    """Draft the next hop from the difference of two schemas.

    Adds, drops, moves, conversions and likely renames become changes. What the schemas do not say is marked with
    `# guess:` and its reason, what only you know with `# todo:` and the line to add. Nothing is overwritten.
    """
    opened = open_project(project)
    family = subject_of(opened, subject)
    start = _start(opened, family, from_version)
    old, new_one = label(start), label(start + 1)
    made = draft(family.versions[start], family.versions[start + 1], old=old, new=new_one)
    body = hop_text(made, subject, start, start + 1)
    if execute:
        print(_written(opened, subject, start, body))
    else:
        sys.stdout.write(body)
        stderr.print(f"This would be {hop_file(subject, start)}; --execute writes it.", markup=False, soft_wrap=True)
    _say(made, old, new_one)
    return OK


def _start(project: Project, subject: Subject, given: str | None) -> int:
    if given is not None:
        start = version_of(subject, given)
        if start + 1 not in subject.versions:
            fail(
                f"{subject.name} has no {label(start + 1)} that a hop from {given} could lead to.",
                f"Add schemas/{subject.name}/{label(start + 1)}{'.avsc' if subject.kind == 'avro' else '.json'} first.",
                USAGE,
            )
        return start
    missing = missing_hops(project, subject.name)
    if missing:
        return missing[0]
    refuse_broken(tuple(each for each in project.errors if each.code == "schema-invalid"))
    suffix = ".avsc" if subject.kind == "avro" else ".json"
    following = label(subject.latest + 1)
    return fail(
        f"Every version of {subject.name} has its hop.",
        f"Add schemas/{subject.name}/{following}{suffix} first, or name one with --from to see a draft of it.",
        USAGE,
    )


def _written(project: Project, subject: str, start: int, body: str) -> str:
    try:
        return write_hop(project.root, subject, start, body)
    except HopThere as problem:
        raise Failure(
            f"{problem.file} is there already, and nothing is overwritten.",
            "Without --execute the draft is printed, so that you can compare.",
        ) from problem
    except OSError as problem:
        raise Failure(
            f"{hop_file(subject, start)} cannot be written: {problem.strerror}.",
            "Choose a folder that you may write to.",
        ) from problem


def _say(made: Draft, old: str, new_one: str) -> None:
    guesses = sum(bool(line.guess) for line in made.lines)
    todo = sum(finding.severity == "error" for finding in made.left)
    parts = [f"{old} to {new_one}: {_counted(len(made.lines), 'change')}"]
    if guesses:
        parts.append(f"{_counted(guesses, 'guess', 'guesses')} to read")
    parts.append(f"{todo} for you to fill in" if todo else "it binds as it is")
    stderr.print(f"{', '.join(parts)}. `instar check` holds it to the laws.", markup=False, soft_wrap=True)


def _counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


_COLUMNS = {
    "subject": "subject",
    "hop": "hop",
    "risk": "risk",
    "way_back": "way back",
    "lost_up": "lost up",
    "lost_down": "lost down",
    "summary": "what it does",
}


def list_hops(
    subjects: SubjectsArgument = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
) -> int:
    """List hops with their risk and what they lose: additive, transforming or destructive; whether there is a way back.

    A hop that is missing or does not bind is listed as missing.
    """
    rows = [row(each, edge) for each in _lanes(open_project(project), subjects) for edge in each.edges]
    if output is Format.TABLE:
        rows = [{**each, **{key: _few(each[key]) for key in ("lost_up", "lost_down")}} for each in rows]
    print_rows(rows, _COLUMNS, output)
    return OK


def _few(paths: list[str]) -> str:
    """A table has room for the number and one name; ``-o json`` has all of them."""
    return ", ".join(paths) if len(paths) < 2 else f"{len(paths)}: {paths[0]}, …"


def graph(
    subjects: SubjectsArgument = None,
    drawing: Annotated[Drawing, typer.Option("--as", help="mermaid and svg are for pages.")] = Drawing.TEXT,
    file: Annotated[Path | None, typer.Option("--file", help="Write it there instead of stdout.")] = None,
    project: ProjectOption = None,
) -> int:
    """Draw versions and hops with their risk and what they lose."""
    lanes = _lanes(open_project(project), subjects)
    drawn = {Drawing.TEXT: text, Drawing.MERMAID: mermaid, Drawing.SVG: svg}[drawing](lanes)
    if file is None:
        sys.stdout.write(drawn)
        return OK
    try:
        file.write_text(drawn, encoding="utf-8")
    except OSError as problem:
        raise Failure(f"{file} cannot be written: {problem.strerror}.", "Name another file.") from problem
    print(file)
    return OK


def _lanes(project: Project, names: list[str] | None) -> list[Lane]:
    families = [subject_of(project, name) for name in names or sorted(project.catalogue.subjects)]
    return [lane(each, _notes(project, each)) for each in families]


def _notes(project: Project, subject: Subject) -> list[tuple[int, str]]:
    """What subject.toml says of versions: the tag, and that they are deprecated."""
    notes = project.sources[subject.name].notes
    said = []
    for version in subject.versions:
        known = notes.versions.get(label(version))
        ends = deprecation_of(notes, version)
        parts = [known.tag if known else "", "" if ends is None else ends.short]
        if any(parts):
            said.append((version, ", ".join(part for part in parts if part)))
    return said
