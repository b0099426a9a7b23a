"""``wrap("email", "emails")``: one value becomes an array of one."""

from dataclasses import dataclass, replace

from instar.core.formats.shape import MISSING, Array, Constraints, Object, Shape, without_null
from instar.core.upcasting.arrays import REFUSE, check_same_record, nothing_for, swapped, to_array, to_first
from instar.core.upcasting.operation import Step
from instar.core.upcasting.paths import field_of
from instar.core.upcasting.records import at_records, no_field
from instar.core.upcasting.routes import taken


@dataclass(frozen=True, slots=True)
class Wrap:
    """Make an array of one value, in the same record. Null becomes an empty array, absent stays absent.

    Down takes the first element; the others are lost. An empty array becomes null where the old version allows it, is
    left out where the field may be absent, else the record is rejected (conversion-failed).
    """

    one: str
    many: str

    @property
    def summary(self) -> str:
        return f"wrap {self.one} into the array {self.many}"

    def bind(self, current: Shape, target: Shape) -> Step:
        parents, one = field_of(self.one)
        many_parents, many = field_of(self.many)
        check_same_record("wrap", self.one, self.many, parents, many_parents)

        def bind_record(record: Object, aim: Shape | None) -> Step:
            was = record.fields.get(one)
            if was is None:
                raise no_field(record, one)
            if many != one and many in record.fields:
                raise taken(many)
            aimed = aim.fields.get(many) if isinstance(aim, Object) else None
            constraints: Constraints = ()
            if aimed is not None and isinstance(array := without_null(aimed.shape), Array):
                constraints = array.constraints
            made = replace(was, shape=Array(without_null(was.shape), constraints), default=MISSING)
            empty = nothing_for(was)
            return Step(
                swapped(record, one, many, made),
                up=to_array(one, many),
                down=to_first(many, one, empty),
                lost_down=(many,),
                partial_down=empty is REFUSE,
                moved=(((one, many),),),
            )

        return at_records(current, target, parents, bind_record)
