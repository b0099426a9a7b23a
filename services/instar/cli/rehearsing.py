"""``instar backfill M --dry-run``: what would be read, what it would become, and how long that would take."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from typing import Any

from instar.backfill.rehearsal import rehearse
from instar.cli.backfill_scope import begin_of, bound_by, partitions_of
from instar.cli.output import Format, print_json, print_lines
from instar.cli.stopping import stopping
from instar.core import checkpoint
from instar.core.bounds import Point
from instar.core.throttle import Rate
from instar.kafka.cluster import Cluster
from instar.operations.topic_reader import topic_reader, version_of
from instar.processor.assemble import Options, assemble_project
from instar.processor.plan import BridgePlan
from instar.project.project import Project


def rehearse_all(
    project: Project,
    options: Sequence[Options],
    cluster: Cluster,
    begin: Point | None,
    end: Point,
    partitions: str | None,
    rate: Rate,
    *,
    workers: int,
    limit: int | None,
    output: Format,
) -> int:
    documents: list[dict[str, Any]] = []
    with stopping() as state:
        for one in options:
            settings = project.settings.migrations[one.migration]
            plan = assemble_project(project, replace(one, dry=True, create=False))
            named = partitions_of(cluster, settings, one.direction, partitions)
            starts = _starts(cluster, plan, begin_of(cluster, settings, one.direction, begin))
            bounds = bound_by(cluster, end, named)(plan, starts)
            lags = {number: bound - starts[number] for number, bound in bounds.items() if bound > starts[number]}
            with redirect_stdout(sys.stderr):  # a hop that prints must not end up in the data
                forecast = rehearse(
                    plan.make_bridge(),
                    plan.source.name,
                    plan.source.id,
                    plan.kafka,
                    {number: starts[number] for number in lags},
                    {number: bounds[number] for number in lags},
                    version_of=version_of(
                        topic_reader(project, plan.source.name, subject=None, framing=None, migration=one.migration)
                    ),
                    rate=rate,
                    stop=state.event,
                    limit_records=limit,
                )
            documents.append(
                {"migration": one.migration, "direction": one.direction, **forecast.as_dict(lags, workers)}
            )
            if output is Format.TABLE:
                print(f"{one.migration} {one.direction}: {plan.source.name} → {plan.target.name}")
                print(forecast.text(lags, workers))
    if output is Format.JSON:
        print_json(documents)
    elif output is Format.NDJSON:
        print_lines(documents)
    return state.exit_code


def _starts(cluster: Cluster, plan: BridgePlan, begin: Mapping[int, int] | None) -> dict[int, int]:
    """Where the run would begin: at the checkpoints, else where it was asked to, else at the first record."""
    committed = cluster.committed(plan.group, plan.source.name, plan.partitions)
    first = cluster.start_offsets(plan.source.name, plan.partitions)
    # What retention took since the checkpoint cannot be read any more.
    checkpoints = {
        partition: max(checkpoint.parse(offset, said).reads_from, first[partition])
        for partition, (offset, said) in committed.items()
    }
    return {**first, **(begin or {}), **({} if begin else checkpoints)}
