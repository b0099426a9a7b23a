"""What `worker` and `backfill` share: preparing each direction, remembering its plan, and summing up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

import structlog

from instar.backfill.control import Control
from instar.cli import log_lines
from instar.cli.observing import Observe
from instar.cli.output import Format, print_rows
from instar.core import control
from instar.core.checkpoint import Counts
from instar.core.control import FINGERPRINT_CHARS, PLAN
from instar.core.parts import Parts
from instar.core.provenance import Direction
from instar.kafka.cluster import Cluster
from instar.kafka.errors import KafkaTrouble
from instar.kafka.fence import FenceCheck
from instar.processor.assemble import Options, assemble, assemble_project
from instar.processor.governor import Governor
from instar.processor.lag import standing
from instar.processor.modes import splits_of
from instar.processor.plan import BridgePlan
from instar.processor.prepare import ensure_start
from instar.processor.supervise import Slot
from instar.project.project import Project

log = structlog.get_logger(__name__)


class Which(StrEnum):
    UP = "up"
    DOWN = "down"
    BOTH = "both"


def chosen(asked: Which | None, default: tuple[Direction, ...]) -> tuple[Direction, ...]:
    match asked:
        case None:
            return default
        case Which.BOTH:
            return ("up", "down")
        case Which.UP:
            return ("up",)
        case Which.DOWN:
            return ("down",)


@dataclass(frozen=True, slots=True)
class Run:
    """One direction of a call. ``assemble`` makes its plan again, in a worker's own process."""

    plan: BridgePlan
    options: Options
    before: Counts
    todo_records: int

    @property
    def assemble(self) -> Callable[[], BridgePlan]:
        return partial(assemble, self.options)

    def assembled_for(self, partition: int) -> Callable[[], BridgePlan]:
        """The plan of a worker that reads one partition by hand."""
        bounds = {partition: self.options.bounds[partition]} if self.options.bounds else None
        return partial(assemble, replace(self.options, bounds=bounds, assigned=(partition,)))


def prepare(
    project: Project,
    options: Options,
    cluster: Cluster,
    *,
    recover: bool,
    begin: Mapping[int, int] | None = None,
    bound: Callable[[BridgePlan, Mapping[int, int]], Mapping[int, int]] | None = None,
    before_start: Callable[[BridgePlan], None] = lambda _: None,
) -> Run:
    """Assemble, make sure that the group has begun, and count what there is to do.

    ``bound`` gives the bounds, from the plan and the committed offsets; without it the run goes on for ever.
    ``before_start`` may refuse before anything is committed.
    """
    plan = assemble_project(project, options)
    if plan.mode == "in-place":
        FenceCheck(plan.kafka, plan.source.name, plan.fence).require()
        log.warning("records are rewritten in place", topic=plan.source.name, fence=str(plan.fence))
    before_start(plan)
    offsets = ensure_start(plan, cluster, recover=recover, begin=begin)
    bounds: Mapping[int, int]
    if plan.mode == "in-place":
        # A finite task: up to where the topic ended when it began.
        bounds = {partition: split.at for partition, split in splits_of(plan, cluster).items()}
        asked = bounds if bound is None else bound(plan, offsets)
        bounds = {partition: min(end, asked[partition]) for partition, end in bounds.items()}
        options = replace(options, bounds=bounds, create=False)
        plan = replace(plan, bounds=bounds)
    elif bound is None:
        bounds = cluster.end_offsets(plan.source.name, plan.partitions)
    else:
        bounds = bound(plan, offsets)
        options = replace(options, bounds=bounds, create=False)
        plan = replace(plan, bounds=bounds)
    options = replace(options, fingerprint=plan.fingerprint)
    stands = standing(plan, cluster)
    return Run(plan, options, stands.total, stands.todo_records(bounds))


def slots_of(
    runs: Sequence[Run], name: str, govern: Callable[[BridgePlan], Governor], observe: Observe, workers: int
) -> list[Slot]:
    """So many workers of each direction; a single one runs in this process, under the plan that is made already."""
    slots = [
        Slot(f"{name}-{number}", run.assemble, govern, observe, log_lines.configure)
        for run in runs
        for number in range(workers)
    ]
    if len(slots) == 1:
        return [replace(slots[0], assemble=lambda: runs[0].plan)]
    return [replace(slot, observe=observe.of(number)) for number, slot in enumerate(slots)]


def remember(cluster: Cluster, plan: BridgePlan, parts: Parts, *, create: bool) -> None:
    """Note in the control topic what this fingerprint was made of, so that a later one can be explained.

    Without it the work is as right as with it, so that a cluster that does not let us is not held against it.
    """
    try:
        if not create and cluster.find(control.TOPIC) is None:
            return
        kept = Control(cluster)
        short = plan.fingerprint[:FINGERPRINT_CHARS]
        if short not in kept.orders(plan.migration, plan.direction).plans:
            name = control.key(plan.migration, plan.direction, PLAN, short)
            kept.write({name: control.entry(None, **parts.as_dict())})
    except KafkaTrouble as problem:
        log.warning("the plan is not noted in the control topic", why=str(problem))


def summarize(runs: list[Run], cluster: Cluster, seconds: float, output: Format) -> None:
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
    if output is Format.TABLE:
        for row in rows:
            print(f"{row['direction']}  {row['source']} → {row['target']}")
            print(f"  {', '.join(_told(row))}")
    else:
        print_rows(rows, {}, output)


# Told even when they are 0: what every run is about.
_ALWAYS = {"read": "read", "published": "published", "dead_lettered": "dead letters", "lag_records": "records behind"}
_OF_ONE = {"dead letters": "dead letter", "records behind": "record behind"}
_WHEN_ANY = {
    "dropped": "ended by a hop",
    "current": "left as they were",
    "echoed": "own echoes passed over",
    "overtaken": "passed over for a newer value",
    "expired": "expired before they were read",
}


def _told(row: dict[str, Any]) -> Iterator[str]:
    """The figures that matter, each with its name; outputs only where they differ from the records published."""
    for name, words in (_ALWAYS | _WHEN_ANY).items():
        if name in _ALWAYS or row[name]:
            more = (
                f" as {row['outputs']:,} record{'s'[: row['outputs'] != 1]}"
                if name == "published" and row["outputs"] != row[name]
                else ""
            )
            yield f"{row[name]:,} {_OF_ONE.get(words, words) if row[name] == 1 else words}{more}"
    yield f"{row['seconds']:,.1f} s"
