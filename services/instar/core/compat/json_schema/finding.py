"""What the comparison of two JSON schemas found."""

from dataclasses import dataclass
from typing import Any, Final, Literal

Direction = Literal["backward", "forward"]


class Absent:
    """The value of a keyword that is not there; distinct from JSON null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = Absent()


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why the reader may refuse what the writer wrote.

    ``direction`` says who is who: backward: old writes and new reads; forward: new writes and old reads.
    Pointers are JSON pointers (RFC 6901) into the old and the new schema; where a side has nothing to point
    at, they name the nearest enclosing schema and the value is ``ABSENT``. ``remedy`` is a sentence that says
    what to do.
    """

    code: str
    direction: Direction
    old_pointer: str
    new_pointer: str
    old_value: Any
    new_value: Any
    message: str
    remedy: str
