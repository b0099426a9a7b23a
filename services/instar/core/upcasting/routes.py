"""The way from a record to a field inside it, through records that may have to be made or that are left empty.

``lift`` takes a field out of a shape, ``lay`` puts one in; each gives the route by which values follow. A record that
exists only for the sake of fields that were moved into it is made with the first of them and removed with the last.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from instar.core.formats.shape import MISSING, Field, Object, Shape, is_nullable, without_null
from instar.core.rejected import CONVERSION_FAILED
from instar.core.upcasting.operation import HopFailed, Misfit
from instar.core.upcasting.paths import WILDCARDS, Path, join, write
from instar.core.upcasting.records import article, kind_of, no_field
from instar.core.upcasting.values import put_branch


class Otherwise(Enum):
    """What stands in place of a record on the way when no value has come or remains."""

    RECORD = "an empty record"
    NULL = "null"
    ABSENT = "nothing"
    AS_IS = "what was there: the record is not the route's to make or remove"


@dataclass(frozen=True, slots=True)
class Route:
    """A field inside a record: the records on the way, and the field's name."""

    way: tuple[tuple[str, Otherwise], ...]
    name: str
    lost: tuple[str, ...] = ()  # records on the way that may come back other than they were
    partial: bool = False  # may a value find no place?

    @property
    def path(self) -> str:
        return write((*(name for name, _ in self.way), self.name))

    def put(self, record: dict[str, Any], value: Any) -> None:
        """Set the field; of MISSING only the records that stand there anyway. HopFailed when there is no place."""
        here = record
        for name, otherwise in self.way:
            inner = here.get(name, MISSING)
            if inner is MISSING or (inner is None and otherwise is Otherwise.NULL):
                if value is MISSING and otherwise is not Otherwise.RECORD:
                    if otherwise is Otherwise.NULL:
                        here[name] = None
                    return
                if otherwise is Otherwise.AS_IS:
                    raise self._no_place(name, "absent")
                here[name] = inner = {}
            elif inner is None:
                if value is MISSING:
                    return
                raise self._no_place(name, "null")
            here = inner[1] if isinstance(inner, tuple) else inner
        if value is not MISSING:
            here[self.name] = value

    def take(self, record: dict[str, Any]) -> Any:
        """Remove the field and return its value, MISSING when it is not there; then the records left empty."""
        here = record
        passed: list[tuple[dict[str, Any], str, Otherwise]] = []
        value: Any = MISSING
        for name, otherwise in self.way:
            passed.append((here, name, otherwise))
            inner = here.get(name)
            if inner is None:
                break
            here = inner[1] if isinstance(inner, tuple) else inner
        else:
            value = here.pop(self.name, MISSING)
        for holder, name, otherwise in reversed(passed):
            if otherwise is Otherwise.AS_IS:
                break
            if holder.get(name) is None or holder[name] == {}:
                holder.pop(name, None)
        return value

    def _no_place(self, name: str, what: str) -> HopFailed:
        return HopFailed(CONVERSION_FAILED, f"{name} is {what}, so there is no place for {self.name}", self.path)


def lift(record: Object, aim: Shape | None, path: Path) -> tuple[Object, Field, Route]:
    """Take a field out of a record's shape: the shape without it, the field, the route to it.

    The field is required only if it is always there. A record that is left without fields and that the new version
    does not have goes too.
    """
    name, rest = path[0], path[1:]
    present = record.fields.get(name)
    if present is None:
        raise no_field(record, name)
    if not rest:
        fields = {each: field for each, field in record.fields.items() if each != name}
        return replace(record, fields=fields), present, Route((), name)
    bare = _record_on_the_way(name, present.shape, rest)
    aimed = aim.fields.get(name) if isinstance(aim, Object) else None
    try:
        emptied, field, route = lift(bare, None if aimed is None else without_null(aimed.shape), rest)
    except Misfit as misfit:
        misfit.path = join(name, misfit.path)
        raise
    nullable = is_nullable(present.shape)
    field = replace(field, required=field.required and present.required and not nullable)
    if emptied.fields or aimed is not None:
        fields = {**record.fields, name: replace(present, shape=put_branch(present.shape, emptied))}
        return replace(record, fields=fields), field, _standing(present, bare, rest, name, route)
    fields = {each: kept for each, kept in record.fields.items() if each != name}
    otherwise = Otherwise.NULL if nullable else Otherwise.RECORD
    if not present.required:
        otherwise = Otherwise.ABSENT
    lost = tuple(join(name, inner) for inner in route.lost)
    if not present.required or (nullable and not field.required):
        lost = (name,)  # null, absent and empty come back as one of them
    way = ((name, otherwise), *route.way)
    return replace(record, fields=fields), field, Route(way, route.name, lost, route.partial)


