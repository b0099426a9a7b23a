"""What passes between a coordinator and a store of rollouts, and how a store says no."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
"""A rollout as plain JSON, as `core/rollout/document.py` writes it."""


@dataclass(frozen=True, slots=True)
class Held:
    """A rollout as it is stored. ``revision`` grows with every write; 0: nothing is stored yet."""

    document: Document | None
    revision: int


@dataclass(frozen=True, slots=True)
class Noted:
    """What the ledger is told of one step or decision. The store adds sequence, time and hashes.

    ``uses_approval`` is the id of the approval that this decision uses up, in the same database transaction.
    """

    actor: str
    action: str
    reason: str
    fingerprint: str
    details: Mapping[str, Any] = field(default_factory=dict)
    uses_approval: str = ""


class Conflict(Exception):
    """The row changed since it was read, or the approval was used: another coordinator decided first."""


class LeaseLost(Exception):
    """The lease ended or somebody else has it: nothing may be written or run with its token any more."""


class LeaseTaken(Exception):
    """Somebody else moves this migration now. ``owner`` and ``for_s`` say who and for how much longer at most."""

    def __init__(self, owner: str, for_s: float) -> None:
        super().__init__(f"{owner} is moving this migration, for {for_s:.0f} s more at most unless they renew")
        self.owner = owner
        self.for_s = for_s
