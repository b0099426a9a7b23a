"""``rename("qty", "quantity")``: the value stays as it is, and so does the field's place among its neighbours."""

from dataclasses import dataclass, replace
from typing import Any

from instar.core.formats.shape import Object, Shape
from instar.core.record import Context
from instar.core.upcasting.operation import Misfit, Run, Step
from instar.core.upcasting.paths import field_of
from instar.core.upcasting.records import at_records, no_field
from instar.core.upcasting.routes import taken


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a field another name in the same record.

    ``new`` is a bare name, or a path with the same parent as ``old``. An absent field stays absent, null stays null.
    Nothing is lost either way.
    """

    old: str
    new: str

    @property
    def summary(self) -> str:
        return f"rename {self.old} -> {self.new}"

    def bind(self, current: Shape, target: Shape) -> Step:
        parents, old = field_of(self.old)
        new_parents, new = field_of(self.new)
        if new_parents and new_parents != parents:
            raise Misfit(
                "rename-elsewhere",
                f"rename keeps a field in its record, and {self.new} is in another one",
                remedy=f'move("{self.old}", "{self.new}")',
                path=self.old,
            )

        def bind_record(record: Object, _aim: Shape | None) -> Step:
            field = record.fields.get(old)
            if field is None:
                raise no_field(record, old)
            if new in record.fields:
                raise taken(new)
            fields = {new if name == old else name: each for name, each in record.fields.items()}
            moved = (((old, new),),)
            return Step(replace(record, fields=fields), up=_renamed(old, new), down=_renamed(new, old), moved=moved)

        return at_records(current, target, parents, bind_record)


def _renamed(old: str, new: str) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        if old in record:
            entries = list(record.items())
            record.clear()
            for name, value in entries:
                if name == old:
                    record[new] = value
                elif name != new:  # an open JSON object may hold an unnamed field there; the named one wins
                    record[name] = value

    return run
