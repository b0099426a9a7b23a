"""``instar backfill M``: the worker's loop with a bound, a rate, and regard for others."""

import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import typer

from instar.backfill.control import Control
from instar.backfill.governing import Watched, Wish
from instar.cli import correcting, log_lines
from instar.cli.backfill_scope import accept_plan, begin_of, bound_by, named_alone, partitions_of
from instar.cli.executing import ExecutorKind, ExecutorOption, executor_of
from instar.cli.exits import USAGE, fail
from instar.cli.fencing import FenceOption, FenceReasonOption, fence_of
from instar.cli.governing import govern
from instar.cli.observing import Observe, observing
from instar.cli.output import Format
from instar.cli.rate import rate_of
from instar.cli.rehearsing import rehearse_all
from instar.cli.runs import Run, chosen, prepare, remember, slots_of, summarize
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
from instar.cli.steering import DirectionOption, MigrationArgument
from instar.cli.stopping import Stopping, stopping
from instar.clock import now_ms
from instar.core.bounds import Point, parse_point
from instar.core.control import named_instance
from instar.core.throttle import UNLIMITED_RATE
from instar.kafka.cluster import Cluster
from instar.operations.plan_drift import check_plan, check_rollout
from instar.processor.assemble import Options, directions
from instar.processor.governor import Governor
from instar.processor.plan import BridgePlan
from instar.processor.supervise import Slot, Tally, supervise
from instar.project.migration import Migration
from instar.project.project import Project
from instar.telemetry import names

_LATENCY = re.compile(r"(\d+(?:\.\d+)?)(ms|s)\Z")


def add_to(app: typer.Typer) -> None:
    app.command("backfill")(backfill)


FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="earliest|OFFSETS|TIME", help="Where to begin; only before the first checkpoint."),
]
UntilOption = Annotated[
    str,
    typer.Option(metavar="now|OFFSETS|TIME", help="Where to end: 1200, 0:1200,3:900 or a time like 2026-03-01T12:00Z."),
]
PartitionsOption = Annotated[
    str | None,
    typer.Option(metavar="0,2,5-7", help="Only these, while no worker of the migration runs."),
]
WorkersOption = Annotated[int, typer.Option(min=1, max=64, help="Worker processes for each direction.")]
RateOption = Annotated[
    str | None, typer.Option(metavar="5000/s|20MB/s", help="For all workers together; `instar rate` changes it.")
]
WatchGroupOption = Annotated[
    list[str] | None,
    typer.Option(metavar="GROUP[@TOPIC]", help="Yield to this group; by default on the migration's topics."),
]
MaxLagOption = Annotated[int, typer.Option(min=0, metavar="RECORDS", help="How far a watched group may lag.")]
MaxLatencyOption = Annotated[
    str | None, typer.Option(metavar="500ms", help="Yield when a transaction takes longer than this to write.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Read and transform, publish nothing, say what comes.")]
LimitOption = Annotated[
    int | None, typer.Option(min=1, metavar="OFFSETS", help="With --dry-run: so many in each partition.")
]
CreateOption = Annotated[bool, typer.Option("--create", help="Make missing topics and register missing schemas.")]
InstanceOption = Annotated[str | None, typer.Option(help="This machine's name among the migration's workers.")]
AcceptExpiredOption = Annotated[
    bool, typer.Option("--accept-expired", help="Go on where retention deleted records that were not read.")
]
AcceptFingerprintOption = Annotated[
    bool, typer.Option("--accept-fingerprint", help="Go on though schemas, hops or settings have changed.")
]
RecoverOption = Annotated[
    bool, typer.Option("--recover-checkpoint", help="Find a lost checkpoint from what was published.")
]
OutputOption = Annotated[Format, typer.Option("-o", "--output", help="How the summary is printed.")]
RangeOption = Annotated[
    list[str] | None,
    typer.Option("--range", metavar="PARTITION:FROM-TO", help="Carry these once more, both included, with --into."),
]
IntoOption = Annotated[str | None, typer.Option(metavar="TOPIC", help="With --range: where to, a topic of its own.")]
RunIdOption = Annotated[
    str | None, typer.Option("--run-id", metavar="ID", help="With --range: the run's name; a run happens once.")
]
ExecuteOption = Annotated[
    bool, typer.Option("--execute", help="With --range: carry them; without it the plan is shown.")
]


