"""One bar on a terminal, a line of the log now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from instar.cli.output import stderr

log = structlog.get_logger(__name__)

LOG_EVERY_S = 10.0

Show = Callable[[str, int, int], None]  # doing what, how much of it, out of how much


@contextmanager
def progress_bar(noun: str) -> Iterator[Show]:
    """``noun`` is what is counted: records, offsets. A new doing begins a new bar."""
    if not stderr.is_terminal:
        yield _logging(noun)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f}"))
    with Progress(*columns, TextColumn(noun), TimeRemainingColumn(), console=stderr) as bar:
        tasks = {}

        def show(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=total)
            bar.update(tasks[doing], completed=done, total=total)

        yield show


def _logging(noun: str) -> Show:
    last_s = time.monotonic()

    def show(doing: str, done: int, total: int) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= LOG_EVERY_S:
            log.info(doing, done=done, total=total, of=noun)
            last_s = now_s

    return show
