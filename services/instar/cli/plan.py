"""``instar plan M``: what carrying a migration out would do, before anything is done."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from instar.cli.exits import NO, OK, REFUSED
from instar.cli.output import Document, print_json
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    kafka_settings,
    migration_of,
    open_project,
)
from instar.cli.steering import MigrationArgument
from instar.core.rollout.document import plan_document
from instar.operations.planning import make_plan
from instar.operations.rollout_planning import rollout_plan
from instar.project.lock import write_atomically


def add_to(app: typer.Typer) -> None:
    app.command("plan")(plan)


def plan(
    migration: MigrationArgument,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Also write the plan there, as JSON.")] = (
        None
    ),
    output: Annotated[Document, typer.Option("-o", "--output")] = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Show what a migration would create and change, what its hops lose, what stands against it, and the way back.

    Asks the cluster and the registry, reads a sample of the source, and changes nothing. Exits with 0 when there is
    nothing to do, 3 when changes are pending, 4 when something must be mended first.
    """
    opened = open_project(project, environment)
    settings = migration_of(opened, migration)
    kafka = kafka_settings(opened, bootstrap)
    made = make_plan(opened, migration, kafka)
    document = made.as_dict()
    if not settings.in_place:  # there is no second topic to roll out to
        document["rollout"] = plan_document(rollout_plan(opened, migration, kafka, made))
    if out is not None:
        write_atomically(out, orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    if output is Document.JSON:
        print_json(document)
    else:
        print(made.text())
    if made.refused:
        return REFUSED
    return NO if made.pending else OK
