"""Asking for somebody's yes to an action: under which plan, and until when it can be given."""

from typing import Literal, get_args

from instar.operations.failure import REFUSED, USAGE, fail
from instar.operations.rolling import Rolling

Action = Literal["apply", "switch", "rollback", "retire", "abandon"]
ACTIONS: tuple[Action, ...] = get_args(Action)


def ask(at: Rolling, action: Action, reason: str) -> str:
    """Ask in the name of ``at.actor``; the id to answer with. Fails without a reason, and where no plan is in force."""
    said(reason)
    expires_ms = at.now_ms() + at.migration.rollout.approval_valid * 1000
    return at.state.approvals.ask(at.name, action, fingerprint(at, action), at.actor, reason, expires_ms)


def said(reason: str) -> str:
    """The reason, which must not be empty."""
    if not reason.strip():
        fail("An approval says why.", "Give a reason.", USAGE)
    return reason


def fingerprint(at: Rolling, action: Action) -> str:
    """Of the plan that the action runs under: for an apply the project as it is, else the plan in force."""
    if action == "apply":
        return at.project.fingerprint(at.name)
    in_force = at.coordinator.state(at.name).fingerprint
    if not in_force:
        fail(f"{at.name} has no plan in force, so nothing of it but `apply` can be approved.", exit_code=REFUSED)
    return in_force
