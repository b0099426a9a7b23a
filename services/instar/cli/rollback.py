"""``instar rollback M``: give authority back to the old topic, at one record."""

import typer

from instar.cli.moving import (
    ActorOption,
    DocumentOption,
    ExecuteOption,
    ReasonOption,
    RevertOption,
    WaitOption,
    WaiveOption,
    in_hand,
    move,
    undo,
)
from instar.cli.output import Document
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.cli.steering import MigrationArgument
from instar.operations.moving import rolling_back, waivers


def add_to(app: typer.Typer) -> None:
    app.command("rollback")(rollback)


def rollback(
    migration: MigrationArgument,
    doing: ExecuteOption = False,
    revert: RevertOption = False,
    wait: WaitOption = False,
    reason: ReasonOption = "",
    waive: WaiveOption = None,
    by: ActorOption = None,
    output: DocumentOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Let the reverse bridge carry what was written to the new topic, give authority back, and move the groups back.

    Afterwards nobody may apply or switch before what it taught is recorded: `instar lesson`.
    """
    with in_hand(project, environment, bootstrap, migration, by, wait=wait) as (at, ending):
        if revert:
            return undo(
                at.coordinator, migration, "rollback", at.actor, reason, doing=doing, output=output, ending=ending
            )
        command = rolling_back(at, reason, waivers(waive or (), at.actor, reason))
        again = f"instar rollback {migration} --execute"
        return move(at.coordinator, migration, command, doing=doing, output=output, again=again, ending=ending)
