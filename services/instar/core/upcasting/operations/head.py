"""``head("emails", "email")``: an array becomes its first element."""

from dataclasses import dataclass, replace

from instar.core.formats.shape import MISSING, Object, Shape
from instar.core.upcasting.arrays import (
    REFUSE,
    array_of,
    check_same_record,
    first_of,
    nothing_for,
    swapped,
    to_array,
    to_first,
)
from instar.core.upcasting.operation import Step
from instar.core.upcasting.paths import field_of
from instar.core.upcasting.records import at_records, no_field
from instar.core.upcasting.routes import not_in_target, taken


@dataclass(frozen=True, slots=True)
class Head:
    """Keep the first element of an array, in the same record; the others are lost.

    An empty array becomes null where the new version allows it, is left out where the field may be absent, else the
    record is rejected (conversion-failed). Down makes an array of one, of null an empty one.
    """

    many: str
    one: str

    @property
    def summary(self) -> str:
        return f"head of the array {self.many} -> {self.one}"

    def bind(self, current: Shape, target: Shape) -> Step:
        parents, many = field_of(self.many)
        one_parents, one = field_of(self.one)
        check_same_record("head", self.many, self.one, parents, one_parents)

        def bind_record(record: Object, aim: Shape | None) -> Step:
            was = record.fields.get(many)
            if was is None:
                raise no_field(record, many)
            if many != one and one in record.fields:
                raise taken(one)
            aimed = aim.fields.get(one) if isinstance(aim, Object) else None
            if aimed is None:
                raise not_in_target(one)
            array = array_of(was, many)
            empty = nothing_for(aimed)
            made = replace(
                was,
                shape=first_of(array, aimed),
                required=was.required and empty is not MISSING,
                default=MISSING,
            )
            return Step(
                swapped(record, many, one, made),
                up=to_first(many, one, empty),
                down=to_array(one, many),
                lost_up=(many,),
                partial_up=empty is REFUSE,
                moved=(((many, one),),),
            )

        return at_records(current, target, parents, bind_record)
