"""``instar lesson M``: record what a rollback taught, so that the migration may go forward again."""

from typing import Annotated

import typer

from instar.cli.moving import ActorOption, DocumentOption, told
from instar.cli.output import Document
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.cli.steering import MigrationArgument
from instar.core.rollout.event import Lesson
from instar.operations.rolling import rolling


def add_to(app: typer.Typer) -> None:
    app.command("lesson")(lesson)


def lesson(
    migration: MigrationArgument,
    cause: Annotated[str, typer.Option("--cause", metavar="TEXT", help="What went wrong, and why.")],
    fix: Annotated[str, typer.Option("--fix", metavar="TEXT", help="What was done about it.")],
    learnt: Annotated[str, typer.Option("--lesson", metavar="TEXT", help="What will be done differently.")],
    by: ActorOption = None,
    output: DocumentOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Record cause, fix and lesson of the last rollback in the ledger. Until then `apply` and `switch` are refused."""
    with rolling(open_project(project, environment), migration, bootstrap=bootstrap, actor=by) as at:
        event = Lesson(at.actor, cause, fix, learnt)
        return told(at.coordinator.tell(migration, event, actor=at.actor, reason=f"{cause} / {fix} / {learnt}"), output)
