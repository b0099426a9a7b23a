"""``instar apply PLAN``: make what a plan names: topics, schemas, start checkpoints."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from instar.cli.exits import REFUSED, USAGE, fail
from instar.cli.moving import (
    ActorOption,
    DocumentOption,
    ExecuteOption,
    ReasonOption,
    RevertOption,
    WaiveOption,
    move,
    undo,
    waivers,
)
from instar.cli.output import Document
from instar.cli.planning import make_plan
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.core.rollout.document import plan_of
from instar.core.rollout.event import Apply
from instar.core.rollout.plan import Plan
from instar.operations.rolling import Rolling, rolling
from instar.operations.rollout_planning import rollout_plan


def add_to(app: typer.Typer) -> None:
    app.command("apply")(apply)


def apply(
    plan: Annotated[
        str, typer.Argument(metavar="PLAN", help="A file of `instar plan --out`, or a migration, which is planned now.")
    ],
    doing: ExecuteOption = False,
    revert: RevertOption = False,
    reason: ReasonOption = "",
    waive: WaiveOption = None,
    by: ActorOption = None,
    output: DocumentOption = Document.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Create the topics, register the schemas and commit the start checkpoints that a plan names.

    What is there already stays. Run it again to finish what broke off; after the project has changed, plan and apply
    again. A plan that destroys or loses something needs the approval of somebody else: `instar approve`.
    """
    file = Path(plan)
    said = _read(file) if file.suffix or file.is_file() else None
    name = plan if said is None else str(said.get("migration", ""))
    with rolling(open_project(project, environment), name, bootstrap=bootstrap, actor=by) as at:
        if revert:
            return undo(at.coordinator, name, "apply", at.actor, reason, doing=doing, output=output)
        made = _planned_now(at) if said is None else _planned(said, file)
        command = Apply(at.actor, reason, at.circumstances("apply", waivers(waive, at.actor, reason), made), made)
        return move(at.coordinator, name, command, doing=doing, output=output, again=f"instar apply {plan} --execute")


def _planned_now(at: Rolling) -> Plan:
    said = make_plan(at.project, at.name, at.kafka)
    if said.refused:
        fail(
            f"The plan of {at.name} is refused: {next(trap.message for trap in said.traps if trap.refused)}.",
            f"`instar plan {at.name}` shows everything that stands against it.",
            REFUSED,
        )
    return rollout_plan(at.project, at.name, at.kafka, said)


def _read(file: Path) -> dict[str, Any]:
    try:
        said = orjson.loads(file.read_bytes())
    except OSError as error:
        fail(f"{file}: {error.strerror}.", "Write a plan with `instar plan MIGRATION --out FILE`.", USAGE)
    except orjson.JSONDecodeError as error:
        fail(f"{file} is not JSON: {error}.", "Write a plan with `instar plan MIGRATION --out FILE`.", USAGE)
    if not isinstance(said, dict) or not said.get("migration"):
        fail(f"{file} is no plan.", "Write one with `instar plan MIGRATION --out FILE`.", USAGE)
    return said


def _planned(said: dict[str, Any], file: Path) -> Plan:
    if said.get("refused"):
        fail(f"The plan in {file} is refused.", "Mend what stands against it, and plan again.", REFUSED)
    try:
        found = plan_of(said.get("rollout"))
    except (KeyError, TypeError, ValueError, AttributeError):
        found = None
    if found is None:
        fail(f"{file} does not say what to make.", "Plan again with this version of instar.", USAGE)
    return found
