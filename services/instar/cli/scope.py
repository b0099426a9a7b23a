"""What most commands share: which project, which environment, and the clients that the environment names."""

from pathlib import Path
from typing import Annotated

import typer

from instar.cli import completing
from instar.cli.exits import USAGE, Failure, fail
from instar.operations.scope import (
    NO_MIGRATION,
    existing_topic,
    kafka_settings,
    migration_of,
    refuse_broken,
    resolved,
    subject_of,
    version_of,
)
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

__all__ = [
    "NO_MIGRATION",
    "BootstrapOption",
    "EnvironmentOption",
    "ProjectOption",
    "existing_topic",
    "kafka_settings",
    "migration_of",
    "open_project",
    "refuse_broken",
    "resolved",
    "subject_of",
    "version_of",
]


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
