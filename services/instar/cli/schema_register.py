"""``instar schema register``: give a registry the folder's versions."""

from typing import Annotated

import typer

from instar.adoption.register import places, register, row, states
from instar.cli import completing
from instar.cli.exits import NO, OK, REFUSED, USAGE, fail
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project, refuse_broken, subject_of, version_of
from instar.operations.topic_reader import open_registry
from instar.registry.port import RegistryRefused

_COLUMNS = {
    "subject": "subject",
    "version": "version",
    "registry_subject": "in the registry",
    "id": "id",
    "state": "state",
}


def add_to(group: typer.Typer) -> None:
    group.command("register")(register_versions)


def register_versions(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", autocompletion=completing.subjects)],
    versions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VERSION]...", help="All by default.", autocompletion=completing.versions),
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option(
            "--topic",
            metavar="TOPIC",
            help="The topic they are written to. Default: what the migrations write to which topic.",
            autocompletion=completing.topics,
        ),
    ] = None,
    execute: Annotated[
        bool, typer.Option("--execute/--dry-run", help="Register; without it, it is only shown what would be.")
    ] = False,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Show which versions the environment's registry has, and with --execute register those that it has not.

    Ids are noted in instar.lock. Exits with 3 where something is missing and --execute is not given, with 4 where the
    registry refuses a version: it enforces a compatibility of its own.
    """
    opened = open_project(project, environment)
    family = subject_of(opened, subject)
    refuse_broken(tuple(each for each in opened.errors if each.subject == subject or each.code.startswith("lock")))
    numbers = [version_of(family, each) for each in versions] if versions else sorted(family.versions)
    wanted = places(opened, subject, numbers, topic or None, opened.settings.migrations.values())
    if not wanted:
        fail(
            f"No migration writes one of these versions of {subject} to a topic.",
            "Name the topic with --topic.",
            USAGE,
        )
    registry = open_registry(opened)
    try:
        found = states(opened, registry, wanted)
        missing = [each.place for each in found if each.id is None]
        if execute:
            found = register(opened, registry, wanted)
    except RegistryRefused as problem:
        if not execute:
            raise
        stderr.print(f"{problem}\n→ {problem.remedy}", markup=False, soft_wrap=True)
        return REFUSED
    finally:
        registry.close()
    print_rows([row(each) for each in found], _COLUMNS, output)
    if not missing:
        stderr.print(f"{registry.name} has all of them.", markup=False)
        return OK
    if execute:
        stderr.print(f"{len(missing)} registered at {registry.name}; commit instar.lock.", markup=False)
        return OK
    stderr.print(f"{len(missing)} missing at {registry.name}; --execute registers them.", markup=False)
    return NO
