"""``convert("unit_price", "cents -> decimal")``: the same thing in another type, where it stands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instar.core.formats.shape import Shape, Union, is_nullable, without_null
from instar.core.rejected import CONVERSION_FAILED
from instar.core.upcasting.conversions.conversion import Ends, Form, Made, Unfit
from instar.core.upcasting.conversions.table import named
from instar.core.upcasting.operation import HopFailed, Misfit, Step
from instar.core.upcasting.records import article, kind_of
from instar.core.upcasting.routes import not_in_target
from instar.core.upcasting.value import copy_of
from instar.core.upcasting.values import Change, Turn, at_values, call, keep_null, put_branch


@dataclass(frozen=True, slots=True)
class Convert:
    """Give a field the new version's type, by a conversion's name or by functions of the value.

    The path may end in ``[]`` or ``{}``: then each part is converted. Null stays null where both versions allow it,
    and is given to the functions (as None) where only one does. An absent field stays absent. A named conversion has
    its way back where one exists; functions have it if ``down`` is given, else the hop is one-way. A value that has no
    counterpart is rejected (conversion-failed).
    """

    path: str
    how: str | None = None
    up: Callable[[Any], Any] | None = None
    down: Callable[[Any], Any] | None = None

    @property
    def summary(self) -> str:
        if self.how is not None:
            return f"convert {self.path}: {self.how}"
        return f"convert {self.path} with {getattr(self.up, '__name__', 'a function')}"

    def bind(self, current: Shape, target: Shape) -> Step:
        self._check_how()
        return at_values(current, target, self.path, self.change)

    def change(self, shape: Shape, target: Shape | None, avro: bool) -> Change:
        """What is done to one value: the ``BindValue`` of this operation."""
        if self.how is not None:
            return _by_name(self.how, shape, target, avro)
        function: Callable[[Any], Any] = self.up  # type: ignore[assignment]  # one of the two is given
        return _by_function(function, self.down, shape, target)

    def _check_how(self) -> None:
        how, up = self.how, self.up
        if (how is None) == (up is None) or (how is not None and self.down is not None):
            raise Misfit(
                "convert-how",
                "convert takes the name of a conversion, or functions, and never both",
                remedy=f'convert("{self.path}", "cents -> decimal") or convert("{self.path}", up=..., down=...)',
                path=self.path,
            )


def _by_name(how: str, shape: Shape, target: Shape | None, avro: bool) -> Change:
    conversion = named(how)
    if target is None:
        raise not_in_target("of this name")
    source_inner, target_inner = _pick(shape, conversion.source), _pick(target, conversion.target)
    _hold(conversion.source, source_inner, shape, "at this point of the hop")
    _hold(conversion.target, target_inner, target, "in the new version")
    there = conversion.there(Ends(source_inner, target_inner, avro))
    back = None if conversion.back is None else conversion.back(Ends(target_inner, source_inner, avro))
    return Change(
        shape=put_branch(shape, target_inner),
        up=keep_null(_turn(there)),
        down=None if back is None else keep_null(_turn(back)),
        lossy_up=there.lossy,
        lossy_down=back is not None and back.lossy,
        partial_up=there.partial,
        partial_down=back is not None and back.partial,
    )


def _pick(shape: Shape, form: Form) -> Shape:
    """The one type beside null that a named conversion works on."""
    bare = without_null(shape)
    if isinstance(bare, Union):
        raise Misfit(
            "wrong-type",
            f"this is {article(kind_of(bare))}, and {form.name} is one of: {form.wanted}",
            remedy="convert a union with functions: up=..., down=...",
        )
    return bare


def _hold(form: Form, inner: Shape, shape: Shape, when: str) -> None:
    if not form.holds(inner):
        raise Misfit(
            "wrong-type",
            f"{form.name} is held by {article(form.wanted)}, and this is {article(kind_of(shape))} {when}",
            remedy="name a conversion between the two types, or give functions: up=..., down=...",
        )


def _turn(made: Made) -> Turn:
    turn = made.turn

    def run(value: Any) -> Any:
        try:
            return turn(value)
        except Unfit as unfit:
            raise HopFailed(CONVERSION_FAILED, str(unfit)) from None

    return run


def _by_function(
    up: Callable[[Any], Any], down: Callable[[Any], Any] | None, shape: Shape, target: Shape | None
) -> Change:
    if target is None:
        raise not_in_target("of this name")
    there = _called(up)
    back = None if down is None else _called(down)
    if is_nullable(shape) and is_nullable(target):
        there, back = keep_null(there), None if back is None else keep_null(back)
    return Change(target, there, back)


def _called(function: Callable[[Any], Any]) -> Turn:
    """The function is given a copy and its result is copied: neither shares parts with anything it holds."""

    def run(value: Any) -> Any:
        if isinstance(value, dict | list | tuple):
            value = copy_of(value)
        made = call(function, value)
        return copy_of(made) if isinstance(made, dict | list | tuple) else made

    return run
