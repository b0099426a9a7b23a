"""Progress while workers run: a bar or a counter on a terminal, a log line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from instar.cli.output import stderr
from instar.processor.supervise import Tally

log = structlog.get_logger(__name__)

LOG_EVERY_S = 10.0


@contextmanager
def showing(title: str, todo_records: int | None) -> Iterator[Callable[[Tally], None]]:
    """``todo_records`` is what a bounded run has to read; None for one that goes on for ever."""
    if not stderr.is_terminal:
        yield _logging()
        return
    columns: list[ProgressColumn] = [TextColumn("{task.description}"), BarColumn()]
    columns.append(TextColumn("{task.completed:,.0f} records · {task.fields[rate]:,.0f}/s{task.fields[letters]}"))
    columns.append(TimeRemainingColumn() if todo_records else TimeElapsedColumn())
    with Progress(*columns, console=stderr) as bar:
        task = bar.add_task(title, total=todo_records, rate=0.0, letters="")
        began_s = time.monotonic()

        def show(tally: Tally) -> None:
            counts = tally.counts
            refused = counts.dead_lettered
            letters = f" · {refused:,} dead letter{'s'[: refused != 1]}" if refused else ""
            rate = counts.read / max(time.monotonic() - began_s, 0.001)
            bar.update(task, completed=counts.read, rate=rate, letters=letters)

        yield show


def _logging() -> Callable[[Tally], None]:
    last_s = time.monotonic()
    last_read = 0

    def show(tally: Tally) -> None:
        nonlocal last_s, last_read
        now_s = time.monotonic()
        if now_s - last_s < LOG_EVERY_S:
            return
        counts = tally.counts
        rate = (counts.read - last_read) / (now_s - last_s)
        log.info("progress", **counts.as_dict(), records_per_s=round(rate), restarts=tally.restarts)
        last_s, last_read = now_s, counts.read

    return show
