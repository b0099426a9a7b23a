"""``split("name", ["first", "last"], up=f, down=g)``: one field becomes several."""

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
class Split:
    """Make several fields of one. ``up`` takes its value and returns a tuple, a value for each target in order;
    ``down`` takes those values and returns the one. Without ``down`` the hop is one-way.

    The targets' types come from the new version's schema; records on the way to them are made and removed as ``move``
    does. An absent field makes absent ones. Null makes nulls where all targets may be null, else ``up`` is given None.
    """

    source: str
    targets: tuple[str, ...]
    up: Callable[[Any], Any]
    down: Callable[..., Any] | None = None

    @property
    def summary(self) -> str:
        return f"split {self.source} -> {', '.join(self.targets)}"

    def bind(self, current: Shape, target: Shape) -> Step:
        need_functions("split", self.up, self.down, self.source)
        if not self.targets:
            raise Misfit(
                "no-targets",
                "split names no targets",
                remedy=f'split("{self.source}", ["first", "second"], up=..., down=...)',
                path=self.source,
            )
        shared, (source, *targets) = common_record([self.source, *self.targets])
        return at_records(current, target, shared, lambda record, aim: self._bind(record, aim, source, targets))

    def _bind(self, record: Object, aim: Shape | None, source: Path, targets: list[Path]) -> Step:
        shape, field, start = lift(record, aim, source)
        many: list[Place] = []
        for path in targets:
            made = target_field(aim, path, sure=field.required)
            shape, route = lay(shape, aim, path, made)
            many.append(Place(route, made))
        one = Place(start, field)
        return Step(
            shape,
            up=apart(one, many, self.up, laid=True),
            down=None if self.down is None else together(many, one, self.down, laid=True),
            lost_up=start.lost,
            lost_down=tuple(path for place in many for path in place.route.lost),
            partial_up=any(place.route.partial for place in many),
            partial_down=start.partial,
            moved=(tuple((start.path, place.route.path) for place in many),),
        )
