"""What a worker knows of its own work: what it has done, and what its checkpoints have last said."""

from dataclasses import dataclass, field

from instar.core.checkpoint import Counts


@dataclass(frozen=True, slots=True)
class Progress:
    """A worker's state at a moment: what it has committed since it started, and the offsets that it stands at."""

    slot: str
    counts: Counts
    offsets: dict[int, int]
    transactions: int
    recoveries: int


@dataclass(slots=True)
class Totals:
    """What a worker counts of itself since it started."""

    transactions: int = 0
    recoveries: int = 0
    committed: Counts = field(default_factory=Counts)


@dataclass(frozen=True, slots=True)
class Said:
    """What the checkpoints last said of a hold: (held, under which assignment), why, and when."""

    key: tuple[bool, int] = (False, 0)
    reason: str = ""
    at_s: float = 0.0
