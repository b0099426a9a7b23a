"""``instar approve M ACTION``: ask for somebody's yes to an action, or give it."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from instar.cli.exits import REFUSED, fail
from instar.cli.moving import ActorOption
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import BootstrapOption, EnvironmentOption, ProjectOption, open_project
from instar.cli.steering import MigrationArgument
from instar.operations import approving
from instar.operations.approving import Action
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
        approving.said(reason)
        if ask:
            made = approving.ask(at, action, reason)
            stderr.print(f"Asked as {made}: somebody else says `instar approve {migration} {action}`.", markup=False)
        else:
            request = _open(at, action, approving.fingerprint(at, action))
            answer = at.state.approvals.refuse if refuse else at.state.approvals.approve
            answered = answer(request.id, at.actor, reason)
            stderr.print(f"{answered.id} of {answered.requested_by}: {answered.standing}.", markup=False)
        _list(at, output)
    return 0


def _open(at: Rolling, action: Action, fingerprint: str) -> Request:
    waiting = [
        each
        for each in at.state.approvals.list(at.name)
        if each.standing == "open" and each.action == action and each.fingerprint == fingerprint
    ]
    if not waiting:
        fail(
            f"Nobody has asked for {action} of {at.name} under plan {fingerprint[:16]}.",
            f"Ask first: instar approve {at.name} {action} --ask --reason TEXT.",
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
