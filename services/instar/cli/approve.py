"""``instar approve M ACTION``: ask for somebody's yes to an action, or give it."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from instar.cli.exits import REFUSED, USAGE, fail
from instar.cli.moving import ActorOption
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.cli.steering import MigrationArgument
from instar.operations.rolling import Rolling, rolling
from instar.state.approvals import Request

_COLUMNS = {
    "id": "id",
    "action": "action",
    "plan": "plan",
    "asked_by": "asked by",
    "why": "why",
    "standing": "standing",
    "answered_by": "answered by",
    "expires": "expires",
}


class Action(StrEnum):
    APPLY = "apply"
    SWITCH = "switch"
    ROLLBACK = "rollback"
    RETIRE = "retire"
    ABANDON = "abandon"


def add_to(app: typer.Typer) -> None:
    app.command("approve")(approve)


def approve(
    migration: MigrationArgument,
    action: Annotated[
        Action | None, typer.Argument(help="What is approved. Without it all requests are listed.")
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask for it; somebody else gives it.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="Say no.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is wanted, or why yes or no.")] = "",
    by: ActorOption = None,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Ask for an approval (--ask), give it to what somebody else asked for, or refuse it (--refuse).

    An approval is for one action under one plan, is used once, and expires. Nobody approves what they asked for.
    """
    with rolling(open_project(project, environment), migration, bootstrap=bootstrap, actor=by) as at:
        if action is None:
            _list(at, output)
            return 0
        if not reason.strip():
            fail("An approval says why.", "Give --reason.", USAGE)
        fingerprint = _fingerprint(at, action)
        if ask:
            expires_ms = at.now_ms() + at.migration.rollout.approval_valid * 1000
            made = at.state.approvals.ask(migration, action.value, fingerprint, at.actor, reason, expires_ms)
            stderr.print(
                f"Asked as {made}: somebody else says `instar approve {migration} {action.value}`.", markup=False
            )
        else:
            request = _open(at, action, fingerprint)
            answer = at.state.approvals.refuse if refuse else at.state.approvals.approve
            answered = answer(request.id, at.actor, reason)
            stderr.print(f"{answered.id} of {answered.requested_by}: {answered.standing}.", markup=False)
        _list(at, output)
    return 0


def _fingerprint(at: Rolling, action: Action) -> str:
    """Of the plan that the action runs under: for an apply the project as it is, else the plan in force."""
    if action is Action.APPLY:
        return at.project.fingerprint(at.name)
    in_force = at.coordinator.state(at.name).fingerprint
    if not in_force:
        fail(f"{at.name} has no plan in force, so nothing of it but `apply` can be approved.", exit_code=REFUSED)
    return in_force


def _open(at: Rolling, action: Action, fingerprint: str) -> Request:
    waiting = [
        each
        for each in at.state.approvals.list(at.name)
        if each.standing == "open" and each.action == action.value and each.fingerprint == fingerprint
    ]
    if not waiting:
        fail(
            f"Nobody has asked for {action.value} of {at.name} under plan {fingerprint[:16]}.",
            f"Ask first: instar approve {at.name} {action.value} --ask --reason TEXT.",
            REFUSED,
        )
    return waiting[-1]


def _list(at: Rolling, output: Format) -> None:
    print_rows([_row(each) for each in at.state.approvals.list(at.name)], _COLUMNS, output)


def _row(each: Request) -> dict[str, Any]:
    return {
        "id": each.id,
        "action": each.action,
        "plan": each.fingerprint[:16],
        "asked_by": each.requested_by,
        "why": each.request_reason,
        "standing": each.standing,
        "answered_by": each.answered_by,
        "expires": datetime.fromtimestamp(each.expires_at_ms / 1000, UTC).isoformat(timespec="seconds"),
    }
