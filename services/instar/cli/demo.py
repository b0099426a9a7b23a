"""``instar demo``: the main job on a stream of orders, with nothing to set up."""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from instar.cli.demonstration.run import run, set_stage
from instar.cli.demonstration.telling import next_steps, tell
from instar.cli.exits import NO, OK, USAGE, fail
from instar.cli.output import Format, print_json, stderr
from instar.kafka.built_in import BuiltInBroker

LOCAL_BOOTSTRAP = "127.0.0.1:9092"
# The built-in broker keeps about 5 MiB a partition; more orders than this would push the first ones out.
BUILT_IN_LIMIT_RECORDS = 20_000


def add_to(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    kafka: Annotated[
        bool, typer.Option("--kafka", help=f"On the real Kafka at {LOCAL_BOOTSTRAP}, which `make kafka` starts.")
    ] = False,
    bootstrap: Annotated[
        str | None, typer.Option("--bootstrap", help="On the Kafka at this address.", metavar="HOST:PORT")
    ] = None,
    records: Annotated[int, typer.Option(min=20, help="How many orders.")] = 5_000,
    workers: Annotated[int, typer.Option(min=1, max=16, help="Workers for each direction.")] = 1,
    serve: Annotated[
        bool, typer.Option("--serve", help="Bring up a whole shop with the dashboard, until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the dashboard of --serve; 0: any free one.")] = 8300,
    output: Annotated[
        Format | None, typer.Option("-o", "--output", help="Print one object with the figures instead.")
    ] = None,
) -> int:
    """Carry orders of three versions between an old and a new topic, both ways at once, and prove the result.

    Produces orders at v1, v2 and v3 and some that are broken, runs both bridges, reads everything again and compares
    it with what the chain of hops makes of each record. Exit code 3 when anything is not as it must be.

    With --serve it goes on until Ctrl-C: programs write and read at their versions, bridges carry, a rollout is under
    way, and the dashboard shows it. All of it is removed at the end.
    """
    if serve:
        if output is not None:
            fail("--serve goes on until it is stopped and has no figures to print.", "Leave -o out.", USAGE)
        from instar.cli.demonstration.live.run import run_live  # with the client library, which no other command needs

        return run_live(bootstrap or (LOCAL_BOOTSTRAP if kafka else None), port)
    if output is Format.TABLE:
        output = None
    with ExitStack() as stack:
        address = bootstrap or (LOCAL_BOOTSTRAP if kafka else None)
        if address is None:
            if records > BUILT_IN_LIMIT_RECORDS:
                fail(
                    f"The built-in broker holds about 5 MiB a partition, too little for {records:,} orders.",
                    f"Take at most {BUILT_IN_LIMIT_RECORDS:,}, or a real Kafka: `make kafka`, then --kafka.",
                    USAGE,
                )
            address = stack.enter_context(BuiltInBroker()).bootstrap
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="instar-demo-")))
        # A prefix of its own, so that a second demonstration does not meet the first one's topics.
        prefix = "" if not (kafka or bootstrap) else f"demo-{secrets.token_hex(3)}."
        watcher = stack.enter_context(_bars())
        stage = set_stage(folder, {"bootstrap.servers": address}, prefix)
        outcome = run(stage, records, workers, watcher)
        watcher.close()
        if output is None:
            tell(outcome, stage, stderr)
            next_steps(stage.cluster.built_in, stderr)
        else:
            print_json(outcome.as_dict() | {"broker": "built-in" if stage.cluster.built_in else address})
    return OK if outcome.right else NO


class _Bars:
    """A bar for each step on a terminal; nothing elsewhere."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def step(self, title: str, total: int | None) -> Callable[[int], None]:
        progress = self._progress
        if progress is None:
            return lambda _: None
        for task in progress.tasks:
            progress.update(task.id, total=task.completed or 1, completed=task.completed or 1)
        task_id = progress.add_task(title, total=total)

        def done(count: int) -> None:
            progress.update(task_id, completed=count)

        return done

    def close(self) -> None:
        if self._progress is not None:
            for task in self._progress.tasks:
                self._progress.update(task.id, total=task.completed or 1, completed=task.completed or 1)
            self._progress.stop()


@contextmanager
def _bars() -> Iterator[_Bars]:
    if not stderr.is_terminal:
        yield _Bars(None)
        return
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=stderr) as progress:
        yield _Bars(progress)
