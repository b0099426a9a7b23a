"""A write fence: who may write a topic, read from the cluster's access rules. Pure.

Kafka's authorizer lets a request pass where a rule allows it and none denies it; denying wins. A principal is written
``User:name``, and ``User:*`` is everybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

EVERYBODY = "User:*"
ANY_HOST = "*"
_WRITING = frozenset({"WRITE", "ALL"})


@dataclass(frozen=True, slots=True)
class Fence:
    """What keeps producers from writing a topic that is rewritten in place.

    ``acl``: the cluster's access rules let nobody else write. ``acknowledged``: somebody (``by``) says that every
    producer is stopped, and why that is known (``reason``).
    """

    kind: Literal["acl", "acknowledged"]
    reason: str = ""
    by: str = ""

    def __str__(self) -> str:
        return "access rules" if self.kind == "acl" else f"acknowledged by {self.by}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One access rule that applies to the topic. ``operation`` is Kafka's name, ``host`` ``*`` for any."""

    principal: str
    host: str
    operation: str
    allows: bool


def writers(rules: Iterable[Rule], own: str | None) -> list[str]:
    """The principals, other than ``own``, that may write, sorted."""
    known = [rule for rule in rules if rule.operation in _WRITING]
    # A rule that denies from one host only leaves the others open.
    denied = {rule.principal for rule in known if not rule.allows and rule.host == ANY_HOST}
    if EVERYBODY in denied:
        return []
    return sorted({rule.principal for rule in known if rule.allows} - denied - {own})
