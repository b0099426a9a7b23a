"""``instar doctor``: is everything there that the project needs, and how to get what is missing."""

import platform
from collections.abc import Iterator
from typing import Annotated, Any

import fastavro
import typer
from rich.console import Console
from rich.text import Text

from instar import __version__
from instar.cli import completing
from instar.cli.exits import NO, OK, Failure
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, kafka_settings, open_project
from instar.core.rollout.document import UnknownFormat
from instar.kafka.cluster import Cluster
from instar.kafka.errors import KafkaTrouble, NotAllowed
from instar.kafka.inspection import Inspection, client
from instar.operations.diagnosis import (
    Line,
    Topics,
    broker_lines,
    client_lines,
    grant,
    needs_of,
    topic_lines,
)
from instar.operations.permissions import permission_lines
from instar.operations.rolling import stranger
from instar.operations.stating import known_rollout
from instar.operations.topic_reader import open_registry
from instar.project.migration import Migration
from instar.project.project import Project
from instar.registry.port import RegistryError
from instar.state.errors import StateTrouble

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def add_to(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    migration: Annotated[
        str | None,
        typer.Argument(help="Only this migration.", metavar="MIGRATION", autocompletion=completing.migrations),
    ] = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Check versions, the cluster, the registry, each migration's topics, and what we may do with them.

    Asks, and changes nothing. Exits with 3 when a line says fail.
    """
    opened = open_project(project, environment)
    names = [migration] if migration else sorted(opened.settings.migrations)
    lines: list[Line] = []
    for line in _examine(opened, names, bootstrap):
        lines.append(line)
        if output is Format.TABLE:
            _print(line, is_first=len(lines) == 1 or lines[-2].section != line.section)
    if output is not Format.TABLE:
        rows: list[dict[str, Any]] = [
            {"section": line.section, "status": line.status, "message": line.message, "remedy": line.remedy}
            for line in lines
        ]
        print_rows(rows, {}, output)
    failed = sum(line.status == "fail" for line in lines)
    warned = sum(line.status == "warn" for line in lines)
    stderr.print(f"{len(lines)} lines: {failed} fail, {warned} warn", markup=False)
    return NO if failed else OK


def _print(line: Line, *, is_first: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if is_first:
        console.print(Text(line.section, style="bold"))
    text = Text("  ")
    text.append(f"{line.status:<5}", _COLOURS[line.status])
    text.append(line.message)
    console.print(text)
    if line.remedy:
        console.print(Text(f"       → {line.remedy}"))


def _examine(project: Project, names: list[str], bootstrap: str | None) -> Iterator[Line]:
    yield Line(
        "versions", "ok", f"instar {__version__}, Python {platform.python_version()}, fastavro {fastavro.__version__}"
    )
    yield from _project_lines(project, names)
    try:
        kafka = kafka_settings(project, bootstrap)
    except Failure as problem:
        yield Line("client", "fail", str(problem), problem.remedy)
    else:
        yield from client_lines(client(), kafka)
        yield from _cluster_lines(project, names, kafka)
    yield from _registry_lines(project)


def _project_lines(project: Project, names: list[str]) -> Iterator[Line]:
    subjects = f"{len(project.catalogue)} subject{'s'[: len(project.catalogue) != 1]}"
    yield Line("project", "ok", f"{project.root}, environment {project.environment_name}, {subjects}")
    for name in names:
        errors = project.errors_of(name)
        if name not in project.settings.migrations:
            known = ", ".join(sorted(project.settings.migrations)) or "none"
            yield Line("project", "fail", f"the settings have no migration {name!r}", f"It has: {known}.")
        elif errors:
            message = f"migration {name} has {len(errors)} error{'s' if len(errors) > 1 else ''} in the project"
            yield Line("project", "fail", f"{message}, the first: {errors[0].message}", "`instar check` shows all.")
    if not names:
        yield Line("project", "warn", "the settings have no migration", "Add [migrations.NAME] to move a topic.")


def _cluster_lines(project: Project, names: list[str], kafka: dict[str, Any]) -> Iterator[Line]:
    try:
        inspection = Inspection(kafka)
        broker = inspection.broker()
        cluster = Cluster(kafka)
    except KafkaTrouble as problem:
        yield Line("broker", "fail", str(problem), problem.remedy)
        return
    yield from broker_lines(broker)
    for name in names:
        migration = project.settings.migrations.get(name)
        if migration is None:
            continue
        section = f"migration {name}"
        try:
            topics = Topics(
                cluster.find(migration.source.topic),
                cluster.find(migration.target.topic),
                cluster.find(migration.dead_letter_topic),
                cluster.find(migration.history_topic) if migration.history_topic else None,
            )
        except NotAllowed as problem:
            yield Line(section, "fail", str(problem), _describe_topics(migration, cluster.bootstrap))
        except KafkaTrouble as problem:
            yield Line(section, "fail", str(problem), problem.remedy)
        else:
            yield from topic_lines(name, migration, topics)
            yield from _store_lines(project, name, cluster)
            yield from permission_lines(name, migration, topics, inspection, broker, cluster.bootstrap)


def _store_lines(project: Project, name: str, cluster: Cluster) -> Iterator[Line]:
    """Does the state store know of the rollout that the control topic speaks of? One that is away, or not made yet, is
    not asked: opening it would make it."""
    try:
        said = stranger(cluster, name, known_rollout(project, name))
    except (StateTrouble, UnknownFormat):
        return  # what it knows cannot be told
    except KafkaTrouble as problem:
        yield Line(f"migration {name}", "fail", str(problem), problem.remedy)
        return
    if said:
        yield Line(f"migration {name}", "warn", said, "Let the setting `state` name the store that moves it.")


def _describe_topics(migration: Migration, bootstrap: str) -> str:
    """What to grant when the cluster does not even let us look."""
    needs = [need for need in needs_of("", migration, ("up",)) if need.kind == "topic"]
    return "; ".join(grant(need, need.operations, bootstrap) for need in needs)


def _registry_lines(project: Project) -> Iterator[Line]:
    try:
        registry = open_registry(project)
        try:
            registry.ping()
        finally:
            registry.close()
    except (RegistryError, Failure) as problem:
        yield Line("registry", "fail", str(problem), problem.remedy)
        return
    known = len(project.ids().entries)
    yield Line("registry", "ok", f"{registry.name} answers; instar.lock has {known} of its ids")