def backfill(
    migration: MigrationArgument,
    start: FromOption = None,
    until: UntilOption = "now",
    partitions: PartitionsOption = None,
    workers: WorkersOption = 1,
    rate: RateOption = None,
    watch_group: WatchGroupOption = None,
    max_lag: MaxLagOption = 10_000,
    max_latency: MaxLatencyOption = None,
    dry_run: DryRunOption = False,
    limit: LimitOption = None,
    direction: DirectionOption = None,
    create: CreateOption = False,
    instance: InstanceOption = None,
    accept_expired: AcceptExpiredOption = False,
    accept_fingerprint: AcceptFingerprintOption = False,
    recover_checkpoint: RecoverOption = False,
    executor: ExecutorOption = ExecutorKind.SPANS,
    fence: FenceOption = None,
    fence_reason: FenceReasonOption = "",
    ranges: RangeOption = None,
    into: IntoOption = None,
    run_id: RunIdOption = None,
    doing: ExecuteOption = False,
    output: OutputOption = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Carry a migration's history up to a bound, exactly once, no faster than is good for others.

    The same loop as `worker`, in the same consumer group and from the same checkpoint: stop it, lose the machine, start
    it again, or start a worker beside it. `pause`, `resume`, `rate`, `status` and `watch` act on it from anywhere.

    With --range it is a correction instead: those source offsets once more through today's chain, into a topic of
    their own, once.
    """
    if ranges or into or run_id or doing:
        others = _given(start, until, partitions, rate, watch_group, max_latency, limit, dry_run, workers != 1)
        where = correcting.Where(project, environment, bootstrap)
        asked = correcting.Asked(migration, ranges or [], into, run_id, direction, create, doing)
        with observing("backfill", migration, {names.CORRECTION: True}):
            return correcting.correct(asked, where, others, output)
    begin, end = None if start is None else _point("--from", start), _point("--until", until)
    opened = open_project(project, environment)
    settings = migration_of(opened, migration)
    kafka = kafka_settings(opened, bootstrap)
    wish = _wish(settings, rate, watch_group or [], max_lag, max_latency)
    if limit is not None and not dry_run:
        fail("--limit is for --dry-run.", "Use --until to carry a part.", USAGE)
    cluster = Cluster(kafka)
    options = [
        Options(
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
        for one in chosen(direction, directions(settings))
    ]
    if dry_run:
        with observing("backfill", migration, {names.DRY_RUN: True}):
            return rehearse_all(
                opened, options, cluster, begin, end, partitions, wish.rate, workers=workers, limit=limit, output=output
            )
    accept = check_rollout(opened, migration, cluster, chosen(direction, directions(settings))) or accept_fingerprint
    recover = recover_checkpoint
    with observing("backfill", migration) as observed:
        runs = [
            _prepared(opened, one, cluster, begin, end, partitions, recover=recover, accept=accept) for one in options
        ]
        if create:
            opened.record_applied(migration)
        began_s = time.monotonic()
        name = instance or str(resolved(opened, opened.environment.instance))
        carried = [run for run, _ in runs]
        with stopping() as state, showing(migration, sum(run.todo_records for run in carried)) as show:
            steered, observe = partial(govern, wish), observed.workers(replay=True)
            if partitions is None:
                supervise(slots_of(carried, name, steered, observe, workers), state.event, show)
            else:
                _carry_named(cluster, runs, steered, observe, state, show, workers)
    summarize(carried, cluster, time.monotonic() - began_s, output)
    return state.exit_code


def _given(start: str | None, until: str, *rest: object) -> list[str]:
    """Those options that were given, by name: a correction has no use for them."""
    names = ("--partitions", "--rate", "--watch-group", "--max-latency", "--limit", "--dry-run", "--workers")
    given = {"--from": start, "--until": until != "now", **dict(zip(names, rest, strict=True))}
    return [name for name, value in given.items() if value]


def _prepared(
    project: Project,
    options: Options,
    cluster: Cluster,
    begin: Point | None,
    end: Point,
    partitions: str | None,
    *,
    recover: bool,
    accept: bool,
) -> tuple[Run, list[int] | None]:
    """One direction, ready to run, and the partitions that were named."""
    settings, parts = project.settings.migrations[options.migration], project.parts(options.migration)
    named = partitions_of(cluster, settings, options.direction, partitions)
    run = prepare(
        project,
        options,
        cluster,
        recover=recover,
        begin=begin_of(cluster, settings, options.direction, begin),
        bound=bound_by(cluster, end, named),
        before_start=partial(check_plan, cluster, parts, accept=accept),
    )
    if accept:
        accept_plan(cluster, run.plan)
    remember(cluster, run.plan, parts, create=True)
    return run, named


def _carry_named(
    cluster: Cluster,
    runs: Sequence[tuple[Run, list[int] | None]],
    steered: Callable[[BridgePlan], Governor],
    observe: Observe,
    state: Stopping,
    show: Callable[[Tally], None],
    workers: int,
) -> None:
    """Partitions by hand: each with a transactional id of its own, and nobody in the group."""
    control = Control(cluster)
    for run, named in runs:
        with named_alone(cluster, control, run.plan, named or []):
            slots = [
                Slot(named_instance(one), run.assembled_for(one), steered, observe.of(one), log_lines.configure)
                for one in named or []
            ]
            supervise(slots, state.event, show, at_once=workers)


def _point(option: str, text: str) -> Point:
    try:
        return parse_point(text)
    except ValueError as problem:
        fail(f"{option}: {problem}.", exit_code=USAGE)


def _wish(
    settings: Migration, rate: str | None, groups: Sequence[str], max_lag_records: int, max_latency: str | None
) -> Wish:
    latency_s: float | None = None
    if max_latency is not None:
        match = _LATENCY.match(max_latency)
        if match is None:
            fail(f"--max-latency {max_latency} is not a duration.", "Write 500ms or 2s.", USAGE)
        latency_s = float(match[1]) / (1000 if match[2] == "ms" else 1)
    topics = (settings.target.topic, settings.source.topic)
    watched = []
    for text in groups:
        group, _, topic = text.partition("@")
        watched.append(Watched(group, (topic,) if topic else topics, max_lag_records))
    return Wish(
        rate=UNLIMITED_RATE if rate is None else rate_of(rate),
        started_ms=now_ms(),
        watched=tuple(watched),
        max_latency_s=latency_s,
    )
