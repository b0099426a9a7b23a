"""``instar control restore M``: tell the control topic again what it must say, after it was deleted or lost."""

import typer

from instar.cli.exits import OK, USAGE, fail
from instar.cli.moving import (
    ActorOption,
    ConfirmOption,
    DocumentOption,
    ExecuteOption,
    NonInteractiveOption,
    ReasonOption,
    confirmed,
)
from instar.cli.output import Document, one_line, print_json, stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.cli.steering import MigrationArgument
from instar.core.control import TOPIC
from instar.operations.restoring import SETTLE_S, Lost, lost
from instar.operations.restoring import restore as restore_topic
from instar.operations.rolling import rolling

_NOT_KEPT = (
    "What operators asked of workers (pause, rate, partitions read by name) is not in the state store: ask again."
)


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="The control topic, where authority lives.", no_args_is_help=True)
    group.command("restore")(restore)
    app.add_typer(group, name="control")


def restore(
    migration: MigrationArgument,
    reason: ReasonOption = "",
    execute: ExecuteOption = False,
    confirm: ConfirmOption = None,
    non_interactive: NonInteractiveOption = False,
    by: ActorOption = None,
    output: DocumentOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Rebuild the control topic's records of a migration from the state store's rollout and ledger.

    Shown until --execute stands there, which needs the migration's name again and a reason. Refused where the ledger
    does not verify, or where the topic says what the store does not know: then the store is the one that was set back.
    """
    if execute and not reason.strip():
        fail("Writing the control topic needs a reason, for those who will ask later.", "Give --reason.", USAGE)
    with rolling(open_project(project, environment), migration, bootstrap=bootstrap, actor=by) as at:
        found = lost(at)
        if not found.entries or not execute:
            return _told(found, migration, "missing", output)
        if output is Document.TABLE:
            _show(found)
        confirmed(migration, confirm, non_interactive=non_interactive, what=f"This writes {TOPIC}.")
        stderr.print(
            f"Producers that run register again; {migration} cannot be moved for {SETTLE_S:.0f} s.", markup=False
        )
        return _told(restore_topic(at, reason), migration, "restored", output)


def _told(found: Lost, migration: str, result: str, output: Document) -> int:
    result = result if found.entries else "nothing"
    if output is Document.JSON:
        print_json(
            {"result": result, "migration": migration, "lines": list(found.lines), "keys": sorted(found.entries)}
        )
        return OK
    if result != "restored":
        _show(found)
    words = {
        "nothing": f"{TOPIC} has all of it: nothing to do.",
        "missing": f"{len(found.entries)} entries are missing. Nothing has been done; --execute writes them.",
        "restored": f"{len(found.entries)} entries written.",
    }
    stderr.print(words[result], markup=False, soft_wrap=True)
    if result == "restored":
        stderr.print(f"→ {_NOT_KEPT}", markup=False, soft_wrap=True)
    return OK


def _show(found: Lost) -> None:
    for line in found.lines:
        print(f"  {one_line(line)}")
