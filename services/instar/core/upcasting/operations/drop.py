"""``drop("coupon", restore=None)``: a field of the old version that the new one does not have."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from instar.core.formats.shape import MISSING, Object, Shape
from instar.core.record import Context
from instar.core.rejected import HOP_RETURNED_WRONG_TYPE
from instar.core.upcasting.membership import fits, is_avro
from instar.core.upcasting.operation import HopFailed, Misfit, Run, Step
from instar.core.upcasting.paths import field_of
from instar.core.upcasting.records import at_records, no_field
from instar.core.upcasting.value import copy_of
from instar.core.upcasting.values import call


class NoWayBack:
    """The one value that means: there is nothing to restore with, so the hop is one-way."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ONE_WAY"


ONE_WAY: Final = NoWayBack()


@dataclass(frozen=True, slots=True)
class Drop:
    """Leave a field out. ``restore`` is what the way down puts back; without it the hop is one-way.

    ``restore`` is a value (None is null), ``MISSING`` to leave an optional JSON field absent, or a function of the
    record that the field belongs to, as it is on the way down at this point. The value is lost on the way up.
    """

    path: str
    restore: Any = field(default=ONE_WAY, hash=False)

    @property
    def summary(self) -> str:
        if self.restore is ONE_WAY:
            return f"drop {self.path} (one-way)"
        return f"drop {self.path}, restored as {show(self.restore)}"

    def bind(self, current: Shape, target: Shape) -> Step:
        parents, name = field_of(self.path)

        def bind_record(record: Object, _aim: Shape | None) -> Step:
            was = record.fields.get(name)
            if was is None:
                raise no_field(record, name)
            fields = {each: kept for each, kept in record.fields.items() if each != name}
            return Step(
                replace(record, fields=fields),
                up=_without(name),
                down=self._restorer(record, name),
                lost_up=(name,),
            )

        return at_records(current, target, parents, bind_record)

    def _restorer(self, record: Object, name: str) -> Run | None:
        restore, was = self.restore, record.fields[name]
        if restore is ONE_WAY:
            return None
        test = fits(was.shape, avro=is_avro(record))
        if callable(restore):
            return _computed(name, restore, test, may_be_absent=not was.required)
        if restore is MISSING and not was.required:
            return lambda _record, _context: None
        if restore is MISSING or not test(restore):
            remedy = f'give a value of its type: drop("{self.path}", restore=...)'
            if restore is None and not was.required:
                remedy = f'the field may be absent: drop("{self.path}", restore=MISSING)'
            raise Misfit(
                "wrong-value", f"{show(restore)} is not a value of {name} in the old version", remedy=remedy, path=name
            )
        return _constant(name, restore)


def show(value: Any) -> str:
    """A value as a summary shows it, on one line and short. JSON's words for null, true and false."""
    if callable(value):
        return f"{getattr(value, '__name__', 'a function')}()"
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    text = "absent" if value is MISSING else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _without(name: str) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        record.pop(name, None)

    return run


def _constant(name: str, value: Any) -> Run:
    parts = isinstance(value, dict | list | tuple)

    def run(record: dict[str, Any], _context: Context) -> None:
        record[name] = copy_of(value) if parts else value

    return run


def _computed(name: str, function: Callable[..., Any], test: Callable[[Any], bool], *, may_be_absent: bool) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        value = call(function, copy_of(record), at=name)
        if value is MISSING and may_be_absent:
            return
        if not test(value):
            message = f"restore returned a {type(value).__name__}, which is not a value of {name} in the old version"
            raise HopFailed(HOP_RETURNED_WRONG_TYPE, message, name)
        record[name] = copy_of(value)

    return run
