"""``instar resume M``: the end of a pause."""

import typer

from instar.cli.exits import OK
from instar.cli.output import stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.cli.steering import DirectionOption, MigrationArgument, steered


def add_to(app: typer.Typer) -> None:
    app.command("resume")(resume)


def resume(
    migration: MigrationArgument,
    direction: DirectionOption = None,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Let a paused migration go on, both ways where no direction is named. What is not paused stays as it is."""
    state = steered(migration, direction, project, environment, bootstrap)
    resumed = state.resume()
    for one in dict.fromkeys((*state.directions, *resumed)):
        stderr.print(f"{migration} {one} {'goes on' if one in resumed else 'was not paused'}", markup=False)
    return OK
