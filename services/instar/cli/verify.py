"""``instar verify M``: read everything again and hold it against what the chain of hops makes of each record."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from secrets import randbelow
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from instar.cli import completing
from instar.cli.exits import NO, OK, USAGE, Failure, fail
from instar.cli.observing import observing
from instar.cli.output import Format, print_json, print_lines, print_rows, stderr
from instar.cli.scope import (
    BootstrapOption,
    EnvironmentOption,
    ProjectOption,
    kafka_settings,
    migration_of,
    open_project,
)
from instar.cli.stopping import Stopping, stopping
from instar.core.comparison import Difference
from instar.core.provenance import Direction
from instar.operations import kept_results
from instar.project.migration import Migration
from instar.project.project import Project
from instar.telemetry import names
from instar.verifier.explain import plain
from instar.verifier.modes import Mode
from instar.verifier.opening import KafkaOpener
from instar.verifier.page import as_html
from instar.verifier.report import Report, Signature, as_json, not_carried_back, time_text
from instar.verifier.run import Options, follow, run
from instar.verifier.samples import Sample, View
from instar.verifier.state import State

_LIMIT_SHOWN = 10
_MOST_SAMPLES = 1_000
_SEEDS = 1_000_000
_COLUMNS = {
    "direction": "direction",
    "source": "from",
    "target": "to",
    "read": "read",
    "outputs": "outputs",
    "dead_lettered": "dead letters",
    "lost": "lost",
    "duplicated": "doubled",
    "out_of_order": "out of order",
    "mismatched": "different",
    "rogue": "rogue",
    "right": "right",
}


class Which(StrEnum):
    UP = "up"
    DOWN = "down"
    BOTH = "both"


def add_to(app: typer.Typer) -> None:
    app.command("verify")(verify)


def verify(
    migration: Annotated[
        str,
        typer.Argument(
            help="The migration's name in the settings.", metavar="MIGRATION", autocompletion=completing.migrations
        ),
    ],
    mode: Annotated[
        Mode,
        typer.Option(
            help="counts: the balance. digest: by ranges, cheap to repeat. full: each record. sample: for a person."
        ),
    ] = Mode.FULL,
    direction: Annotated[Which | None, typer.Option(help="Default: as the migration's `producers` asks.")] = None,
    partitions: Annotated[str | None, typer.Option(help="Some partitions only: 0,2-3.", metavar="LIST")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the last full comparison stands.")] = False,
    following: Annotated[
        bool, typer.Option("--follow", help="Keep comparing behind the running bridge, until stopped.")
    ] = False,
    report: Annotated[
        list[Path] | None, typer.Option(help="Write the report to FILE.json or FILE.html; may be repeated.")
    ] = None,
    records: Annotated[int, typer.Option(min=1, max=_MOST_SAMPLES, help="How many records --mode sample draws.")] = 20,
    seed: Annotated[int | None, typer.Option(help="Draw the same records again (mode sample).")] = None,
    sign: Annotated[
        str | None, typer.Option(help="Ask whether the sample is right, and record the answer under NAME.")
    ] = None,
    output: Annotated[Format, typer.Option("-o", "--output", help="How the result is printed.")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Compare what was published with what the chain of hops makes of every source record.

    Shares no code with what published it. Exits with 3 when something is not as it must be; what differs is read a
    second time before it counts.
    """
    files = report or []
    _check_usage(mode, files, resume=resume, following=following, sign=sign)
    opened = open_project(project, environment)
    settings = migration_of(opened, migration)
    directions = _directions(direction, settings)
    if following and len(directions) > 1:
        fail("--follow watches one direction.", "Add --direction up, and run another for --direction down.", USAGE)
    kafka = kafka_settings(opened, bootstrap)
    chosen = None if partitions is None else _partitions(partitions)
    options = Options(mode=mode, resume=resume, samples=records, seed=randbelow(_SEEDS) if seed is None else seed)
    reports: list[Report] = []
    with (
        observing("verify", migration, {names.MODE: mode.value}) as observed,
        stopping() as state,
        _progress(migration) as count,
        ExitStack() as stack,
    ):
        tell = _told_once()
        say = stack.enter_context(kept_results.following(opened, migration)) if following else None

        def on_round(report: Report) -> None:
            tell(report)
            observed.verified(report)
            if say is not None:
                say(report)

        options = replace(options, stop=state.event, on_record=count, on_round=on_round)
        for one in directions:
            with observed.span("compare", {names.DIRECTION: one}) as describe:
                opener = KafkaOpener(opened, migration, one, kafka, chosen)
                verb = follow if following else run
                reports.append(verb(opener, partial(State, opened.root, migration, one), options))
                describe(observed.verified(reports[-1]))
            if state.event.is_set():
                break
    _show(reports, output)
    if sign is not None and not state.event.is_set():
        _ask(reports, sign)
        _keep_signature(opened, migration, reports)
    _write(reports, files)
    kept_results.keep_result(opened, migration, reports)
    _print(reports, output)
    return _exit_code(reports, state)


