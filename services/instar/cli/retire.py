"""``instar retire M``: end the old topic, once nobody depends on it."""

from typing import Annotated

import typer

from instar.cli.exits import USAGE, fail
from instar.cli.moving import (
    ActorOption,
    ConfirmOption,
    DocumentOption,
    ExecuteOption,
    LookOption,
    NonInteractiveOption,
    ReasonOption,
    RevertOption,
    WaitOption,
    WaiveOption,
    confirmed,
    move,
    undo,
    waivers,
)
from instar.cli.output import Document
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.cli.steering import MigrationArgument
from instar.cli.stopping import stopping
from instar.core.rollout.event import Readers, Retire, Waiver
from instar.operations.retirement import verdicts
from instar.operations.rolling import rolling


def add_to(app: typer.Typer) -> None:
    app.command("retire")(retire)


def retire(
    migration: MigrationArgument,
    archive: Annotated[
        str, typer.Option("--archive", metavar="FOLDER", help="Keep the old topic there. Default: the plan's.")
    ] = "",
    no_archive: Annotated[
        bool, typer.Option("--no-archive", help="Keep no archive; --reason says why it is not needed.")
    ] = False,
    look: LookOption = 100_000,
    doing: ExecuteOption = False,
    revert: RevertOption = False,
    wait: WaitOption = False,
    confirm: ConfirmOption = None,
    non_interactive: NonInteractiveOption = False,
    reason: ReasonOption = "",
    waive: WaiveOption = None,
    by: ActorOption = None,
    output: DocumentOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Lock the old topic, carry its last stragglers, archive it, and delete it.

    Refused while `instar can-retire` does not say yes, and without the approval of somebody else. It is final.
    """
    if archive and no_archive:
        fail("--archive and --no-archive exclude each other.", "Give one of the two.", USAGE)
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
        if revert:
            return undo(at.coordinator, migration, "retire", at.actor, reason, doing=doing, output=output)
        at.look()
        if doing:
            topic = at.migration.source.topic
            confirmed(migration, confirm, non_interactive=non_interactive, what=f"Retiring deletes the topic {topic}.")
        waived = waivers(waive, at.actor, reason)
        if no_archive:
            waived = (*waived, Waiver("archive", at.actor, reason))
        kept = archive or ("waived" if no_archive else "")
        # After a switch the reverse bridge writes the old topic at one version, and that is the one that ends.
        ends = None if at.migration.reverse is None else (at.migration.reverse.version,)
        found = verdicts(at, subject=None, versions=ends, archive=kept, look_records=look)
        answers = {each.answer for each in found}
        answer: Readers = Readers(
            "no" if "no" in answers else "unknown" if "unknown" in answers or not answers else "yes",
            tuple(dict.fromkeys(reason for each in found for reason in each.readers.reasons)),
        )
        command = Retire(at.actor, reason, at.circumstances("retire", waived), answer, archive)
        again = f"instar retire {migration} --execute --confirm {migration}"
        return move(at.coordinator, migration, command, doing=doing, output=output, again=again)
