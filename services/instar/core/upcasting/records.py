"""Reaching the records inside a record: an operation on ``items[].price`` is one on the field ``price`` of each item.

``at_records`` binds an operation to every record at a path and gives back what it means for the whole record: the
shape with the changed part in place, and functions that walk there. Null and absent on the way are left as they are.
In a union the operation is bound to each branch that it fits; at run time the value says which branch it is: Avro by
the name in the pair, JSON by being of the branch's shape.

A recursive record (one that holds records of its own kind) is changed at every depth.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Final

from instar.core.formats.shape import Array, Map, Object, Opaque, Ref, Shape, Union, is_null, without_null
from instar.core.record import Context
from instar.core.upcasting.losses import named_for
from instar.core.upcasting.membership import Test, fits, is_avro, name_of
from instar.core.upcasting.operation import HopFailed, Misfit, Moves, Operation, Run, Step
from instar.core.upcasting.paths import EACH_ELEMENT, EACH_VALUE, Path, join

BindRecord = Callable[[Object, Shape | None], Step]

NO_FIELD: Final = "no-such-field"
NEVER_TRUE: Final = "never-true"
# A union's branch that an operation misses for one of these reasons is simply not meant by it.
_NOT_MEANT: Final = frozenset((NO_FIELD, NEVER_TRUE, "not-a-record"))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the shape a walk is: what encloses it, for references, and whether the schema language is Avro."""

    avro: bool
    enclosing: Mapping[str, Object]
    branch: str | None  # of a union at the path's end, only this branch
    deep: bool


def at_records(
    current: Shape,
    target: Shape | None,
    path: Path,
    bind: BindRecord,
    *,
    branch: str | None = None,
    deep: bool = True,
) -> Step:
    """Bind an operation to every record at a path. Raises ``Misfit`` with the path at which it does not fit.

    ``target`` is the new version's shape at the same place, None where it has nothing there. ``branch`` is the full
    name of the one union branch to change at the path's end. ``deep`` is False for what is made of operations that
    reach every depth of a recursive record by themselves.
    """
    return _reach(current, target, path, bind, _Place(is_avro(current), {}, branch, deep))


def sequence(changes: Sequence[Operation], current: Shape, target: Shape | None) -> Step:
    """Several operations as one, each bound to the shape that the one before leaves."""
    steps: list[Step] = []
    for change in changes:
        steps.append(change.bind(steps[-1].shape if steps else current, target if target is not None else Object()))
    ups = tuple(step.up for step in steps)
    downs = tuple(step.down for step in reversed(steps) if step.down is not None)
    named = named_for(steps, current, None)
    return Step(
        shape=steps[-1].shape if steps else current,
        up=_all(ups),
        down=_all(downs) if len(downs) == len(steps) else None,
        lost_up=tuple(dict.fromkeys(path for step in named for path in step.lost_up)),
        lost_down=tuple(dict.fromkeys(path for step in named for path in step.lost_down)),
        partial_up=any(step.partial_up for step in steps),
        partial_down=any(step.partial_down for step in steps),
        notes=tuple(note for step in steps for note in step.notes),
        moved=tuple(moves for step in steps for moves in step.moved),
    )


def _all(runs: tuple[Run, ...]) -> Run:
    def run(record: dict[str, Any], context: Context) -> None:
        for each in runs:
            each(record, context)

    return run


def no_field(record: Object, name: str) -> Misfit:
    """The misfit of an operation that names a field which the record does not have."""
    close = get_close_matches(name, record.fields, n=1)
    known = ", ".join(record.fields) or "none"
    remedy = f"did you mean {close[0]}?" if close else f"name one of its fields: {known}"
    what = f"the record {record.name}" if record.name else "the record"
    return Misfit(NO_FIELD, f"{what} has no field {name} at this point of the hop", remedy=remedy, path=name)


def _reach(shape: Shape, target: Shape | None, path: Path, bind: BindRecord, place: _Place) -> Step:
    match shape:
        case Union():
            return _through_union(shape, target, path, bind, place)
        case Object() if not path:
            step = bind(shape, None if target is None else counterpart(shape, without_null(target)))
            return _at_every_depth(shape, step) if place.deep else step
        case Object():
            return _through_field(shape, target, path, bind, place)
        case Array() | Map() if path:
            return _through_each(shape, target, path, bind, place)
        case Ref(name=name):
            raise Misfit(
                "path-through-recursion",
                f"here the record {name} holds a record of its own kind",
                remedy="leave this part of the path out: a change of a recursive record reaches every depth",
            )
        case Opaque():
            raise Misfit(
                "path-into-unknown",
                "the schema does not say in a readable way what is inside here",
                remedy="write the hop as functions: def upcast(record, context) and def downcast(record, context)",
            )
    raise Misfit("not-a-record", f"this is {article(kind_of(shape))}, and a record is needed", remedy=_hint(shape))


