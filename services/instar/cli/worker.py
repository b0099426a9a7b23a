"""``instar worker M``: carry a migration's records, from the checkpoint on, for ever or until now."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Annotated, Any

import typer

from instar.cli import completing
from instar.cli.output import Format, print_rows
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    kafka_settings,
    migration_of,
    open_project,
    resolved,
)
from instar.cli.showing import showing
from instar.cli.stopping import stopping
from instar.core.checkpoint import Counts
from instar.core.provenance import Direction
from instar.kafka.cluster import Cluster
from instar.processor.assemble import Options, assemble, assemble_project, directions
from instar.processor.lag import standing
from instar.processor.plan import BridgePlan
from instar.processor.prepare import ensure_start
from instar.processor.supervise import Slot, supervise
from instar.project.project import Project


class Which(StrEnum):
    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Until(StrEnum):
    NOW = "now"


def add_to(app: typer.Typer) -> None:
    app.command("worker")(worker)


def worker(
    migration: Annotated[
        str,
        typer.Argument(
            help="The migration's name in the settings.", metavar="MIGRATION", autocompletion=completing.migrations
        ),
    ],
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes for each direction.")] = 1,
    until: Annotated[Until | None, typer.Option(help="Stop at the source's present end.")] = None,
    direction: Annotated[Which | None, typer.Option(help="Default: as the migration's `producers` asks.")] = None,
    create: Annotated[bool, typer.Option("--create", help="Make missing topics and register missing schemas.")] = False,
    instance: Annotated[str | None, typer.Option(help="This machine's name among the migration's workers.")] = None,
    accept_expired: Annotated[
        bool, typer.Option("--accept-expired", help="Go on where retention deleted records that were not read.")
    ] = False,
    recover_checkpoint: Annotated[
        bool, typer.Option("--recover-checkpoint", help="Find a lost checkpoint from what was published.")
    ] = False,
    output: Annotated[Format, typer.Option("-o", "--output", help="How the summary is printed.")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Carry a migration's records to the target topic, exactly once.

    Starts at the checkpoint (the beginning, the first time) and goes on until stopped. Start more workers, here or on
    other machines under another --instance, to share the partitions.
    """
    opened = open_project(project, environment)
    settings = migration_of(opened, migration)
    kafka = kafka_settings(opened, bootstrap)
    name = instance or str(resolved(opened, opened.environment.instance))
    cluster = Cluster(kafka)
    runs = []
    for one in _directions(direction, directions(settings)):
        options = Options(opened.root, environment, migration, one, kafka, create, accept_expired)
        runs.append(_prepare(opened, options, cluster, recover=recover_checkpoint, bounded=until is not None))
    if create:
        opened.record_applied(migration)
    slots = [Slot(f"{name}-{number}", run.assemble) for run in runs for number in range(workers)]
    if len(slots) == 1:
        slots = [Slot(slots[0].instance, lambda: runs[0].plan)]
    began_s = time.monotonic()
    todo = sum(run.todo_records for run in runs) if until else None
    with stopping() as state, showing(migration, todo) as show:
        supervise(slots, state.event, show)
    _summarize(runs, cluster, time.monotonic() - began_s, output)
    return state.exit_code


@dataclass(frozen=True, slots=True)
class _Run:
    """One direction of this call."""

    plan: BridgePlan
    assemble: Callable[[], BridgePlan]
    before: Counts
    todo_records: int


def _directions(asked: Which | None, default: tuple[Direction, ...]) -> tuple[Direction, ...]:
    match asked:
        case None:
            return default
        case Which.BOTH:
            return ("up", "down")
        case Which.UP:
            return ("up",)
        case Which.DOWN:
            return ("down",)


def _prepare(project: Project, options: Options, cluster: Cluster, *, recover: bool, bounded: bool) -> _Run:
    plan = assemble_project(project, options)
    offsets = ensure_start(plan, cluster, recover=recover)
    ends = cluster.end_offsets(plan.source.name, plan.partitions)
    if bounded:
        options = replace(options, bounds=ends, create=False)
        plan = replace(plan, bounds=ends)
    todo = sum(max(0, ends[partition] - offsets[partition]) for partition in ends)
    return _Run(plan, partial(assemble, options), standing(plan, cluster).total, todo)


def _summarize(runs: list[_Run], cluster: Cluster, seconds: float, output: Format) -> None:
    """What this call did, from the checkpoints: what a worker said of itself may have died with it."""
    rows: list[dict[str, Any]] = []
    for run in runs:
        now = standing(run.plan, cluster)
        counts = now.total.minus(run.before)
        rows.append(
            {
                "migration": run.plan.migration,
                "direction": run.plan.direction,
                "source": run.plan.source.name,
                "target": run.plan.target.name,
                **counts.as_dict(),
                "lag_records": now.lag_records,
                "seconds": round(seconds, 3),
                "records_per_s": round(counts.read / seconds) if seconds else None,
            }
        )
    columns = dict.fromkeys(rows[0]) if rows else {}
    shown = {name: name.replace("_", " ") for name in columns if name not in {"migration", "current", "seconds"}}
    print_rows(rows, shown, output)
