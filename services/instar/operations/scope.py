"""What most operations begin with: the migration, subject or version that is meant, and where Kafka is."""

import os
from typing import Any

from instar.core.finding import Finding
from instar.core.subject import Subject
from instar.core.version import label, parse_label
from instar.kafka.cluster import Cluster, Topic
from instar.operations.failure import USAGE, Broken, Failure, NotThere, fail
from instar.project.late import Late, Unresolved
from instar.project.migration import Migration
from instar.project.model import did_you_mean, nearest
from instar.project.project import Project

NO_MIGRATION = "Add [migrations.NAME] to the settings: subjects, source and target."
_ADD_SUBJECT = "Add schemas/SUBJECT/v1.avsc (Avro) or schemas/SUBJECT/v1.json (JSON Schema)."


def migration_of(project: Project, name: str) -> Migration:
    """The migration, once nothing is wrong with what it needs."""
    if name not in project.settings.migrations:
        refuse_broken(project.errors)
        raise NotThere(
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
        remedy = did_you_mean(name, known) if known else _ADD_SUBJECT
        raise NotThere(f"The project has no subject {name!r}.", remedy, USAGE)
    return project.catalogue[name]


def version_of(subject: Subject, text: str) -> int:
    """A version that the subject has, written ``v3``."""
    known = ", ".join(label(each) for each in sorted(subject.versions))
    version = parse_label(text)
    if version is None:
        hint = f"v{text}" if text.isdecimal() else "v1"
        fail(f"{text!r} is not a version: versions are written like {hint}.", f"{subject.name} has {known}.", USAGE)
    if version not in subject.versions:
        raise NotThere(f"{subject.name} has no {text}.", f"It has {known}.", USAGE)
    return version


def refuse_broken(findings: tuple[Finding, ...]) -> None:
    """Raise ``Broken`` with the findings, when there are any."""
    if findings:
        raise Broken(findings)


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
        raise NotThere(f"Topic {name!r} does not exist on {cluster.bootstrap}.", remedy)
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