def _hint(shape: Shape) -> str:
    if isinstance(shape, Array):
        return "write [] behind the name for each element: items[].x"
    if isinstance(shape, Map):
        return "write {} behind the name for each value: attrs{}.x"
    return "shorten the path: a value without parts has no fields"


def kind_of(shape: Shape) -> str:
    """What a shape is, in a word or two for messages."""
    match shape:
        case Object(name=name):
            return f"record {name}" if name else "record"
        case Array():
            return "array"
        case Map():
            return "map"
        case Union(branches=branches):
            return " or ".join(dict.fromkeys(kind_of(branch) for branch in branches))
        case Ref(name=name):
            return f"record {name}"
        case Opaque():
            return "value of no readable type"
        case _:
            return scalar_kind(shape)


def scalar_kind(shape: Shape) -> str:
    name = name_of(shape)
    kind = getattr(shape, "kind", "enum")
    return f"{kind} {name}" if name else getattr(shape, "logical", None) or kind


def article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def counterpart(shape: Shape, target: Shape | None) -> Shape | None:
    """The branch of the new version's shape that stands where this one does."""
    if not isinstance(target, Union):
        return target
    same_kind = [branch for branch in target.branches if type(branch) is type(shape)]
    named = [branch for branch in same_kind if name_of(branch) is not None and name_of(branch) == name_of(shape)]
    if named or len(same_kind) < 2 or not isinstance(shape, Object):
        return (named or same_kind or [None])[0]  # type: ignore[list-item]
    # JSON: the branch that agrees on most of what tells branches apart.
    return max(same_kind, key=lambda branch: _agreement(shape, branch))


def _agreement(shape: Object, branch: Shape) -> int:
    if not isinstance(branch, Object):
        return -1
    shared = [name for name in shape.fields if name in branch.fields]
    return len(shared) + sum(1000 for name in shared if shape.fields[name] == branch.fields[name])


def _through_field(shape: Object, target: Shape | None, path: Path, bind: BindRecord, place: _Place) -> Step:
    name = path[0]
    if name in (EACH_ELEMENT, EACH_VALUE):
        raise Misfit("not-a-record", f"this is a record, and {name} needs an array or map", remedy=f"leave {name} out")
    field = shape.fields.get(name)
    if field is None:
        raise no_field(shape, name)
    aim = counterpart(shape, without_null(target)) if target is not None else None
    inner_target = aim.fields.get(name) if isinstance(aim, Object) else None
    enclosing = {**place.enclosing, shape.name: shape} if shape.name else place.enclosing
    try:
        inner = _reach(
            field.shape,
            None if inner_target is None else inner_target.shape,
            path[1:],
            bind,
            replace(place, enclosing=enclosing),
        )
    except Misfit as misfit:
        misfit.path = join(name, misfit.path)
        raise
    changed = replace(shape, fields={**shape.fields, name: replace(field, shape=inner.shape)})
    return _at_every_depth(shape, _placed(inner, changed, name, _in_field(name)))


def _through_each(shape: Array | Map, target: Shape | None, path: Path, bind: BindRecord, place: _Place) -> Step:
    token = EACH_ELEMENT if isinstance(shape, Array) else EACH_VALUE
    if path[0] != token:
        raise Misfit(
            "not-a-record", f"this is {article(kind_of(shape))}, and {path[0]} is not in it", remedy=_hint(shape)
        )
    inner_shape = shape.items if isinstance(shape, Array) else shape.values
    aim = counterpart(shape, without_null(target)) if target is not None else None
    inner_target: Shape | None = None
    if isinstance(aim, Array | Map) and type(aim) is type(shape):
        inner_target = aim.items if isinstance(aim, Array) else aim.values
    try:
        inner = _reach(inner_shape, inner_target, path[1:], bind, place)
    except Misfit as misfit:
        misfit.path = join(token, misfit.path)
        raise
    if isinstance(shape, Array):
        return _placed(inner, replace(shape, items=inner.shape), token, _in_elements)
    return _placed(inner, replace(shape, values=inner.shape), token, _in_values)


