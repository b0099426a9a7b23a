"""``instar rehearse M``: its whole life on scratch topics, forward, back and forward, before the real one begins."""

import time
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from instar.cli.exits import NO, OK, REFUSED, fail
from instar.cli.output import Document, print_json, stderr
from instar.cli.rehearsal.life import Life
from instar.cli.rehearsal.scratch import new_tag, scratch
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    kafka_settings,
    migration_of,
    open_project,
)
from instar.cli.steering import MigrationArgument
from instar.cli.stopping import stopping
from instar.kafka.cluster import Cluster
from instar.operations.rolling import who
from instar.operations.stating import state_of
from instar.project.lock import write_atomically
from instar.project.project import Project
from instar.state.rehearsals import Rehearsed


def add_to(app: typer.Typer) -> None:
    app.command("rehearse")(rehearse)


def rehearse(
    migration: MigrationArgument,
    records: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="How many of the topic's newest records to copy.")
    ] = 10_000,
    rate: Annotated[
        float, typer.Option(min=1, max=100_000, metavar="PER_S", help="Records a second that are written meanwhile.")
    ] = 200.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the scratch topics for a look.")] = False,
    report: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write the report there too.")] = None,
    output: Annotated[Document, typer.Option("-o", "--output")] = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Take a sample of the real records through the whole rollout, on topics of its own: apply, replay, verify, switch,
    roll back, switch again, with a producer that writes all the time and two consumer groups that count.

    The real topics are only read. The result counts for `apply` where the environment requires a rehearsal of the same
    plan. Exits with 3 when a record was lost, doubled or wrong.
    """
    opened = open_project(project, environment)
    settings = migration_of(opened, migration)
    kafka = kafka_settings(opened, bootstrap)
    if settings.in_place:
        fail(f"{migration} has one topic: there is no rollout to rehearse.", "`instar backfill --dry-run`.", REFUSED)
    if Cluster(kafka).built_in:
        fail("The built-in broker has no topics to come and go.", "Rehearse on a real Kafka: `make kafka`.", REFUSED)
    began_s = time.monotonic()
    tag = new_tag()
    with stopping() as ending, scratch(opened, migration, kafka, tag, per_s=rate, keep=keep) as there:
        life = Life(there, settings.source.topic, records, rate, say=_say, stop=ending.event)
        told = life.run()
    told = {"migration": migration, "tag": tag, "fingerprint": opened.fingerprint(migration), **told}
    told["seconds"] = round(time.monotonic() - began_s, 1)
    _keep(opened, migration, told)
    if report is not None:
        write_atomically(report, orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
    if output is Document.JSON:
        print_json(told)
    else:
        _print(told)
    return OK if told["passed"] else NO


def _keep(opened: Project, migration: str, told: dict[str, Any]) -> None:
    with state_of(opened) as state:
        found = Rehearsed(migration, told["fingerprint"], time.time_ns() // 1_000_000, told["passed"], told)
        state.rehearsals.save(found, who())


def _say(part: str) -> None:
    stderr.print(f"… {part}", style="dim", markup=False)


def _print(told: dict[str, Any]) -> None:
    for part in told["parts"]:
        details = ", ".join(
            f"{key} {value:,}" for key, value in part.items() if isinstance(value, int) and key != "right" and value
        )
        right = "" if "right" not in part else ", right" if part["right"] else ", NOT RIGHT"
        print(f"{part['seconds']:>8.1f} s  {part['part']}{': ' if details else ''}{details}{right}")
    for reader in told["readers"]:
        print(f"{reader['group']}: {reader['read']:,} read, {reader['lost']:,} lost, {reader['doubled']:,} doubled")
    if not told["there_and_back"]:
        print("It has no way back, or no record that comes back: only the way forward was rehearsed.")
    word = "passed" if told["passed"] else "FAILED"
    print(f"{word}: {told['migration']} under plan {told['fingerprint'][:16]}, {told['seconds']:.0f} s")
