"""What the commands that move a rollout share: their options, showing what would happen, doing it, and saying so."""

import sys
from typing import Annotated, Any

import typer

from instar.cli.exits import ERROR, NO, OK, REFUSED, UNREACHABLE, USAGE, fail
from instar.cli.output import Document, one_line, print_json, stderr
from instar.core.rollout.decide import decide
from instar.core.rollout.decision import Decided, Refused
from instar.core.rollout.effect import words
from instar.core.rollout.event import Command, Revert, Waiver
from instar.core.rollout.phase import Stage
from instar.core.rollout.state import Rollout, Underway
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
    "refused": REFUSED,
}
_TITLES: dict[Kind, str] = {
    "done": "Done",
    "nothing": "Nothing to do",
    "waiting": "Not yet",
    "undone": "Undone",
    "failed": "Failed",
    "unknown": "Outcome unknown",
    "refused": "Refused",
}


def waivers(what: list[str] | None, by: str, reason: str) -> tuple[Waiver, ...]:
    """Fails where one is of an unknown kind; that it has a reason is asked by the machine."""
    for each in what or []:
        kind, _, name = each.partition(":")
        if kind not in ("gate", "limit", "producer") or not name:
            fail(f"--waive {each!r} names nothing to waive.", "Write gate:NAME, limit:NAME or producer:NAME.", USAGE)
    return tuple(Waiver(each, by, reason) for each in what or [])


def confirmed(migration: str, given: str | None, *, non_interactive: bool, what: str) -> None:
    """The name again, for what cannot be taken back. Asks on a terminal; fails where the answer is another."""
    if given is None and not non_interactive and sys.stdin.isatty():
        stderr.print(f"{what} Type the migration's name to go on: ", end="", markup=False)
        given = sys.stdin.readline().strip()
    if given != migration:
        fail(f"{what} It needs the migration's name again.", f"Add --confirm {migration}.", USAGE)


def move(
    coordinator: Coordinator,
    migration: str,
    command: Command,
    *,
    doing: bool,
    output: Document,
    again: str = "",
) -> int:
    """Carry a command out, or without ``doing`` show its steps. ``again`` is the command line that finishes it."""
    if not doing:
        return _preview(coordinator, migration, command, output)
    result = coordinator.command(migration, command)
    return told(result, output, again)


def undo(
    coordinator: Coordinator, migration: str, transition: str, actor: str, reason: str, *, doing: bool, output: Document
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
        return _preview_undo(coordinator.state(migration), Revert(actor, reason), output)
    result = coordinator.revert(migration, actor=actor, reason=reason)
    code = told(result, output)
    return OK if result.kind == "undone" else code


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
    if again and result.kind in ("waiting", "failed", "unknown"):
        stderr.print(f"→ again: {again}", markup=False, soft_wrap=True)
    print(f"{result.state.migration} is {result.state.phase.value}, epoch {result.state.epoch}")
    return _EXITS[result.kind]


def as_dict(result: Result) -> dict[str, Any]:
    return {
        "result": result.kind,
        "migration": result.state.migration,
        "phase": result.state.phase.value,
        "epoch": result.state.epoch,
        "authority": result.state.authority,
        "message": result.message,
        "remedy": result.remedy,
        "code": result.code,
        "evidence": list(result.evidence),
        "until_ms": result.until_ms or None,
        "ran": list(result.ran),
    }


def _preview_undo(state: Rollout, event: Revert, output: Document) -> int:
    """Whether a step in doubt came about is only asked when it is done."""
    decided = decide(state, event)
    underway = state.underway
    if underway is None or (isinstance(decided, Refused) and decided.code != "in-doubt"):
        return _answered(state, decided, output)
    title = f"of {underway.transition} would be undone"
    if state.place is Stage.IN_DOUBT:
        title += f" if it turns out that {words(underway.steps[underway.index or 0].effect)} did not come about"
    _show(_undoing(underway), title, output)
    return OK


def _undoing(underway: Underway) -> list[str]:
    begun = [words(step.effect) for step in underway.steps if step.progress in ("tried", "done")]
    return [f"undo {each}" for each in reversed(begun)]


def _answered(state: Rollout, decided: Decided | Refused, output: Document) -> int:
    if isinstance(decided, Decided):
        return told(Result("nothing", state, decided.note), output)
    return told(Result("refused", state, decided.message, decided.remedy, decided.code, decided.evidence), output)


def _preview(coordinator: Coordinator, migration: str, command: Command, output: Document) -> int:
    event: Any = command
    state = coordinator.state(migration)
    decided = decide(state, event)
    if isinstance(decided, Refused):
        return _answered(state, decided, output)
    if state.underway is not None and state.underway.reverting and decided.state.underway == state.underway:
        _show(_undoing(state.underway), f"of {state.underway.transition} are still to be undone", output)
        return OK
    if decided.state == state and state.underway is None:
        return _answered(state, decided, output)
    if (
        decided.state.underway == state.underway
        and state.underway is not None
        and state.place in (Stage.MOVING, Stage.IN_DOUBT, Stage.COMMITTED)
    ):
        steps = [words(each) for each in state.effects]
        _show(
            steps, f"are left of {state.underway.transition}, in progress since {state.underway.actor} began it", output
        )
        return OK
    _show([words(each) for each in decided.effects], f"to do: {decided.note}", output)
    return OK


def _show(steps: list[str], title: str, output: Document) -> None:
    if output is Document.JSON:
        print_json({"result": "planned", "steps": steps})
        return
    for number, step in enumerate(steps, 1):
        print(f"  {number:>2}. {one_line(step)}")
    stderr.print(f"{len(steps)} steps {title}. Nothing has been done; --execute does it.", markup=False, soft_wrap=True)
