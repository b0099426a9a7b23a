"""Four eyes: who may answer whose request, and for which decision an approval may be used up."""

from instar.core.rollout.event import Approval
from instar.core.rollout.storage import Noted


def same_person(one: str, other: str) -> bool:
    """Whether two names as instar writes them (``ada@laptop``) are of one person.

    The machine does not count: nobody becomes somebody else by going to another one.
    """
    return _name(one) == _name(other)


def why_unusable(approval: Approval | None, noted: Noted, *, used: bool, now_ms: int) -> str | None:
    """Why the decision may not use up the approval that it names, or None where it may.

    ``approval`` is what the store has under that id for this migration: None where there is none, or no yes to it. A
    decision's action is the command's name, after what it interrupts: ``switch: rollback``.
    """
    name = noted.uses_approval
    if approval is None:
        return f"there is no approval {name} of this migration"
    if used:
        return f"approval {name} is used"
    if now_ms >= approval.expires_at_ms:
        return f"approval {name} has expired"
    action = noted.action.rpartition(": ")[2]
    if approval.action != action:
        return f"approval {name} is for {approval.action}, not for {action}"
    if approval.fingerprint != noted.fingerprint:
        return f"approval {name} is for another plan, {approval.fingerprint[:16]}"
    return None


def _name(person: str) -> str:
    return person.partition("@")[0].strip().casefold()
