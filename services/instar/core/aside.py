"""What a comparison keeps aside until the rest is known."""

from dataclasses import dataclass, field
from typing import NamedTuple

from instar.core.comparison import Difference
from instar.core.cut import Matcher
from instar.core.published import Letter
from instar.core.record import Record


class Mended(NamedTuple):
    """A dead letter that today's chain takes: what it would become."""

    source: Record
    letter: Letter
    expected: list[Matcher]


@dataclass(slots=True)
class Ahead:
    """What a stream held of source records at or past the bound: it is of a later comparison."""

    first: int | None = None  # its own offset
    furthest: int = -1  # the source offset
    native: int = 0
    rogue: int = 0
    foreign: int = 0
    count: int = 0
    differences: list[Difference] = field(default_factory=list)