def _check_usage(mode: Mode, files: list[Path], *, resume: bool, following: bool, sign: str | None) -> None:
    if (resume or following) and mode is not Mode.FULL:
        option = "--resume" if resume else "--follow"
        kept = " Digests of an earlier run are used without being asked for." if mode is Mode.DIGEST else ""
        fail(f"{option} is for --mode full.{kept}", exit_code=USAGE)
    if sign is not None and mode is not Mode.SAMPLE:
        fail("--sign is for --mode sample: a person confirms the records that they have seen.", exit_code=USAGE)
    for file in files:
        if file.suffix not in {".json", ".html"}:
            fail(f"--report {file} is neither .json nor .html.", "Name it report.json or report.html.", USAGE)
        if not file.resolve().parent.is_dir():
            fail(f"--report {file}: there is no folder {file.resolve().parent}.", exit_code=USAGE)


def _directions(asked: Which | None, migration: Migration) -> tuple[Direction, ...]:
    """While only old producers write, there is no way back to verify."""
    match asked:
        case None:
            return ("up",) if migration.producers == "old" or migration.reverse is None else ("up", "down")
        case Which.BOTH:
            return ("up", "down")
        case Which.UP:
            return ("up",)
        case Which.DOWN:
            return ("down",)


def _partitions(text: str) -> list[int]:
    """``0,2-3`` is ``[0, 2, 3]``."""
    chosen: set[int] = set()
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()) or (dash and int(high) < int(low)):
            fail(f"--partitions {text}: {part!r} is no partition and no range.", "Write for example 0,2-3.", USAGE)
        chosen.update(range(int(low), int(high or low) + 1))
    return sorted(chosen)


# ------------------------------------------------------------------ while it runs


@contextmanager
def _progress(title: str) -> Iterator[Callable[[], None]]:
    """Records compared so far, on a terminal; nothing elsewhere."""
    if not stderr.is_terminal:
        yield lambda: None
        return
    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} records")]
    with Progress(*columns, TimeElapsedColumn(), console=stderr) as bar:
        task = bar.add_task(f"verifying {title}", total=None)
        done = 0
        next_s = 0.0

        def count() -> None:
            nonlocal done, next_s
            done += 1
            if done % 500 == 0 and time.monotonic() >= next_s:
                next_s = time.monotonic() + 0.1
                bar.update(task, completed=done)

        yield count
        bar.update(task, completed=done)


def _told_once() -> Callable[[Report], None]:
    """While following: a line for each round that found something new."""
    last: tuple[int, int] = (-1, 0)

    def tell(report: Report) -> None:
        nonlocal last
        result = report.result
        now = (result.read, result.faults)
        if now != last:
            style = "red" if result.faults else "dim"
            stderr.print(
                f"{time_text(report.ended_ms)}  {result.read:,} records compared, {result.faults:,} not right",
                style=style,
                soft_wrap=True,
            )
            last = now

    return tell


# ------------------------------------------------------------------ what came of it


