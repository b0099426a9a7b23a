"""The phases of a migration, and the stages of a transition between two of them."""

from enum import StrEnum
from typing import Literal

Side = Literal["old", "new"]
"""Which of a migration's two topics: its source (old) or its target (new)."""


class Phase(StrEnum):
    """Where a migration rests. Design section 11 has them in this order."""

    DRAFT = "draft"
    EXPANDED = "expanded"
    REPLAYING = "replaying"
    CAUGHT_UP = "caught-up"
    VERIFIED = "verified"
    SWITCHED = "switched"
    RETIRED = "retired"
    ABANDONED = "abandoned"


class Stage(StrEnum):
    """How far a transition in progress is.

    moving: everything done so far can be undone. in-doubt: a step that cannot be undone was begun, and nobody recorded
    what became of it. committed: such a step is done, so only finishing is left. reverting: steps are being undone.
    """

    MOVING = "moving"
    IN_DOUBT = "in-doubt"
    COMMITTED = "committed"
    REVERTING = "reverting"


Place = Phase | Stage
"""The row of the table: the stage while a transition is in progress, else the phase."""

PLACES: tuple[Place, ...] = (*Phase, *Stage)
FINAL = frozenset({Phase.RETIRED, Phase.ABANDONED})
BEFORE_SWITCH = (Phase.DRAFT, Phase.EXPANDED, Phase.REPLAYING, Phase.CAUGHT_UP, Phase.VERIFIED)
