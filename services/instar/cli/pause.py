"""``instar pause M``: whoever carries this migration's records stops reading, stays where it is, and says so."""

from typing import Annotated

import typer

from instar.cli.exits import NO, OK
from instar.cli.output import stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.cli.steering import (
    ACKNOWLEDGED_WITHIN_S,
    DirectionOption,
    MigrationArgument,
    WhyOption,
    asked_by,
    steered,
    wait_until,
)


def add_to(app: typer.Typer) -> None:
    app.command("pause")(pause)


def pause(
    migration: MigrationArgument,
    direction: DirectionOption = None,
    why: WhyOption = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Return when every worker has stopped.")] = True,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Pause a migration's workers and backfills, on any machine, until `resume`.

    They commit what they hold, stay in their group and keep their checkpoints from expiring. Workers that are started
    later pause as well. Exits with 3 when some have not stopped in time.
    """
    state = steered(migration, direction, project, environment, bootstrap)
    state.pause(asked_by(why))
    if not wait:
        return OK
    code = OK
    for status in wait_until(state, lambda status: status.acknowledged, ACKNOWLEDGED_WITHIN_S):
        what = f"{migration} {status.direction}"
        if status.workers == 0:
            stderr.print(f"{what} is paused; no worker runs now", markup=False)
        elif status.acknowledged:
            stderr.print(f"{what} is paused, {status.lag_records:,} records to go", markup=False)
        else:
            moving = [str(row.partition) for row in status.partitions if not row.held.startswith("paused")]
            stderr.print(f"{what}: partitions {', '.join(moving)} have not said that they stopped", markup=False)
            code = NO
    return code
