"""``instar apply PLAN``: make what a plan names: topics, schemas, start checkpoints."""

from dataclasses import fields
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
    in_hand,
    move,
    undo,
)
from instar.cli.output import Document
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption
from instar.core.rollout.document import plan_of
from instar.core.rollout.plan import Plan
from instar.operations.moving import applying, planned_now, waivers
from instar.operations.rolling import Rolling


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
    with in_hand(project, environment, bootstrap, name, by) as (at, ending):
        if revert:
            return undo(at.coordinator, name, "apply", at.actor, reason, doing=doing, output=output, ending=ending)
        made = planned_now(at) if said is None else _compared(at, _planned(said, file), file)
        command = applying(at, reason, waivers(waive or (), at.actor, reason), made)
        again = f"instar apply {plan} --execute"
        return move(at.coordinator, name, command, doing=doing, output=output, again=again, ending=ending)


def _compared(at: Rolling, plan: Plan, file: Path) -> Plan:
    """A plan of a file, once it is what would be planned here and now: the fingerprint is of the project alone, and
    says nothing of another cluster, or of a file that was edited after it was approved."""
    state = at.coordinator.state(at.name)
    if plan == state.plan or (state.underway is not None and plan == state.underway.plan):
        return plan
    if plan.fingerprint != at.project.fingerprint(at.name):
        return plan  # the machine refuses it, and says so
    now = planned_now(at)
    differing = [each.name for each in fields(Plan) if getattr(plan, each.name) != getattr(now, each.name)]
    if differing:
        fail(
            f"The plan in {file} is not what would be planned for {at.project.environment_name} now: "
            f"{', '.join(differing)} {'differs' if len(differing) == 1 else 'differ'}.",
            f"It was made elsewhere or earlier, or edited: `instar plan {at.name} --out {file}`.",
            REFUSED,
        )
    return plan


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