def _show(reports: list[Report], output: Format) -> None:
    """For people: the samples, and the first of what differs."""
    if output is not Format.TABLE:
        return
    for report in reports:
        for sample in report.samples:
            _show_sample(sample)
        differences = report.result.differences
        for one in differences[:_LIMIT_SHOWN]:
            _show_difference(one)
        if report.result.faults > min(len(differences), _LIMIT_SHOWN):
            stderr.print("  … --report FILE.html shows more.", style="dim")


def _show_difference(one: Difference) -> None:
    place = f"partition {one.partition}"
    place += "" if one.source_offset is None else f", source offset {one.source_offset:,}"
    place += "" if one.target_offset is None else f", target offset {one.target_offset:,}"
    stderr.print(Text(one.kind, "bold red").append(f"  {place}", "not bold default").append(f"  {one.message}"))
    for field in one.fields:
        wanted = "nothing" if field.expected is None else field.expected
        found = "nothing" if field.found is None else field.found
        stderr.print(Text(f"    {field.path}: must be {wanted}, is {found}"), soft_wrap=True)


def _show_sample(one: Sample) -> None:
    title = Text(f"partition {one.partition}, source offset {one.source_offset:,}", style="bold")
    stderr.print(title.append(f"  {one.key}", "not bold dim"))
    for view in one.views:
        _show_view(view, f"after {view.hop}" if view.hop else "as it is")
    for view in one.found:
        _show_view(view, "in the target")
    stderr.print(Text(f"  {one.told}", "green" if one.right else "red"))
    stderr.print()


def _show_view(view: View, where: str) -> None:
    stderr.print(Text(f"  {where:<18}", "dim").append(view.title, "default"))
    for value in view.values:
        text = json.dumps(plain(value), ensure_ascii=False)
        stderr.print(Text(f"    {text}"), soft_wrap=True)


def _ask(reports: list[Report], name: str) -> None:
    """Let a person say whether what was shown is right."""
    shown = sum(len(report.samples) for report in reports)
    stderr.print(f"{name}: are these {shown} records right? [y/n]", end=" ", markup=False)
    answer = sys.stdin.readline().strip().lower()  # typer.confirm writes to stdout, where the data goes
    if answer not in {"y", "yes", "n", "no"}:
        raise Failure("--sign needs an answer on stdin: y or n.", "Run it at a terminal.", USAGE)
    confirmed = answer.startswith("y")
    for report in reports:
        report.signature = Signature(name, time.time_ns() // 1_000_000, confirmed)


def _keep_signature(opened: Project, migration: str, reports: list[Report]) -> None:
    for report in reports:
        State(opened.root, migration, report.direction, {}).save_signed(report.document())


def _write(reports: list[Report], files: list[Path]) -> None:
    for file in files:
        text = as_json(reports) if file.suffix == ".json" else as_html(reports)
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            fail(f"The report {file} cannot be written: {error.strerror}.")


def _print(reports: list[Report], output: Format) -> None:
    if output is Format.JSON:
        print_json(json.loads(as_json(reports)))
        return
    if output is Format.NDJSON:
        print_lines([report.document() for report in reports])
        return
    rows = []
    for report in reports:
        word = "yes" if report.right else "no"
        rows.append(
            {
                "direction": report.direction,
                "source": report.source.name,
                "target": report.target.name,
                **report.result.as_dict(),
                "right": word if report.complete or not report.right else "so far",
            }
        )
    print_rows(rows, _COLUMNS, output)
    sys.stdout.flush()
    waiting = not_carried_back(reports)
    if waiting:
        stderr.print(f"{waiting:,} native records of the new topic are yet to be carried back to the old one.")
    for report in reports:
        found = report.coverage
        stderr.print(
            f"{report.direction}: {found['offsets_compared']:,} of {found['offsets_in_source']:,} source offsets, plan "
            f"{report.fingerprint[:16]}, holds until {time_text(report.expires_ms)}",
            style="dim",
            soft_wrap=True,
        )


def _exit_code(reports: list[Report], state: Stopping) -> int:
    """What is not right is said even by a run that was stopped."""
    if any(not report.right for report in reports):
        return NO
    return state.exit_code if state.exit_code != OK else OK
