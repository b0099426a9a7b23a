"""``instar abandon M``: give a migration up before its switch, and undo what it made."""

import typer

from instar.cli.moving import (
    ActorOption,
    ConfirmOption,
    DocumentOption,
    ExecuteOption,
    NonInteractiveOption,
    ReasonOption,
    RevertOption,
    WaiveOption,
    confirmed,
    in_hand,
    move,
    undo,
)
from instar.cli.output import Document
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.cli.steering import MigrationArgument
from instar.operations.moving import abandoning, waivers


def add_to(app: typer.Typer) -> None:
    app.command("abandon")(abandon)


def abandon(
    migration: MigrationArgument,
    doing: ExecuteOption = False,
    revert: RevertOption = False,
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
    """Stop the bridge and undo what `apply` made, the last first: topics that it created are deleted, what was there
    before stays. It is final: the next attempt is a migration under another name.
    """
    with in_hand(project, environment, bootstrap, migration, by) as (at, ending):
        if revert:
            return undo(
                at.coordinator, migration, "abandon", at.actor, reason, doing=doing, output=output, ending=ending
            )
        if doing:
            confirmed(
                migration, confirm, non_interactive=non_interactive, what="Abandoning deletes the topics that it made."
            )
        command = abandoning(at, reason, waivers(waive or (), at.actor, reason))
        again = f"instar abandon {migration} --execute --confirm {migration}"
        return move(at.coordinator, migration, command, doing=doing, output=output, again=again, ending=ending)
