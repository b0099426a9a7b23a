"""What the commands that move a rollout share: their options, showing what would happen, doing it, and saying so."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from instar.cli.exits import ERROR, INTERRUPTED, NO, OK, REFUSED, UNREACHABLE, USAGE, fail
from instar.cli.output import Document, one_line, print_json, stderr
from instar.cli.scope import open_project
from instar.cli.stopping import Stopping, ended_at_once, stopping
from instar.core.rollout.event import Command, Revert
from instar.operations.moving import Shown, as_dict, preview, stopped, undo_preview
from instar.operations.rolling import Rolling, rolling
from instar.rollout.coordinator import Coordinator, Kind, Result

ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="For those who will ask later.")]
ExecuteOption = Annotated[
    bool, typer.Option("--execute/--dry-run", help="Do it; without it only what would be done is shown.")
]
RevertOption = Annotated[bool, typer.Option("--revert", help="Undo the transition that is in progress instead.")]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Sit out hold times and what is not ready yet.")]
WaiveOption = Annotated[
    list[str] | None,
    typer.Option(
        "--waive",
        metavar="WHAT",
        help="Go on although it says no: gate:NAME, limit:NAME, producer:NAME. Needs --reason; it is recorded.",
    ),
]
ConfirmOption = Annotated[
    str | None, typer.Option("--confirm", metavar="MIGRATION", help="The migration's name again.")
]
NonInteractiveOption = Annotated[
    bool, typer.Option("--non-interactive", help="Never ask: what would be asked for must be given.")
]
ActorOption = Annotated[
    str | None, typer.Option("--by", envvar="INSTAR_ACTOR", metavar="NAME", help="Who does this. Default: the user.")
]
LookOption = Annotated[
    int,
    typer.Option(
        "--look", min=1, metavar="RECORDS", help="How many of each partition's newest records to look at for producers."
    ),
]
DocumentOption = Annotated[Document, typer.Option("-o", "--output")]

_EXITS: dict[Kind, int] = {
    "done": OK,
    "nothing": OK,
    "waiting": NO,
    "undone": ERROR,
    "failed": ERROR,
    "unknown": UNREACHABLE,
    "stopped": INTERRUPTED,
    "refused": REFUSED,
}
_TITLES: dict[Kind, str] = {
    "done": "Done",
    "nothing": "Nothing to do",
    "waiting": "Not yet",
    "undone": "Undone",
    "failed": "Failed",
    "unknown": "Outcome unknown",
    "stopped": "Stopped",
    "refused": "Refused",
}


def confirmed(migration: str, given: str | None, *, non_interactive: bool, what: str) -> None:
    """The name again, for what cannot be taken back. Asks on a terminal; fails where the answer is another."""
    if given is None and not non_interactive and sys.stdin.isatty():
        stderr.print(f"{what} Type the migration's name to go on: ", end="", markup=False)
        with ended_at_once():
            given = sys.stdin.readline().strip()
    if given != migration:
        fail(f"{what} It needs the migration's name again.", f"Add --confirm {migration}.", USAGE)


@contextmanager
def in_hand(
    project: Path | None,
    environment: str | None,
    bootstrap: str | None,
    migration: str,
    by: str | None,
    *,
    wait: bool = False,
) -> Iterator[tuple[Rolling, Stopping]]:
    """A rollout as the options name it, and whether a signal has asked the command to end."""
    with (
        stopping() as ending,
        rolling(
            open_project(project, environment),
            migration,
            bootstrap=bootstrap,
            actor=by,
            wait=wait,
            stopped=ending.event.wait,
        ) as at,
    ):
        yield at, ending


def move(
    coordinator: Coordinator,
    migration: str,
    command: Command,
    *,
    doing: bool,
    output: Document,
    again: str = "",
    ending: Stopping | None = None,
) -> int:
    """Carry a command out, or without ``doing`` show its steps. ``again`` is the command line that finishes it,
    ``ending`` tells which signal has ended it."""
    if not doing:
        shown = preview(coordinator, migration, command)
        if isinstance(shown, Result):
            return told(shown, output)
        _show(shown, output)
        return OK
    return _carried_out(lambda: coordinator.command(migration, command), coordinator, migration, output, again, ending)


def undo(
    coordinator: Coordinator,
    migration: str,
    transition: str,
    actor: str,
    reason: str,
    *,
    doing: bool,
    output: Document,
    ending: Stopping | None = None,
) -> int:
    """Undo the transition of that name, which is in progress. A replan is an apply, given again."""
    underway = coordinator.state(migration).underway
    names = {transition, "replan"} if transition == "apply" else {transition}
    if underway is not None and underway.transition not in names:
        fail(
            f"{underway.transition} of {migration} is in progress, begun by {underway.actor}, and no {transition}.",
            f"`instar {underway.transition} {migration} --revert` undoes that, where it still can be undone.",
            REFUSED,
        )
    if not reason.strip():
        fail("--revert needs a reason, for those who will ask later.", "Give --reason.", USAGE)
    if not doing:
        undoing = undo_preview(coordinator.state(migration), Revert(actor, reason))
        if isinstance(undoing, Result):
            return told(undoing, output)
        _show(undoing, output)
        return OK
    again = f"instar {transition} {migration} --revert --execute --reason TEXT"
    return _carried_out(
        lambda: coordinator.revert(migration, actor=actor, reason=reason),
        coordinator,
        migration,
        output,
        again,
        ending,
        wanted="undone",
    )


def _carried_out(
    act: Callable[[], Result],
    coordinator: Coordinator,
    migration: str,
    output: Document,
    again: str,
    ending: Stopping | None,
    wanted: Kind = "done",
) -> int:
    """What became of it, said; also where a signal ended it on the way: what is on record is gone on from."""
    asked_to_end = ending is not None and ending.event.is_set()
    try:
        result = stopped(coordinator.state(migration)) if asked_to_end else act()
    except KeyboardInterrupt:
        result = stopped(coordinator.state(migration))
    code = told(result, output, again)
    if result.kind == "stopped" and ending is not None:
        return ending.exit_code
    return OK if result.kind == wanted else code


def told(result: Result, output: Document, again: str = "") -> int:
    """Print what became of a command; its exit code."""
    if output is Document.JSON:
        print_json(as_dict(result))
        return _EXITS[result.kind]
    for step in result.ran:
        stderr.print(f"  ✓ {one_line(step)}", markup=False, soft_wrap=True)
    title = _TITLES[result.kind]
    message = one_line(result.message.removeprefix(f"{title.lower()}: "))
    say = f"{title}: {message}"
    stderr.print(say if say.endswith(".") else f"{say}.", markup=False, soft_wrap=True)
    for line in result.evidence:
        stderr.print(f"  - {one_line(line)}", markup=False, soft_wrap=True)
    if result.remedy:
        stderr.print(f"→ {result.remedy}", markup=False, soft_wrap=True)
    if again and result.kind in ("waiting", "failed", "unknown", "stopped"):
        stderr.print(f"→ again: {again}", markup=False, soft_wrap=True)
    print(f"{result.state.migration} is {result.state.phase.value}, epoch {result.state.epoch}")
    return _EXITS[result.kind]


def _show(shown: Shown, output: Document) -> None:
    if output is Document.JSON:
        print_json({"result": "planned", "steps": list(shown.steps)})
        return
    for number, step in enumerate(shown.steps, 1):
        print(f"  {number:>2}. {one_line(step)}")
    count = len(shown.steps)
    stderr.print(
        f"{count} steps {shown.title}. Nothing has been done; --execute does it.", markup=False, soft_wrap=True
    )
