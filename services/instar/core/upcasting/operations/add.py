"""``add("channel")``: a field of the new version that the old one does not have."""

from dataclasses import dataclass, field, replace
from typing import Any

from instar.core.formats.shape import MISSING, Field, Object, Shape
from instar.core.record import Context
from instar.core.upcasting.defaults import default_value
from instar.core.upcasting.membership import fits, is_avro
from instar.core.upcasting.operation import Misfit, Note, Run, Step
from instar.core.upcasting.operations.drop import show
from instar.core.upcasting.paths import field_of
from instar.core.upcasting.records import at_records
from instar.core.upcasting.routes import not_in_target, taken
from instar.core.upcasting.value import copy_of


@dataclass(frozen=True, slots=True)
class Add:
    """Put a field where there was none: ``value``, or the default that the new version's schema gives it.

    An optional JSON field without a default is not invented: nothing is added, and a note says so. On a JSON field
    that the old version may leave out, ``add`` fills the gaps: whatever is there stays, and that it was absent is lost.

    Down drops the field, so its value is lost on the way down.
    """

    path: str
    value: Any = field(default=MISSING, hash=False)

    @property
    def summary(self) -> str:
        return f"add {self.path}" if self.value is MISSING else f"add {self.path} = {show(self.value)}"

    def bind(self, current: Shape, target: Shape) -> Step:
        parents, name = field_of(self.path)

        def bind_record(record: Object, aim: Shape | None) -> Step:
            present = record.fields.get(name)
            aimed = aim.fields.get(name) if isinstance(aim, Object) else None
            if present is not None and present.required:
                raise taken(name)
            if aimed is None:
                raise not_in_target(name)
            value = self._value(aimed, name, is_avro(record))
            if present is not None:
                return _fill(record, name, present, value, self.path)
            notes: tuple[Note, ...] = ()
            if value is MISSING:
                notes = (Note("adds-nothing", "optional and without a default, so nothing is added", name),)
            return Step(
                replace(record, fields={**record.fields, name: aimed}),
                up=_untouched if value is MISSING else _with(name, value),
                down=_without(name),
                lost_down=(name,),
                notes=notes,
            )

        return at_records(current, target, parents, bind_record)

    def _value(self, aimed: Field, name: str, avro: bool) -> Any:
        """The value to add, MISSING where nothing is. It is checked here, once, and not for each record."""
        value = self.value
        if value is MISSING and aimed.default is not MISSING:
            value = default_value(aimed.shape, aimed.default, avro=avro)
        if value is MISSING and aimed.required:
            raise Misfit(
                "no-default",
                f"{name} is required in the new version and its schema gives no default",
                remedy=f'give the value: add("{self.path}", value=...), or a default in the schema',
                path=name,
            )
        if value is not MISSING and not fits(aimed.shape, avro=avro)(value):
            raise Misfit(
                "wrong-value",
                f"{show(value)} is not a value of {name} in the new version",
                remedy=f'give a value of its type: add("{self.path}", value=...)',
                path=name,
            )
        return value


def _fill(record: Object, name: str, present: Field, value: Any, path: str) -> Step:
    if value is MISSING:
        raise Misfit(
            "nothing-to-add",
            f"{name} is there already and optional, and there is no default to fill it with",
            remedy=f'give the value: add("{path}", value=...), or delete this line',
            path=name,
        )
    filled = replace(record, fields={**record.fields, name: replace(present, required=True)})
    return Step(filled, up=_with(name, value), down=_untouched, lost_up=(name,))


def _untouched(_record: dict[str, Any], _context: Context) -> None:
    """Nothing is added."""


def _with(name: str, value: Any) -> Run:
    """What an open JSON object holds under the name already is kept: it is data, and the default is none."""
    parts = isinstance(value, dict | list | tuple)

    def run(record: dict[str, Any], _context: Context) -> None:
        if name not in record:
            record[name] = copy_of(value) if parts else value

    return run


def _without(name: str) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        record.pop(name, None)

    return run
