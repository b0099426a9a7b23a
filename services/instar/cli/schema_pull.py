"""``instar schema pull SUBJECT --topic T``: begin with a topic that is there."""

import re
from pathlib import Path
from typing import Annotated

import typer

from instar.adoption.files import texts
from instar.adoption.pull import NothingToPull, Pulled, pull
from instar.cli import completing
from instar.cli.exits import OK, USAGE, Failure, fail
from instar.cli.output import stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, kafka_settings, open_project
from instar.core.finding import Finding
from instar.core.upcasting.operation import Misfit
from instar.core.upcasting.paths import parse
from instar.core.version import label
from instar.kafka.sampling import sample
from instar.operations.topic_reader import open_registry
from instar.project.lock import LockBroken, update
from instar.project.project import Project
from instar.registry.naming import value_subject
from instar.registry.port import Listing

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,248}\Z")


def add_to(group: typer.Typer) -> None:
    group.command("pull")(pull_subject)


def pull_subject(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="The new folder in schemas/.")],
    topic: Annotated[str, typer.Option("--topic", metavar="TOPIC", autocompletion=completing.topics)],
    registry_subject: Annotated[
        str | None,
        typer.Option("--registry-subject", metavar="NAME", help="What the registry calls it. Default: TOPIC-value."),
    ] = None,
    records: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many records to sample.")] = 2_000,
    examples: Annotated[int, typer.Option(min=0, max=100, help="How many to keep of each version.")] = 2,
    sensitive: Annotated[
        list[str] | None, typer.Option("--sensitive", metavar="PATH", help="A field to mask, beside those we guess.")
    ] = None,
    separate: Annotated[
        bool, typer.Option("--separate", help="Every registered schema is a version, also a mere patch of another.")
    ] = False,
    execute: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Write the files; without it, they are only named.")
    ] = False,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Make a subject of what the environment's registry and a topic have.

    Writes v1, v2, ... with their registry ids, sampled records with masked fields, and subject.toml. Schemas that no
    record tells apart share a version. Without a registry a JSON Schema is inferred from the samples and marked as a
    guess. Nothing is overwritten.
    """
    opened = open_project(project, environment)
    _check_names(opened, subject, sensitive or [])
    kafka = kafka_settings(opened, bootstrap)
    listing = None if opened.environment.registry.is_files else _listing(opened)
    strategy = opened.environment.registry.strategy
    name = registry_subject or (f"{topic}-value" if strategy == "topic" else None)
    if name is None and listing is not None:
        fail(
            f"The registry names subjects by record (strategy {strategy!r}), so the topic does not tell the name.",
            f"Say it: --registry-subject {value_subject(strategy, topic=topic, record='shop.Order')}",
            USAGE,
        )
    try:
        pulled = pull(
            listing,
            name or "",
            sample(kafka, topic, records),
            examples=examples,
            separate=separate,
            also_sensitive=sensitive or [],
            origin=f" of the topic {topic}",
        )
    except NothingToPull as problem:
        raise Failure(str(problem), problem.remedy) from problem
    finally:
        if listing is not None:
            listing.close()
    files = texts(pulled, subject, topic=topic, registry_subject=name or "")
    if execute:
        _write(opened, subject, files, pulled)
    for file in sorted(files):
        print(file)
    _say(pulled, subject, execute=execute)
    return OK


def _check_names(project: Project, subject: str, sensitive: list[str]) -> None:
    if not _NAME.match(subject):
        fail(f"{subject!r} cannot be the name of a subject.", "Use letters, digits, . - and _.", USAGE)
    if (project.root / "schemas" / subject).exists():
        fail(
            f"schemas/{subject} is there already, and nothing is overwritten.",
            "Choose another name; one more version of it is one more file in there.",
        )
    for path in sensitive:
        try:
            parse(path)
        except Misfit as misfit:
            raise Failure(f"--sensitive {path}: {misfit.message}.", misfit.remedy, USAGE) from misfit


def _listing(project: Project) -> Listing:
    registry = open_registry(project)
    if not hasattr(registry, "versions_of"):
        fail(f"The registry {registry.name} cannot list its subjects.", "Name a registry server in the settings.")
    listing: Listing = registry  # type: ignore[assignment]
    return listing


def _write(project: Project, subject: str, files: dict[str, str], pulled: Pulled) -> None:
    try:
        for file, text in files.items():
            path = project.root / file
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as out:
                out.write(text)
        _note_ids(project, subject, pulled)
    except (LockBroken, ValueError) as problem:
        findings: list[Finding] = problem.findings if isinstance(problem, LockBroken) else []
        remedy = findings[0].remedy if findings else "An id means one version: is it pulled under another name already?"
        raise Failure(f"instar.lock could not be written: {problem}.", remedy) from problem
    except OSError as problem:
        where = problem.filename or Path("schemas") / subject
        raise Failure(
            f"{where} cannot be written: {problem.strerror}.", "Choose a folder that you may write to."
        ) from (problem)


def _note_ids(project: Project, subject: str, pulled: Pulled) -> None:
    registry = project.registry_name
    for each in pulled.versions:
        for number in each.ids:
            update(
                project.root,
                lambda lock, number=number, each=each: lock.with_id(registry, number, subject, each.version),  # type: ignore[misc]
            )


def _say(pulled: Pulled, subject: str, *, execute: bool) -> None:
    for each in pulled.versions:
        ids = f", id{'s' if len(each.ids) > 1 else ''} {', '.join(map(str, each.ids))}" if each.ids else ""
        seen = f", {each.seen_records:,} sampled records" if each.seen_records else ", in no sampled record"
        stderr.print(f"{subject} {label(each.version)}: {each.note}{ids}{seen}", markup=False, soft_wrap=True)
    for note in pulled.notes:
        stderr.print(f"note: {note}", markup=False, soft_wrap=True)
    if pulled.is_guess:
        stderr.print("The schema is a guess from samples: read it before you use it.", markup=False)
    if pulled.sensitive:
        stderr.print(
            f"Masked in the examples, by a guess: {', '.join(pulled.sensitive)}. Look for others before you commit.",
            markup=False,
            soft_wrap=True,
        )
    if pulled.framing:
        stderr.print(f'The records are framed as "{pulled.framing}".', markup=False)
    following = (
        [f"instar upcaster new {subject} --execute", "instar check"] if len(pulled.versions) > 1 else ["instar check"]
    )
    stderr.print(f"→ {' && '.join(following) if execute else '--execute writes them.'}", markup=False, soft_wrap=True)
