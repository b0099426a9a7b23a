"""``move("street", "address.street")``: the value stays as it is and goes to another record inside the same one."""

from dataclasses import dataclass
from typing import Any

from instar.core.formats.shape import Object, Shape
from instar.core.record import Context
from instar.core.upcasting.operation import Misfit, Run, Step
from instar.core.upcasting.paths import Path, common_record
from instar.core.upcasting.records import at_records
from instar.core.upcasting.routes import Route, lay, lift


@dataclass(frozen=True, slots=True)
class Move:
    """Take a field to another place: into a record, out of one, or from one to another.

    Records on the way that are not there yet are made, with the type that the new version's schema gives them, and
    removed on the way down; a record that is left without fields, and that the new version does not have, is removed
    and made again on the way down. Both places are inside the same element of an array or map. Where a record on the
    way to the old place is absent or null there is nothing to move; where one on the way to the new place is, the
    record is rejected (conversion-failed), because the value would be lost.
    """

    source: str
    target: str

    @property
    def summary(self) -> str:
        return f"move {self.source} -> {self.target}"

    def bind(self, current: Shape, target: Shape) -> Step:
        shared, (source, goal) = common_record([self.source, self.target])
        if goal[: len(source)] == source:
            raise Misfit(
                "move-into-itself",
                f"{self.target} is inside {self.source}, which is what moves",
                remedy="rename it first, so that the record around it can be made",
                path=self.source,
            )
        return at_records(current, target, shared, lambda record, aim: _bind(record, aim, source, goal))


def _bind(record: Object, aim: Shape | None, source: Path, goal: Path) -> Step:
    emptied, field, start = lift(record, aim, source)
    shape, end = lay(emptied, aim, goal, field)
    return Step(
        shape,
        up=_carry(start, end),
        down=_carry(end, start),
        lost_up=start.lost,
        lost_down=end.lost,
        partial_up=end.partial,
        partial_down=start.partial,
        moved=(((start.path, end.path),),),
    )


def _carry(start: Route, end: Route) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        end.put(record, start.take(record))

    return run
