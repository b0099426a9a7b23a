"""``merge(["first", "last"], "name", up=f, down=g)``: several fields become one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from instar.core.formats.shape import Object, Shape
from instar.core.upcasting.operation import Misfit, Step
from instar.core.upcasting.paths import Path, common_record
from instar.core.upcasting.recombine import Place, apart, need_functions, target_field, together
from instar.core.upcasting.records import at_records
from instar.core.upcasting.routes import lay, lift


@dataclass(frozen=True, slots=True)
class Merge:
    """Make one field of several. ``up`` takes their values in order and returns the one; ``down`` takes it and returns
    a tuple, a value for each. Without ``down`` the hop is one-way.

    The target's type comes from the new version's schema. An absent value is given as None; when all are absent, and
    the target may be, it is absent too. When all are null, and the target may be null, it is null.
    """

    sources: tuple[str, ...]
    target: str
    up: Callable[..., Any]
    down: Callable[[Any], Any] | None = None

    @property
    def summary(self) -> str:
        return f"merge {', '.join(self.sources)} -> {self.target}"

    def bind(self, current: Shape, target: Shape) -> Step:
        need_functions("merge", self.up, self.down, self.target)
        if not self.sources:
            raise Misfit(
                "no-sources",
                "merge names no sources",
                remedy=f'merge(["first", "second"], "{self.target}", up=..., down=...)',
                path=self.target,
            )
        shared, (goal, *sources) = common_record([self.target, *self.sources])
        return at_records(current, target, shared, lambda record, aim: self._bind(record, aim, sources, goal))

    def _bind(self, record: Object, aim: Shape | None, sources: list[Path], goal: Path) -> Step:
        shape = record
        many: list[Place] = []
        for path in sources:
            shape, field, start = lift(shape, aim, path)
            many.append(Place(start, field))
        may_be_absent = all(place.optional for place in many)
        made = target_field(aim, goal, sure=not may_be_absent)
        shape, end = lay(shape, aim, goal, made)
        one = Place(end, made)
        return Step(
            shape,
            up=together(many, one, self.up, laid=False),
            down=None if self.down is None else apart(one, many, self.down, laid=False),
            lost_up=tuple(path for place in many for path in place.route.lost),
            lost_down=end.lost,
            partial_up=end.partial,
            partial_down=any(place.route.partial for place in many),
            moved=(tuple((place.route.path, end.path) for place in many),),
        )
