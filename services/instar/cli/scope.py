"""What most commands share: which project, which environment, and the clients that the environment names."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from instar.cli import completing
from instar.cli.exits import USAGE, Failure, fail
from instar.cli.output import stderr
from instar.core.finding import Finding
from instar.core.subject import Subject
from instar.core.version import label, parse_label
from instar.kafka.cluster import Cluster, Topic
from instar.project.late import Late, Unresolved
from instar.project.migration import Migration
from instar.project.model import did_you_mean, nearest
from instar.project.project import Project, load_project
from instar.project.settings import NoSuchEnvironment, find_root

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project", "-C", help="The project's folder. Default: the nearest one upwards.", envvar="INSTAR_PROJECT"
    ),
]
EnvironmentOption = Annotated[
    str | None,
    typer.Option(
        "--environment",
        "-e",
        help="Which of the settings' environments.",
        envvar="INSTAR_ENVIRONMENT",
        autocompletion=completing.environments,
    ),
]
BootstrapOption = Annotated[
    str | None, typer.Option("--bootstrap", help="Kafka's address, instead of the environment's.", metavar="HOST:PORT")
]

NO_MIGRATION = "Add [migrations.NAME] to the settings: subjects, source and target."
_ADD_SUBJECT = "Add schemas/SUBJECT/v1.avsc (Avro) or schemas/SUBJECT/v1.json (JSON Schema)."


def open_project(folder: Path | None, environment: str | None = None) -> Project:
    """The project, whatever is wrong with it. Fails when there is none."""
    root = folder or find_root(Path.cwd())
    if root is None:
        fail(
            f"No project here: neither {Path.cwd()} nor a folder above it has an instar.toml or [tool.instar].",
            "Make one with `instar init FOLDER`, or name one with --project.",
            USAGE,
        )
    if not root.is_dir():
        fail(f"--project names {root}, which is not a folder.", exit_code=USAGE)
    try:
        return load_project(root, environment)
    except NoSuchEnvironment as problem:
        raise Failure(f"{str(problem)[:1].upper()}{str(problem)[1:]}.", problem.remedy, USAGE) from problem


def migration_of(project: Project, name: str) -> Migration:
    """The migration, once nothing is wrong with what it needs."""
    if name not in project.settings.migrations:
        refuse_broken(project.errors)
        fail(
            f"The settings have no migration {name!r}.",
            did_you_mean(name, project.settings.migrations, NO_MIGRATION),
            USAGE,
        )
    refuse_broken(project.errors_of(name))
    return project.settings.migrations[name]


def subject_of(project: Project, name: str) -> Subject:
    """The subject; fails with its errors where they are why it is not there."""
    if name not in project.catalogue:
        refuse_broken(tuple(finding for finding in project.errors if finding.subject == name))
        known = project.catalogue.subjects
        fail(f"The project has no subject {name!r}.", did_you_mean(name, known) if known else _ADD_SUBJECT, USAGE)
    return project.catalogue[name]


def version_of(subject: Subject, text: str) -> int:
    """A version that the subject has, written ``v3``."""
    known = ", ".join(label(each) for each in sorted(subject.versions))
    version = parse_label(text)
    if version is None:
        hint = f"v{text}" if text.isdecimal() else "v1"
        fail(f"{text!r} is not a version: versions are written like {hint}.", f"{subject.name} has {known}.", USAGE)
    if version not in subject.versions:
        fail(f"{subject.name} has no {text}.", f"It has {known}.", USAGE)
    return version


def refuse_broken(findings: tuple[Finding, ...]) -> None:
    """Fail with the findings, when there are any."""
    if not findings:
        return
    for finding in findings[:20]:
        where = f"{finding.file}:{finding.line}" if finding.line else finding.file
        stderr.print(f"[red]{finding.code}[/red] {where or ''}", soft_wrap=True)
        stderr.print(f"  {finding.message}\n  → {finding.remedy}", markup=False, soft_wrap=True)
    fail(f"The project has {len(findings)} error{'s'[: len(findings) != 1]}.", "`instar check` shows all of them.")


def resolved(project: Project, value: Late) -> str | int | float | bool:
    """A late setting's value."""
    try:
        return value.resolve(os.environ, project.root)
    except Unresolved as problem:
        raise Failure(str(problem), problem.remedy) from problem


def existing_topic(cluster: Cluster, name: str) -> Topic:
    """The topic to look at; fails with the nearest name where there is none."""
    found = cluster.find(name)
    if found is None:
        close = nearest(name, cluster.topics())
        remedy = f"did you mean `{close}`?" if close else "`kafka-topics --list` shows those there are."
        fail(f"Topic {name!r} does not exist on {cluster.bootstrap}.", remedy)
    return found


def kafka_settings(project: Project, bootstrap: str | None) -> dict[str, Any]:
    """librdkafka's settings of the environment, resolved."""
    try:
        settings: dict[str, Any] = dict(project.environment.kafka_config(os.environ, project.root))
    except Unresolved as problem:
        raise Failure(str(problem), problem.remedy) from problem
    if bootstrap is not None:
        settings["bootstrap.servers"] = bootstrap
    if not settings.get("bootstrap.servers"):
        fail(
            f"The environment {project.environment_name!r} does not say where Kafka is.",
            'Add kafka = { "bootstrap.servers" = "127.0.0.1:9092" } to it, or give --bootstrap.',
            USAGE,
        )
    return settings
