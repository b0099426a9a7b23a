"""``allow_absent("email")``: the new version lets a JSON field be absent that the old one required."""

from dataclasses import dataclass, field, replace
from typing import Any

from instar.core.formats.shape import MISSING, Object, Shape
from instar.core.record import Context
from instar.core.rejected import CONVERSION_FAILED
from instar.core.upcasting.membership import fits, is_avro
from instar.core.upcasting.operation import HopFailed, Misfit, Run, Step
from instar.core.upcasting.operations.drop import show
from instar.core.upcasting.paths import field_of
from instar.core.upcasting.records import at_records, no_field
from instar.core.upcasting.value import copy_of


@dataclass(frozen=True, slots=True)
class AllowAbsent:
    """Let a JSON field be absent. Up changes nothing.

    On the way down, ``absent=`` is put where there is nothing, so that it was absent is lost; without it, a record
    without the field is rejected (conversion-failed). Avro has no absent fields.
    """

    path: str
    absent: Any = field(default=MISSING, hash=False)

    @property
    def summary(self) -> str:
        tail = "" if self.absent is MISSING else f", down as {show(self.absent)}"
        return f"allow {self.path} to be absent{tail}"

    def bind(self, current: Shape, target: Shape) -> Step:
        parents, name = field_of(self.path)

        def bind_record(record: Object, _aim: Shape | None) -> Step:
            was = record.fields.get(name)
            if was is None:
                raise no_field(record, name)
            if is_avro(record):
                raise Misfit(
                    "avro-has-no-absent",
                    "a field of an Avro record is never absent",
                    remedy=f'allow_null("{self.path}", null=...)',
                    path=name,
                )
            if not was.required:
                raise Misfit(
                    "already-optional",
                    f"{name} may be absent already at this point of the hop",
                    remedy="delete the line",
                    path=name,
                )
            given = self.absent is not MISSING
            if given and not fits(was.shape, avro=False)(self.absent):
                raise Misfit(
                    "wrong-value",
                    f"{show(self.absent)} is not a value of {name} in the old version",
                    remedy=f'give a value of its type: allow_absent("{self.path}", absent=...)',
                    path=name,
                )
            return Step(
                replace(record, fields={**record.fields, name: replace(was, required=False)}),
                up=_same,
                down=_filled(name, self.absent) if given else _refused(name),
                lost_down=(name,) if given else (),
                partial_down=not given,
            )

        return at_records(current, target, parents, bind_record)


def _same(_record: dict[str, Any], _context: Context) -> None:
    """Whatever is there stays."""


def _filled(name: str, value: Any) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        if name not in record:
            record[name] = copy_of(value)

    return run


def _refused(name: str) -> Run:
    def run(record: dict[str, Any], _context: Context) -> None:
        if name not in record:
            raise HopFailed(CONVERSION_FAILED, f"{name} is absent, and the old version requires it", name)

    return run