def _placed(inner: Step, shape: Shape, token: str, wrap: Callable[[Run], Run]) -> Step:
    """A step inside a container as a step of the container."""
    return replace(
        inner,
        shape=shape,
        up=wrap(inner.up),
        down=None if inner.down is None else wrap(inner.down),
        lost_up=tuple(join(token, path) for path in inner.lost_up),
        lost_down=tuple(join(token, path) for path in inner.lost_down),
        notes=tuple(replace(note, path=join(token, note.path)) for note in inner.notes),
        moved=tuple(tuple((join(token, old), join(token, new)) for old, new in moves) for moves in inner.moved),
    )


def _in_field(name: str) -> Callable[[Run], Run]:
    def wrap(inner: Run) -> Run:
        def run(record: dict[str, Any], context: Context) -> None:
            part = record.get(name)
            if part is not None:
                try:
                    inner(part, context)
                except HopFailed as failed:
                    failed.path = join(name, failed.path)
                    raise

        return run

    return wrap


def _in_elements(inner: Run) -> Run:
    def run(values: Any, context: Context) -> None:
        index = 0
        try:
            for part in values:
                if part is not None:
                    inner(part, context)
                index += 1
        except HopFailed as failed:
            failed.path = join(f"[{index}]", failed.path)
            raise

    return run


def _in_values(inner: Run) -> Run:
    def run(values: Any, context: Context) -> None:
        key = ""
        try:
            for key, part in values.items():  # noqa: B007 - the key of the value that failed
                if part is not None:
                    inner(part, context)
        except HopFailed as failed:
            failed.path = join(f"{{{key}}}", failed.path)
            raise

    return run


def _nothing(_record: dict[str, Any], _context: Context) -> None:
    """What a branch that the operation does not touch has done to it."""


def _through_union(shape: Union, target: Shape | None, path: Path, bind: BindRecord, place: _Place) -> Step:
    inside: list[Step | None] = []
    misfits: list[Misfit] = []
    candidates = [branch for branch in shape.branches if not is_null(branch)]
    at_end = not path and place.branch is not None
    for branch in candidates:
        if at_end and name_of(branch) != place.branch:
            inside.append(None)
            continue
        bare = without_null(target) if target is not None else None
        try:
            inside.append(_reach(branch, counterpart(branch, bare), path, bind, place))
        except Misfit as misfit:
            # The branch is left as it is only where the operation is about something else than this branch.
            if len(candidates) > 1 and misfit.code not in _NOT_MEANT:
                raise
            misfits.append(misfit)
            inside.append(None)
    steps = [step for step in inside if step is not None]
    if not steps:
        raise misfits[0] if misfits else _no_branch(shape, place.branch)
    branches: list[Shape] = []
    rest = iter(inside)
    for branch in shape.branches:
        step = None if is_null(branch) else next(rest)
        changed = branch if step is None else step.shape
        for option in changed.branches if isinstance(changed, Union) else (changed,):
            if option not in branches:
                branches.append(option)
    after = [candidate if step is None else step.shape for candidate, step in zip(candidates, inside, strict=True)]
    whole = branches[0] if len(branches) == 1 else Union(tuple(branches))
    has_way_back = all(step.down is not None for step in steps)
    return Step(
        shape=whole,
        up=_chosen(candidates, [None if step is None else step.up for step in inside], place),
        down=_chosen(after, [None if step is None else step.down for step in inside], place) if has_way_back else None,
        lost_up=tuple(dict.fromkeys(path for step in steps for path in step.lost_up)),
        lost_down=tuple(dict.fromkeys(path for step in steps for path in step.lost_down)),
        partial_up=any(step.partial_up for step in steps),
        partial_down=any(step.partial_down for step in steps),
        notes=tuple(note for step in steps for note in step.notes),
        moved=stayed_in_part(steps[0].moved) if any(step is None for step in inside) else steps[0].moved,
    )


def stayed_in_part(moved: tuple[Moves, ...]) -> tuple[Moves, ...]:
    """The moves of a step that only some records take part in: in the others the same paths mean what they meant."""
    return tuple((*moves, *((new, new) for _, new in moves), *((old, old) for old, _ in moves)) for moves in moved)


def _no_branch(shape: Union, branch: str | None) -> Misfit:
    known = [name for each in shape.branches if (name := name_of(each))]
    return Misfit(
        "no-such-branch",
        f"the union has no branch {branch}",
        remedy=f"name one of its branches: {', '.join(known)}" if known else "its branches have no names",
    )


