"""What a rollout was planned from: the facts its steps are made of, so that nothing is looked up in the middle."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Risk = Literal["additive", "transforming", "destructive"]


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic that ``apply`` makes. ``settings`` are the source's, copied, as they should be after the switch.

    ``hold_retention``: nothing is deleted from it by age or size until the switch, because replayed records carry old
    timestamps (KIP-870).
    """

    name: str
    partitions: int
    settings: Mapping[str, str] = field(default_factory=dict)
    hold_retention: bool = False


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """A consumer group and when it moves: a canary before authority does, the others after, in this order.

    ``hold_s`` is how long to watch before the next one moves.
    """

    group: str
    hold_s: int = 0
    canary: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """``schemas`` are (subject, version) pairs. ``archive`` is where ``retire`` puts the old topic; empty: not said."""

    migration: str
    fingerprint: str
    source: str
    target: str
    partitions: int
    risk: Risk
    lossy: bool
    has_reverse: bool
    topics: tuple[TopicPlan, ...] = ()
    schemas: tuple[tuple[str, int], ...] = ()
    groups: tuple[GroupPlan, ...] = ()
    archive: str = ""

    @property
    def needs_approval(self) -> bool:
        return self.risk == "destructive" or self.lossy or not self.has_reverse
