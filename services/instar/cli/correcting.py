"""``instar backfill M --range ... --into TOPIC``: source offsets once more, into a topic of their own, once."""

import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from instar.backfill.correction import Job, Stopped, check
from instar.backfill.correction import correct as run_correction
from instar.cli.exits import OK, USAGE, fail
from instar.cli.output import Format, print_rows, stderr
from instar.cli.progress_bar import progress_bar
from instar.cli.runs import Which
from instar.cli.scope import kafka_settings, migration_of, open_project
from instar.cli.stopping import stopping
from instar.core import control
from instar.core.correction import Mark, Range, checked_run_id, default_run_id, parse_ranges
from instar.core.provenance import Direction
from instar.kafka.cluster import Cluster
from instar.kafka.errors import Refused
from instar.kafka.failpoints import Failpoints
from instar.processor.assemble import Options, assemble_project
from instar.processor.plan import BridgePlan
from instar.project.project import Project

_COUNTED = ("read", "published", "outputs", "dead_lettered", "dropped", "echoed")
_COLUMNS = {
    "partition": "partition",
    "first": "first",
    "last": "last",
    "read": "read",
    "outputs": "outputs",
    "dead_lettered": "dead letters",
    "dropped": "dropped",
    "echoed": "echoes",
    "finished": "finished",
}


@dataclass(frozen=True, slots=True)
class Where:
    project: Path | None
    environment: str | None
    bootstrap: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    migration: str
    ranges: list[str]
    into: str | None
    run_id: str | None
    direction: Which | None
    create: bool
    doing: bool


def correct(asked: Asked, where: Where, others: list[str], output: Format) -> int:
    """``others`` are options that were given and mean nothing here."""
    ranges, into = _understood(asked, others)
    direction: Direction = "down" if asked.direction is Which.DOWN else "up"
    opened = open_project(where.project, where.environment)
    migration_of(opened, asked.migration)
    kafka = kafka_settings(opened, where.bootstrap)
    cluster = Cluster(kafka)
    _refuse_live(opened, into)
    fingerprint = opened.fingerprint(asked.migration)
    run_id = asked.run_id or default_run_id(asked.migration, direction, into, ranges, fingerprint)
    options = Options(
        opened.root,
        where.environment,
        asked.migration,
        direction,
        kafka,
        create=asked.create and asked.doing,
        dry=not asked.doing,
    )
    plan = assemble_project(retargeted(opened, asked.migration, direction, into), options)
    job = Job(
        asked.migration,
        direction,
        run_id,
        plan.source,
        plan.target,
        plan.dead_letters,
        ranges,
        fingerprint,
        kafka,
        stop_on_error=plan.stop_on_error,
        batch_records=plan.limits.batch_records,
    )
    marks = check(job, cluster)
    _tell(job, marks, created=asked.create and cluster.find(into) is None)
    if not asked.doing:
        print_rows([_row(each, marks.get(each.partition)) for each in ranges], _COLUMNS, output)
        _say("Nothing was published; --execute does it.")
        return OK
    return _run(job, cluster, plan, output)


def _run(job: Job, cluster: Cluster, plan: BridgePlan, output: Format) -> int:
    began_s = time.monotonic()
    whole = sum(each.last - each.first + 1 for each in job.ranges)
    with stopping() as state, progress_bar("records") as show:
        try:
            with redirect_stdout(sys.stderr):  # a hop that prints must not end up in the data
                done = run_correction(
                    job,
                    cluster,
                    plan.make_bridge(),
                    on_progress=lambda read: show(f"run {job.run_id}", read, whole),
                    stop=state.event,
                    failpoints=Failpoints.from_environment(),
                )
        except Stopped:
            _say(f"Stopped. What is committed is kept; the same command with --run-id {job.run_id} goes on from there.")
            return state.exit_code
    print_rows([_row(each, done[each.partition]) for each in job.ranges], _COLUMNS, output)
    _say(f"Run {job.run_id} is finished after {time.monotonic() - began_s:.1f} s; it cannot be repeated.")
    return OK


def retargeted(project: Project, name: str, direction: Direction, into: str) -> Project:
    """The project as if the migration wrote another topic, with dead letters of its own: those of the live one are in
    its balance. The mode is about how history and live records share a target, which here they do not."""
    migration = project.settings.migrations[name]
    side = "target" if direction == "up" else "source"
    changed = migration.model_copy(
        update={
            side: getattr(migration, side).model_copy(update={"topic": into}),
            "dead_letters": f"{into}.dlq",
            "mode": "ordered",
        }
    )
    others = {**project.settings.migrations, name: changed}
    return replace(project, settings=project.settings.model_copy(update={"migrations": others}))


def _understood(asked: Asked, others: list[str]) -> tuple[tuple[Range, ...], str]:
    if not asked.ranges or asked.into is None:
        fail(
            "A correction needs --range and --into; --run-id and --execute are for it alone.",
            "Write --range 3:1200-1299 --into orders.v3.corrected.",
            USAGE,
        )
    if others:
        fail(
            f"{', '.join(others)}: not together with --range.", "A correction reads its ranges and nothing else.", USAGE
        )
    if asked.direction is Which.BOTH:
        fail("A correction has one direction.", "Write --direction up or --direction down.", USAGE)
    try:
        if asked.run_id is not None:
            checked_run_id(asked.run_id)
        return parse_ranges(asked.ranges), asked.into
    except ValueError as problem:
        fail(f"{problem}.", exit_code=USAGE)


def _refuse_live(project: Project, into: str) -> None:
    """A topic that a migration lives in takes no correction."""
    for name, migration in project.settings.migrations.items():
        living = {
            migration.source.topic: "source",
            migration.target.topic: "target",
            migration.dead_letter_topic: "dead-letter topic",
            f"{migration.target.topic}.history": "history",
        }
        if into in living:
            raise Refused(
                f"{into} is the {living[into]} of {name}: its readers would see the records twice. To replace records "
                "where they are, nobody else may write for as long as it takes, and Kafka has no compare-and-set that "
                "would see to it.",
                f"Choose a topic of its own, such as {migration.target.topic}.corrected.",
            )
    if into == control.TOPIC:
        raise Refused(f"{into} is instar's own.", "Choose a topic of its own.")


def _tell(job: Job, marks: dict[int, Mark], *, created: bool) -> None:
    verb = "Go on with run" if marks else "Run"
    offsets = sum(each.last - each.first + 1 for each in job.ranges)
    _say(
        f"{verb} {job.run_id}: {offsets:,} source offsets of {job.source.name} ({', '.join(map(str, job.ranges))}) "
        f"through {job.migration} {job.direction} into {job.into.name}."
    )
    if created:
        _say(f"{job.into.name} and {job.letters.name} are made where they are not there.")


def _row(asked: Range, mark: Mark | None) -> dict[str, Any]:
    counts = {} if mark is None else mark.counts.as_dict()
    return {
        "partition": asked.partition,
        "first": asked.first,
        "last": asked.last,
        **{
            name: counts.get(name, 0) for name in ("read", "published", "outputs", "dead_lettered", "dropped", "echoed")
        },
        "finished": mark is not None and mark.finished,
    }


def _say(text: str) -> None:
    stderr.print(text, markup=False, soft_wrap=True)
