"""``instar worker M``: carry a migration's records, from the checkpoint on, for ever or until now."""

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from instar.backfill.governing import Wish
from instar.cli import completing
from instar.cli.asking import wait_until_asked
from instar.cli.executing import ExecutorKind, ExecutorOption, executor_of
from instar.cli.fencing import FenceOption, FenceReasonOption, fence_of
from instar.cli.governing import govern
from instar.cli.mirroring import mirroring
from instar.cli.observing import observing
from instar.cli.output import Format
from instar.cli.runs import Which, chosen, prepare, remember, slots_of, summarize
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
from instar.kafka.cluster import Cluster
from instar.operations.plan_drift import check_rollout
from instar.processor.assemble import Options, directions
from instar.processor.plan import BridgePlan
from instar.processor.supervise import supervise


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
    when_asked: Annotated[
        bool, typer.Option("--when-asked", help="Wait until the rollout asks for --direction to run.")
    ] = False,
    executor: ExecutorOption = ExecutorKind.SPANS,
    fence: FenceOption = None,
    fence_reason: FenceReasonOption = "",
    output: Annotated[Format, typer.Option("-o", "--output", help="How the summary is printed.")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Carry a migration's records to the target topic, exactly once.

    Starts at the checkpoint (the beginning, the first time) and goes on until stopped. Start more workers, here or on
    other machines under another --instance, to share the partitions. `pause`, `resume` and `rate` reach it anywhere,
    and it ends, with exit code 0, when the rollout asks its direction to stop.

    Refused while a rollout has applied another plan than the project's: plan and apply again.

    With --when-asked it may be started long before: it waits until the rollout has set its start checkpoint and asks.
    """
    opened = open_project(project, environment)
    settings = migration_of(opened, migration)
    kafka = kafka_settings(opened, bootstrap)
    name = instance or str(resolved(opened, opened.environment.instance))
    cluster = Cluster(kafka)
    wanted = chosen(direction, directions(settings))
    if when_asked:
        if len(wanted) != 1:
            raise typer.BadParameter(
                "it waits for one direction: say which with --direction", param_hint="--when-asked"
            )
        with stopping() as state:
            if not wait_until_asked(cluster, settings, migration, wanted[0], state.event):
                return state.exit_code
    check_rollout(opened, migration, cluster, wanted)
    runs = []
    for one in wanted:
        options = Options(
            opened.root,
            environment,
            migration,
            one,
            kafka,
            create,
            accept_expired,
            fence=fence_of(fence, fence_reason),
            executor=executor_of(executor),
        )
        run = prepare(opened, options, cluster, recover=recover_checkpoint, bound=_ends(cluster) if until else None)
        remember(cluster, run.plan, opened.parts(migration), create=create)
        runs.append(run)
    if create:
        opened.record_applied(migration)
    steered = partial(govern, Wish())
    began_s = time.monotonic()
    todo = sum(run.todo_records for run in runs) if until else None
    with (
        observing("worker", migration, endless=True) as observed,
        stopping() as state,
        showing(migration, todo) as show,
        mirroring(opened, migration, name, "worker", show) as told,
    ):
        supervise(slots_of(runs, name, steered, observed.workers(), workers), state.event, told)
    summarize(runs, cluster, time.monotonic() - began_s, output)
    return state.exit_code


def _ends(cluster: Cluster) -> Callable[[BridgePlan, Mapping[int, int]], Mapping[int, int]]:
    return lambda plan, _: cluster.end_offsets(plan.source.name, plan.partitions)