def _chosen(branches: list[Shape], runs: list[Run | None], place: _Place) -> Run:
    """Run what belongs to the branch that the value is of. Of one branch alone there is nothing to choose."""
    if len(branches) == 1:
        return runs[0] or _nothing
    enclosing = {
        name: fits(inner, avro=place.avro) for name, inner in place.enclosing.items()
    }  # references inside a branch are judged by what encloses the union
    options = [
        (name_of(branch), fits(branch, avro=place.avro, enclosing=enclosing), run or _nothing)
        for branch, run in zip(branches, runs, strict=True)
    ]
    by_name: dict[str | None, list[tuple[Test, Run]]] = {}
    for name, test, run_branch in options:
        by_name.setdefault(name, []).append((test, run_branch))
    all_of_them = [(test, run_branch) for _, test, run_branch in options]

    def run(value: Any, context: Context) -> None:
        tests = all_of_them
        if isinstance(value, tuple):
            name, value = value
            tests = by_name.get(name, [])
            if len(tests) == 1:
                tests[0][1](value, context)
                return
        for test, each in tests:
            if test(value):
                each(value, context)
                return

    return run


def is_recursive(record: Object) -> bool:
    """Whether a record holds records of its own kind."""
    return record.name is not None and _own_kind(record, record.name, top=True) is not None


def _at_every_depth(before: Object, step: Step) -> Step:
    """The step of a recursive record, so that it also reaches the records of its own kind inside."""
    if before.name is None:
        return step
    nested = _own_kind(before, before.name, top=True)
    if nested is None:
        return step
    walk = nested
    step_up, step_down = step.up, step.down

    def up(record: dict[str, Any], context: Context) -> None:
        walk(record, lambda inner: up(inner, context))
        step_up(record, context)

    def down(record: dict[str, Any], context: Context) -> None:
        if step_down is not None:
            step_down(record, context)
        walk(record, lambda inner: down(inner, context))

    return replace(step, up=up, down=None if step_down is None else down)


Visit = Callable[[Any, Callable[[Any], None]], None]


def _own_kind(shape: Shape, name: str, *, top: bool = False) -> Visit | None:
    """How to visit each record of the named kind inside a value of this shape; None when it holds none."""
    match shape:
        case Ref(name=other):
            return (lambda value, visit: visit(value)) if other == name else None
        case Object(name=other, fields=fields):
            if other == name and not top:
                return None  # an inner record of the same name has references of its own
            parts = {key: walk for key, field in fields.items() if (walk := _own_kind(field.shape, name))}
            return _visit_fields(parts) if parts else None
        case Array(items=inner) | Map(values=inner):
            walk = _own_kind(inner, name)
            return None if walk is None else _visit_each(walk)
        case Union(branches=branches):
            return _visit_union(branches, name)
    return None


def _visit_fields(parts: dict[str, Visit]) -> Visit:
    def run(value: Any, visit: Callable[[Any], None]) -> None:
        for key, walk in parts.items():
            part = value.get(key)
            if part is not None:
                try:
                    walk(part, visit)
                except HopFailed as failed:
                    failed.path = join(key, failed.path)
                    raise

    return run


def _visit_each(walk: Visit) -> Visit:
    def run(values: Any, visit: Callable[[Any], None]) -> None:
        if isinstance(values, dict):
            entries = [(f"{{{key}}}", part) for key, part in values.items()]
        else:
            entries = [(f"[{index}]", part) for index, part in enumerate(values)]
        for place, part in entries:
            if part is not None:
                try:
                    walk(part, visit)
                except HopFailed as failed:
                    failed.path = join(place, failed.path)
                    raise

    return run


def _visit_union(branches: tuple[Shape, ...], name: str) -> Visit | None:
    """By the pair's name, or by the container: while a change is under way a value's exact shape is not known."""
    walks = [(branch, walk) for branch in branches if (walk := _own_kind(branch, name)) is not None]
    if not walks:
        return None
    by_name = {name_of(branch): walk for branch, walk in walks}
    for_list = next((walk for branch, walk in walks if isinstance(branch, Array)), None)
    for_dict = next((walk for branch, walk in walks if not isinstance(branch, Array)), None)

    def run(value: Any, visit: Callable[[Any], None]) -> None:
        if isinstance(value, tuple):
            walk = by_name.get(value[0])
            value = value[1]
        elif isinstance(value, list):
            walk = for_list
        else:
            walk = for_dict if isinstance(value, dict) else None
        if walk is not None:
            walk(value, visit)

    return run
