"""``inside("items[]", [...])``: changes of a record inside the record, written with its own paths."""

from dataclasses import dataclass

from instar.core.formats.shape import Object, Shape
from instar.core.upcasting.operation import Misfit, Operation, Step
from instar.core.upcasting.paths import parse
from instar.core.upcasting.records import at_records, sequence


@dataclass(frozen=True, slots=True)
class Inside:
    """Apply changes to the record at a path, to each element (``items[]``) or to each map value (``attrs{}``).

    Null and absent stay as they are. In a union the changes apply to the branches that they fit; to choose one, use
    ``when``. The hop is one-way if one of the changes is.
    """

    path: str
    changes: tuple[Operation, ...]

    @property
    def summary(self) -> str:
        return f"inside {self.path}: {summaries(self.changes)}"

    def bind(self, current: Shape, target: Shape) -> Step:
        need_operations("inside", self.changes, self.path)

        def bind_record(record: Object, aim: Shape | None) -> Step:
            return sequence(self.changes, record, aim)

        return at_records(current, target, parse(self.path), bind_record, deep=False)


def summaries(changes: tuple[Operation, ...]) -> str:
    return "; ".join(str(getattr(change, "summary", change)) for change in changes) or "nothing"


def need_operations(name: str, changes: tuple[Operation, ...], path: str) -> None:
    """Raises ``Misfit`` for what is no operation among the changes."""
    for index, change in enumerate(changes):
        if isinstance(change, type) or not callable(getattr(change, "bind", None)):
            raise Misfit(
                "hop-wrong-type",
                f"element {index} of {name}'s changes is a {type(change).__name__}, not an operation",
                remedy='call one of the functions of instar.changes there, for example rename("old", "new")',
                path=path,
            )
