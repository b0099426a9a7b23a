"""``allow_null("email")``: the new version lets a field be null that the old one did not."""

from dataclasses import dataclass, field
from typing import Any

from instar.core.formats.shape import MISSING, NULL, Shape, Union, is_null, is_nullable
from instar.core.rejected import CONVERSION_FAILED
from instar.core.upcasting.membership import fits
from instar.core.upcasting.operation import HopFailed, Misfit, Step
from instar.core.upcasting.operations.drop import show
from instar.core.upcasting.value import copy_of
from instar.core.upcasting.values import Change, Turn, at_values, unchanged


@dataclass(frozen=True, slots=True)
class AllowNull:
    """Let the values at a path be null. Up changes nothing.

    On the way down, null becomes ``null=``, so that it was null is lost; without it, a record with null there is
    rejected (conversion-failed).
    """

    path: str
    null: Any = field(default=MISSING, hash=False)

    @property
    def summary(self) -> str:
        tail = "" if self.null is MISSING else f", down as {show(self.null)}"
        return f"allow null in {self.path}{tail}"

    def bind(self, current: Shape, target: Shape) -> Step:
        return at_values(current, target, self.path, self.change)

    def change(self, shape: Shape, target: Shape | None, avro: bool) -> Change:
        """What is done to one value: the ``BindValue`` of this operation."""
        if is_null(shape) or is_nullable(shape):
            raise Misfit(
                "already-nullable", "it may be null already at this point of the hop", remedy="delete the line"
            )
        if self.null is not MISSING and (self.null is None or not fits(shape, avro=avro)(self.null)):
            raise Misfit(
                "wrong-value",
                f"{show(self.null)} is not a value of the old version here",
                remedy=f'give a value of its type: allow_null("{self.path}", null=...)',
            )
        branches = shape.branches if isinstance(shape, Union) else (shape,)
        last = isinstance(target, Union) and not is_null(target.branches[0])
        nullable = Union((*branches, NULL) if last else (NULL, *branches))
        down = _refuse if self.null is MISSING else _replace(self.null)
        given = self.null is not MISSING
        return Change(nullable, unchanged, down, lossy_down=given, partial_down=not given)


def _refuse(value: Any) -> Any:
    if value is None:
        raise HopFailed(CONVERSION_FAILED, "it is null, and the old version has no place for null")
    return value


def _replace(null: Any) -> Turn:
    return lambda value: copy_of(null) if value is None else value
