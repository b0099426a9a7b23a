"""``instar watch M``: status again and again, as bars on a terminal and as lines of JSON elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from instar.cli.exits import OK
from instar.cli.output import print_lines, stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.cli.steering import DirectionOption, MigrationArgument, steered
from instar.cli.stopping import stopping
from instar.core.estimate import duration_text
from instar.core.status import Status


def add_to(app: typer.Typer) -> None:
    app.command("watch")(watch)


def watch(
    migration: MigrationArgument,
    direction: DirectionOption = None,
    every: Annotated[float, typer.Option(min=0.2, max=3600, metavar="SECONDS", help="How often to look.")] = 2.0,
    until_done: Annotated[bool, typer.Option("--until-done", help="End when nothing lags.")] = False,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Show how a migration goes on, until stopped (or, with --until-done, until it has caught up).

    A bar for each partition on a terminal; elsewhere one JSON object a line for each direction and look.
    """
    state = steered(migration, direction, project, environment, bootstrap)
    progress = state.progress()
    with stopping() as ending, _display() as display:
        while not ending.event.is_set():
            statuses = state.look(progress)
            display.show(statuses)
            if until_done and not any(one.lag_records for one in statuses):
                return OK
            ending.event.wait(every)
    return ending.exit_code


class _Lines:
    def show(self, statuses: list[Status]) -> None:
        print_lines(one.as_dict() for one in statuses)


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[tuple[str, int | None], TaskID] = {}

    def show(self, statuses: list[Status]) -> None:
        for one in statuses:
            left = f", {duration_text(one.left_s)} left" if one.lag_records else ""
            held = f"  {'; '.join(one.throttle)}" if one.throttle else ""
            self._show((one.direction, None), f"{one.direction} {one.state}", one.part_done, one, f"{left}{held}")
            for row in one.partitions:
                self._show((one.direction, row.partition), f"  {row.partition}", row.part_done, row)

    def _show(self, key: tuple[str, int | None], title: str, done: float, of: Any, more: str = "") -> None:
        said = f"{of.speed.records_per_s:>9,.0f}/s  {of.lag_records:>12,} to go{more}"
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(title, total=1.0, said=said)
        self._bars.update(self._tasks[key], description=title, completed=done, said=said)


@contextmanager
def _display() -> Iterator[_Lines | _Bars]:
    if not sys.stdout.isatty():
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>5.1f} %"),
        TextColumn("{task.fields[said]}", markup=False),
    )
    bars = Progress(*columns, console=stderr, auto_refresh=False)
    with Live(bars, console=stderr, refresh_per_second=4):
        yield _Bars(bars)
