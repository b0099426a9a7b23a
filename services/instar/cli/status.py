"""``instar status M``: how far, how fast, and what holds it back."""

import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from instar.cli.exits import OK
from instar.cli.output import Format, print_json, print_lines, print_rows
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.cli.steering import DirectionOption, MigrationArgument, steered
from instar.core.estimate import size_text
from instar.core.status import PartitionStatus, Status

_COLUMNS = {
    "partition": "partition",
    "checkpoint": "checkpoint",
    "end": "end",
    "lag": "lag",
    "done": "done",
    "records": "records/s",
    "bytes": "bytes/s",
    "letters": "dead letters",
    "worker": "worker",
}


def add_to(app: typer.Typer) -> None:
    app.command("status")(status)


def status(
    migration: MigrationArgument,
    direction: DirectionOption = None,
    over: Annotated[
        float, typer.Option("--over", min=0, max=60, metavar="SECONDS", help="Measure speeds over so many seconds.")
    ] = 1.5,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Show each partition's checkpoint, lag, speed and worker, and when all of it will be done.

    Everything is read from the cluster, so it does not matter where the workers run.
    """
    state = steered(migration, direction, project, environment, bootstrap)
    progress = state.progress()
    statuses = state.look(progress)
    if over and any(one.workers != 0 for one in statuses):
        time.sleep(over)
        statuses = state.look(progress)
    show(statuses, output)
    return OK


def show(statuses: Sequence[Status], output: Format) -> None:
    if output is Format.JSON:
        print_json([one.as_dict() for one in statuses])
    elif output is Format.NDJSON:
        print_lines(one.as_dict() for one in statuses)
    else:
        for one in statuses:
            print(one.text())
            print_rows([row_of(row) for row in one.partitions], _COLUMNS, output)


def row_of(row: PartitionStatus) -> dict[str, Any]:
    return {
        "partition": row.partition,
        "checkpoint": "-" if row.offset is None else f"{row.offset:,}",
        "end": f"{row.end:,}",
        "lag": f"{row.lag_records:,}",
        "done": f"{row.part_done:.1%}",
        "records": f"{row.speed.records_per_s:,.0f}",
        "bytes": size_text(row.speed.bytes_per_s),
        "letters": f"{row.counts.dead_lettered:,}",
        "worker": row.worker or "-",
    }
