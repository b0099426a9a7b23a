"""``instar resume M``: the end of a pause."""

import typer

from instar.cli.exits import OK
from instar.cli.output import stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.cli.steering import DirectionOption, MigrationArgument, steered
from instar.core import control


def add_to(app: typer.Typer) -> None:
    app.command("resume")(resume)


def resume(
    migration: MigrationArgument,
    direction: DirectionOption = None,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Let a paused migration go on. Nothing happens to one that is not paused."""
    state = steered(migration, direction, project, environment, bootstrap)
    for one in state.directions:
        if state.control.orders(migration, one).pause is None:
            stderr.print(f"{migration} {one} was not paused", markup=False)
            continue
        state.control.write({control.key(migration, one, control.PAUSE): None})
        stderr.print(f"{migration} {one} goes on", markup=False)
    return OK