def lay(record: Object, aim: Shape | None, path: Path, field: Field) -> tuple[Object, Route]:
    """Put a field into a record's shape: the shape with it, the route to it.

    Records on the way that are not there get their type from ``aim``, the new version's shape of the record. Where
    the field may be absent, so may they, if the new version says so.
    """
    name, rest = path[0], path[1:]
    present = record.fields.get(name)
    if not rest:
        if present is not None:
            raise taken(name)
        return replace(record, fields={**record.fields, name: field}), Route((), name)
    aimed = aim.fields.get(name) if isinstance(aim, Object) else None
    inner_aim = None if aimed is None else without_null(aimed.shape)
    try:
        if present is not None:
            bare = _record_on_the_way(name, present.shape, rest)
            inner, route = lay(bare, inner_aim, rest, field)
            fields = {**record.fields, name: replace(present, shape=put_branch(present.shape, inner))}
            return replace(record, fields=fields), _standing(present, bare, rest, name, route)
        if aimed is None or not isinstance(inner_aim, Object):
            raise not_in_target(name)
        inner, route = lay(replace(inner_aim, fields={}), inner_aim, rest, field)
    except Misfit as misfit:
        misfit.path = join(name, misfit.path) if misfit.path != name or present is not None else name
        raise
    otherwise, shape = Otherwise.RECORD, inner
    made = Field(shape)
    if not field.required and not aimed.required:
        otherwise, made = Otherwise.ABSENT, Field(inner, required=False)
    elif not field.required and is_nullable(aimed.shape):
        otherwise, made = Otherwise.NULL, Field(put_branch(aimed.shape, inner))
    lost = (name,) if otherwise is not Otherwise.RECORD else tuple(join(name, each) for each in route.lost)
    way = ((name, otherwise), *route.way)
    return replace(record, fields={**record.fields, name: made}), Route(way, route.name, lost, route.partial)


def _standing(present: Field, bare: Object, rest: Path, name: str, route: Route) -> Route:
    """The route on through a record that stands there by itself.

    An optional JSON record is made for a value only if nothing else is required in it; if it comes back empty it is
    removed, so that it was there and empty is lost.
    """
    others = (field for each, field in bare.fields.items() if each != rest[0])
    lost = tuple(join(name, each) for each in route.lost)
    if not present.required and not is_nullable(present.shape) and not any(field.required for field in others):
        return Route(((name, Otherwise.ABSENT), *route.way), route.name, lost, route.partial)
    partial = route.partial or not present.required or is_nullable(present.shape)
    return Route(((name, Otherwise.AS_IS), *route.way), route.name, lost, partial)


def _record_on_the_way(name: str, shape: Shape, rest: Path) -> Object:
    bare = without_null(shape)
    if rest[0] in WILDCARDS:
        raise Misfit(
            "path-through-elements",
            f"{name} has many elements, and this operation needs one place for one value",
            remedy=f'work in each element: inside("{name}{rest[0]}", [...])',
            path=name,
        )
    if not isinstance(bare, Object):
        raise Misfit(
            "not-a-record",
            f"{name} is {article(kind_of(bare))}, and one record is needed on the way to {rest[-1]}",
            remedy="choose another place, or convert it with functions",
            path=name,
        )
    return bare


def taken(name: str) -> Misfit:
    """The misfit of an operation that would make a field which is there already."""
    return Misfit(
        "field-exists",
        f"the record has a field {name} already at this point of the hop",
        remedy=f"drop or rename {name} first, or choose another name",
        path=name,
    )


def not_in_target(name: str) -> Misfit:
    """The misfit of an operation that takes a type from the new version's schema, which does not have it."""
    return Misfit(
        "not-in-new-version",
        f"the new version's schema has no field {name} here, so its type is not known",
        remedy="add it to the schema, or use the name that it has there (rename first)",
        path=name,
    )
