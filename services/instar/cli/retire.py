"""``instar retire M``: end the old topic, once nobody depends on it."""

from typing import Annotated

import typer

from instar.cli.exits import USAGE, fail
from instar.cli.moving import (
    ActorOption,
    ConfirmOption,
    DocumentOption,
    ExecuteOption,
    LookOption,
    NonInteractiveOption,
    ReasonOption,
    RevertOption,
    WaitOption,
    WaiveOption,
    confirmed,
    in_hand,
    move,
    undo,
)
from instar.cli.output import Document
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.cli.steering import MigrationArgument
from instar.operations.moving import retiring, waivers


def add_to(app: typer.Typer) -> None:
    app.command("retire")(retire)


def retire(
    migration: MigrationArgument,
    archive: Annotated[
        str, typer.Option("--archive", metavar="FOLDER", help="Keep the old topic there. Default: the plan's.")
    ] = "",
    no_archive: Annotated[
        bool, typer.Option("--no-archive", help="Keep no archive; --reason says why it is not needed.")
    ] = False,
    look: LookOption = 100_000,
    doing: ExecuteOption = False,
    revert: RevertOption = False,
    wait: WaitOption = False,
    confirm: ConfirmOption = None,
    non_interactive: NonInteractiveOption = False,
    reason: ReasonOption = "",
    waive: WaiveOption = None,
    by: ActorOption = None,
    output: DocumentOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Lock the old topic, carry its last stragglers, archive it, and delete it.

    Refused while `instar can-retire` does not say yes, and without the approval of somebody else. It is final.
    """
    if archive and no_archive:
        fail("--archive and --no-archive exclude each other.", "Give one of the two.", USAGE)
    with in_hand(project, environment, bootstrap, migration, by, wait=wait) as (at, ending):
        if revert:
            return undo(
                at.coordinator, migration, "retire", at.actor, reason, doing=doing, output=output, ending=ending
            )
        if doing:
            topic = at.migration.source.topic
            confirmed(migration, confirm, non_interactive=non_interactive, what=f"Retiring deletes the topic {topic}.")
        command = retiring(
            at,
            reason,
            waivers(waive or (), at.actor, reason),
            look_records=look,
            archive=archive,
            no_archive=no_archive,
        )
        again = f"instar retire {migration} --execute --confirm {migration}"
        return move(at.coordinator, migration, command, doing=doing, output=output, again=again, ending=ending)
