"""``compute("total", reads=["items"], up=total_of)``: a new field that follows from others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instar.core.formats.shape import MISSING, Object, Shape
from instar.core.record import Context
from instar.core.rejected import HOP_RETURNED_WRONG_TYPE
from instar.core.upcasting.operation import HopFailed, Misfit, Run, Step
from instar.core.upcasting.paths import WILDCARDS, Path, common_record, field_at, get, walk, write
from instar.core.upcasting.recombine import need_functions, target_field
from instar.core.upcasting.records import at_records, no_field
from instar.core.upcasting.routes import Route, lay, lift
from instar.core.upcasting.value import copy_of
from instar.core.upcasting.values import call


@dataclass(frozen=True, slots=True)
class Compute:
    """Make a field of the values of others, which stay. Its type comes from the new version's schema.

    ``up`` is given the value of each path in ``reads`` in order, as it is at this point of the hop; None for one that
    is absent; a list of all values for a path with wildcards (``items[].price``). It may return ``MISSING`` for a field
    that the new version lets be absent.

    Down drops the field, and its value is lost. With ``down``, the fields read are set on the way down to what it
    makes of the value: one value for one field, a tuple for several.
    """

    path: str
    reads: tuple[str, ...]
    up: Callable[..., Any]
    down: Callable[[Any], Any] | None = None

    @property
    def summary(self) -> str:
        return f"compute {self.path} from {', '.join(self.reads) or 'nothing'}"

    def bind(self, current: Shape, target: Shape) -> Step:
        need_functions("compute", self.up, self.down, self.path)
        shared, (goal, *reads) = common_record([self.path, *self.reads])
        return at_records(current, target, shared, lambda record, aim: self._bind(record, aim, goal, reads))

    def _bind(self, record: Object, aim: Shape | None, goal: Path, reads: list[Path]) -> Step:
        for path in reads:
            if field_at(record, path) is None:
                raise _unreadable(record, path)
        made = target_field(aim, goal, sure=True)
        shape, end = lay(record, aim, goal, made)
        ways = None if self.down is None else [_way_to(record, path) for path in reads]
        if ways is not None and any(part in WILDCARDS for path in reads for part in path):
            raise Misfit(
                "path-through-elements",
                "down sets the fields that are read, and one that is read has many elements",
                remedy="read the whole array or map, or leave down out",
                path=end.path,
            )
        down = _dropped(end) if self.down is None or ways is None else _set_back(end, ways, self.down)
        return Step(
            shape,
            up=_computed(end, reads, self.up, may_be_absent=not made.required),
            down=down,
            lost_down=(end.path,) if self.down is None else end.lost,
            partial_up=end.partial,
            partial_down=any(way.partial for way in ways or ()),
        )


def _unreadable(record: Object, path: Path) -> Misfit:
    """The misfit for a path that is read and not there, said of the first part that is not."""
    misfit = no_field(record, path[0])
    if path[0] in record.fields:
        message = f"there is no {write(path)} at this point of the hop"
        return Misfit(misfit.code, message, remedy="name a field that is there", path=write(path))
    return misfit


def _way_to(record: Object, path: Path) -> Route:
    return lift(record, record, path)[2]


def _computed(end: Route, reads: list[Path], function: Callable[..., Any], *, may_be_absent: bool) -> Run:
    readers = [_reader(path) for path in reads]

    def run(record: dict[str, Any], _context: Context) -> None:
        value = call(function, *[read(record) for read in readers], at=end.path)
        if value is MISSING and not may_be_absent:
            raise HopFailed(HOP_RETURNED_WRONG_TYPE, "it returned MISSING, and the field is required", end.path)
        end.put(record, copy_of(value))

    return run


def _reader(path: Path) -> Callable[[dict[str, Any]], Any]:
    """What the function is given: a copy, so that it cannot change the record."""
    if any(part in WILDCARDS for part in path):
        return lambda record: [copy_of(value) for value in walk(record, path)]

    def read(record: dict[str, Any]) -> Any:
        value = get(record, path)
        return None if value is MISSING else copy_of(value)

    return read


def _dropped(end: Route) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        end.take(record)

    return run


def _set_back(end: Route, ways: list[Route], function: Callable[[Any], Any]) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        value = end.take(record)
        if value is MISSING:
            return
        made = call(function, copy_of(value), at=end.path)
        values = (made,) if len(ways) == 1 else made
        if not isinstance(values, tuple | list) or len(values) != len(ways):
            message = f"down returned a {type(made).__name__}, not a tuple of {len(ways)}"
            raise HopFailed(HOP_RETURNED_WRONG_TYPE, message, end.path)
        for way, part in zip(ways, values, strict=True):
            way.put(record, copy_of(part))

    return run
