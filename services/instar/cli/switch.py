"""``instar switch M``: give authority to the new topic, at one record."""

from typing import Annotated

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
from instar.operations.moving import switching, waivers


def add_to(app: typer.Typer) -> None:
    app.command("switch")(switch)


def switch(
    migration: MigrationArgument,
    canary: Annotated[
        list[str] | None,
        typer.Option("--canary", metavar="GROUP", help="Move this consumer group before authority moves. May repeat."),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="GROUP", help="Move this consumer group after. May repeat, in this order."),
    ] = None,
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
    """Stop the producers of the old topic, let the bridge carry the last record, and write the one record that gives
    authority to the new topic; then move the consumer groups, each to exactly its record.

    A failure before that record undoes everything at once; run it again to finish what broke off after it. Without
    --canary and --group the plan's groups are moved.
    """
    with in_hand(project, environment, bootstrap, migration, by, wait=wait) as (at, ending):
        if revert:
            return undo(
                at.coordinator, migration, "switch", at.actor, reason, doing=doing, output=output, ending=ending
            )
        command = switching(at, reason, waivers(waive or (), at.actor, reason), canary or (), group or ())
        again = f"instar switch {migration} --execute"
        return move(at.coordinator, migration, command, doing=doing, output=output, again=again, ending=ending)
