"""What an operation of a hop is: data that binds to shapes once and then runs per record.

A hop in the form of changes is a list of operations. They are applied in order to a *shape*, from the old version's
to the new one's, and each yields a ``Step``: the shape after it, how to run it on a value both ways, and what it loses.
Types and defaults are never written in a hop: an operation that makes or retypes a field takes the type from the
target, the new version's shape at the same path.

Two checks follow from one derivation. With S the shape after the last step and T the new version's shape:
up is right when every value of S is a value of T; down is right when every value of T is a value of S.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from instar.core.formats.shape import Shape
from instar.core.record import Context

Run = Callable[[dict[str, Any], Context], None]


class HopFailed(Exception):
    """Inside a hop only: this record cannot be carried over. The executor turns it into a ``Rejected``."""

    def __init__(self, code: str, message: str, path: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path


class Misfit(Exception):
    """An operation does not fit the shapes it is bound to: the author's mistake, found by check and at start."""

    def __init__(self, code: str, message: str, *, remedy: str, path: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.path = path


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the author should know of a bound operation, and that is no mistake."""

    code: str
    message: str
    path: str


Moves = tuple[
    tuple[str, str], ...
]  # (path before, path after) of fields that an operation renamed, moved or made of others


@dataclass(frozen=True, slots=True)
class Step:
    """An operation bound to shapes.

    ``up`` and ``down`` change the given record in place; the executor owns that copy. ``down`` is None when the
    operation has no way back, which makes the hop one-way. ``lost_up`` and ``lost_down`` are field paths of what is
    left: what up drops (paths before the step), what down drops (paths after it); ``moved`` says in stages what became
    of paths, so that losses can be named by the versions' own paths.
    A *partial* direction may reject values that are valid (a long that does not fit an int).
    """

    shape: Shape
    up: Run
    down: Run | None
    lost_up: tuple[str, ...] = ()
    lost_down: tuple[str, ...] = ()
    partial_up: bool = False
    partial_down: bool = False
    notes: tuple[Note, ...] = ()
    moved: tuple[Moves, ...] = ()


@runtime_checkable
class Operation(Protocol):
    """One change of a format: immutable, hashable by what it says, written by a hop's author."""

    @property
    def summary(self) -> str:
        """One line for people: ``rename qty -> quantity``."""
        ...

    def bind(self, current: Shape, target: Shape) -> Step:
        """Fit the operation to the shape so far and the new version's shape. Raises ``Misfit``."""
        ...
