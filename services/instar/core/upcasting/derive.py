"""What a hop's changes make of the old version's shape, held against the new version's.

With S the shape after the last change and T the new version's: up is right when every value of S is a value of T,
down is right when every value of T is a value of S. Each place where that is not so becomes a finding with the line
to add to the hop.
"""

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from instar.core.finding import Finding
from instar.core.formats.shape import Enum, Object, Scalar, Shape, Union, without_null
from instar.core.upcasting.containment import Unlike, assignable
from instar.core.upcasting.conversions.table import CONVERSIONS, FORMS
from instar.core.upcasting.losses import named_for
from instar.core.upcasting.membership import holds_pairs, name_of
from instar.core.upcasting.operation import Misfit, Operation, Step
from instar.core.upcasting.paths import join
from instar.core.upcasting.records import article, kind_of, scalar_kind

# Differences after which there is nothing to say of what is inside.
_OF_THE_WHOLE = frozenset(("extra", "missing", "type", "branch"))


def derive(
    changes: Sequence[Operation],
    before: Shape,
    after: Shape,
    line_of: Callable[[int], int | None] = lambda _index: None,
) -> tuple[list[Step], list[Finding]]:
    """Bind the changes in order; returns the steps and every finding. With an error among them, do not run the steps.

    ``line_of`` gives the line of a change by its index. Findings name no file and no subject: the caller adds them.
    A change that does not fit is left out and the next ones are bound all the same, but then the end result is not
    compared, because its differences would be that one mistake over again.
    """
    steps: list[Step] = []
    findings: list[Finding] = []
    shape = before
    misfits = 0
    for index, change in enumerate(changes):
        try:
            step = change.bind(shape, after)
        except Misfit as misfit:
            misfits += 1
            message = f"{change.summary}: {misfit.message}"
            findings.append(Finding(misfit.code, message, misfit.remedy, line=line_of(index), path=misfit.path))
            continue
        steps.append(step)
        shape = step.shape
        findings += _noted(step, line_of(index))
    if not misfits:
        findings += compare(shape, after, one_way=any(step.down is None for step in steps))
    return named_for(steps, before, after), findings


def _noted(step: Step, line: int | None) -> list[Finding]:
    """The notes of one change, those that say the same of several fields as one."""
    places: dict[tuple[str, str], list[str]] = {}
    for note in step.notes:
        places.setdefault((note.code, note.message), []).append(note.path)
    return [
        Finding(code, f"{', '.join(paths)}: {message}", "nothing to do", "note", line=line)
        for (code, message), paths in places.items()
    ]


def compare(made: Shape, after: Shape, *, one_way: bool) -> list[Finding]:
    """The differences between the shape that the changes make and the new version's, as findings."""
    up = assignable(made, after)
    down = [] if one_way else assignable(after, made)
    findings: list[Finding] = []
    told: set[str] = set()  # what is said of these places is said
    whole: set[str] = set()  # and of these also of all that is inside
    gone = {each.path: each for each in [*up, *_mirrored(down)] if each.kind == "extra"}
    new = {each.path: each for each in [*up, *_mirrored(down)] if each.kind == "missing"}
    for old_path, new_path in _renames(gone, new).items():
        whole |= {old_path, new_path}
        findings.append(_rename(old_path, new_path))
    for old_path, new_path, outer in _moves(gone, new):
        if not any(_inside(path, told_of) for path in (old_path, new_path) for told_of in whole - {outer}):
            whole |= {outer, old_path, new_path}
            findings.append(_move(old_path, new_path))
    for direction, found in (("up", up), ("down", down)):
        for each in found:
            if each.kind == "doubt" or each.path in told or any(_inside(each.path, path) for path in whole):
                continue
            (whole if each.kind in _OF_THE_WHOLE else told).add(each.path)
            findings.append(_up(each) if direction == "up" else _down(each))
    for direction, found in (("up", up), ("down", down)):
        findings += [
            _doubt(each, direction)
            for each in found
            if each.kind == "doubt" and not any(_inside(each.path, path) for path in told | whole)
        ]
    return findings


def _mirrored(down: list[Unlike]) -> list[Unlike]:
    """What is extra on the way down is missing on the way up, and the other way about."""
    other = {"extra": "missing", "missing": "extra"}
    return [
        Unlike(other[each.kind], each.path, each.into, each.value)  # type: ignore[arg-type]
        for each in down
        if each.kind in other
    ]


def _inside(path: str, told: str) -> bool:
    return path == told or path.startswith((f"{told}.", f"{told}[", f"{told}{{"))


def _renames(gone: dict[str, Unlike], new: dict[str, Unlike]) -> dict[str, str]:
    """Likely renames: a field that is gone and a new one of the same record and type, the most alike names first."""
    pairs: list[tuple[float, str, str]] = []
    for old_path, old in gone.items():
        for new_path, fresh in new.items():
            if _parent(old_path) != _parent(new_path) or old.value is None or fresh.into is None:
                continue
            if not _same_type(old.value, fresh.into):
                continue
            likeness = SequenceMatcher(None, old_path, new_path).ratio()
            alone = sum(_parent(path) == _parent(old_path) for path in gone) == 1
            alone = alone and sum(_parent(path) == _parent(new_path) for path in new) == 1
            if alone or likeness >= 0.5:
                pairs.append((-likeness, old_path, new_path))
    found: dict[str, str] = {}
    for _, old_path, new_path in sorted(pairs):
        if old_path not in found and new_path not in found.values():
            found[old_path] = new_path
    return found


def _moves(gone: dict[str, Unlike], new: dict[str, Unlike]) -> list[tuple[str, str, str]]:
    """Likely moves as (old path, new path, the record that is new or gone): a field that kept its name and type.

    One side is a record that is new or gone as a whole, the other a field beside it.
    """
    found: list[tuple[str, str, str]] = []
    for new_path, fresh in new.items():
        for name, shape in _fields_in(fresh.into):
            old = gone.get(join(_parent(new_path), name))
            if old is not None and old.value is not None and _same_type(old.value, shape):
                found.append((old.path, join(new_path, name), new_path))
    for old_path, old in gone.items():
        for name, shape in _fields_in(old.value):
            target = new.get(join(_parent(old_path), name))
            if target is not None and target.into is not None and _same_type(shape, target.into):
                found.append((join(old_path, name), target.path, old_path))
    return found


def _fields_in(shape: Shape | None) -> list[tuple[str, Shape]]:
    bare = None if shape is None else without_null(shape)
    return [(name, field.shape) for name, field in bare.fields.items()] if isinstance(bare, Object) else []


def _same_type(old: Shape, new: Shape) -> bool:
    return not any(each.kind != "doubt" for each in assignable(old, new))


def _move(old: str, new: str) -> Finding:
    return Finding(
        "forgotten-field",
        f"the changes leave {old}, which the new version has as {new}",
        f'add: move("{old}", "{new}")',
        path=new,
    )


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _rename(old: str, new: str) -> Finding:
    return Finding(
        "forgotten-field",
        f"the changes leave {old}, which the new version does not have, and do not make {new}, which has the same type",
        f'add: rename("{old}", "{new}")',
        path=new,
    )


def _up(each: Unlike) -> Finding:
    """A finding about values that the changes make and the new version does not take."""
    path = each.path
    what = _place(path)
    match each.kind:
        case "missing":
            return _finding(
                "forgotten-field", f"the new version requires {path}, and the changes do not make it", _add(each), path
            )
        case "extra":
            message = f"the changes leave {path}, which the new version does not have"
            return _finding("forgotten-field", message, f'drop("{path}", restore=...)', path)
        case "absent":
            message = f"{path} may be absent in the old version and is required in the new one"
            return _finding("may-be-absent", message, f'add("{path}", value=...)', path)
        case "null":
            message = f"{path} may be null after the changes and not in the new version"
            return _finding("wrong-type", message, f'convert("{path}", up=..., down=...)', path)
        case "symbols":
            message = f"the new version's {path} has no symbol {' or '.join(each.what)}"
            mapping = ", ".join(f'"{symbol}": ...' for symbol in each.what)
            return _finding("no-such-symbol", message, f'map_values("{path}", {{{mapping}}})', path)
        case "name":
            return _name(each, each.value, each.into)
        case "branch":
            message = (
                f"{what} may be {article(_kind(each.value))} after the changes, which the new version does not take"
            )
            return _finding("wrong-type", message, f'convert("{path}", up=..., down=...)', path)
    message = f"{what} is {_differs(each)} after the changes, and {_kind_at(each.into)} in the new version"
    return _finding("wrong-type", message, _convert(path, each.value, each.into), path)


def _down(each: Unlike) -> Finding:
    """A finding about values of the new version that the way down has no place for."""
    path = each.path
    what = _place(path)
    match each.kind:
        case "extra":
            message = f"the new version has {path}, and the changes do not add it: the way down has no place for it"
            return _finding("forgotten-field", message, _add(each), path)
        case "missing":
            message = f"the way down needs {path}, which the new version does not have"
            return _finding("forgotten-field", message, f'drop("{path}", restore=...)', path)
        case "absent":
            message = f"{path} may be absent in the new version, and the way down needs it"
            return _finding("may-be-absent", message, f'allow_absent("{path}", absent=...)', path)
        case "null":
            message = f"{path} may be null in the new version, and the way down has no place for null"
            return _finding("no-place-for-null", message, f'allow_null("{path}", null=...)', path)
        case "symbols":
            message = f"the new version's {path} has {' and '.join(each.what)}, which has no place on the way down"
            mapping = ", ".join(f'"{symbol}": ...' for symbol in each.what)
            return _finding("no-place-for-symbol", message, f'map_values("{path}", {{}}, down={{{mapping}}})', path)
        case "name":
            return _name(each, each.into, each.value)
        case "branch":
            kind = article(_kind(each.value))
            message = f"{what} may be {kind} in the new version, which has no place on the way down"
            return _finding("wrong-type", message, f'convert("{path}", up=..., down=...)', path)
    message = (
        f"{what} is {_differs(each)} in the new version, which the way down cannot turn into {_kind_at(each.into)}"
    )
    return _finding("wrong-type", message, _convert(path, each.into, each.value), path)


def _finding(code: str, message: str, line: str, path: str) -> Finding:
    return Finding(code, message, f"add: {line}", path=path or None)


def _place(path: str) -> str:
    return path or "the record"


def _add(each: Unlike) -> str:
    return f'add("{each.path}")'


def _name(each: Unlike, old: Shape | None, new: Shape | None) -> Finding:
    before = (old and name_of(old)) or "..."
    after = (new and name_of(new)) or "..."
    message = f"{_place(each.path)} has the type {before} after the changes, and {after} in the new version"
    return _finding("wrong-name", message, f'rename_type("{before}", "{after}")', each.path)


def _kind(shape: Shape | None) -> str:
    return "nothing" if shape is None else kind_of(shape)


def _kind_at(shape: Shape | None) -> str:
    return "nothing" if shape is None else _detailed(shape)


def _differs(each: Unlike) -> str:
    return "nothing" if each.value is None else _detailed(each.value)


def _detailed(shape: Shape) -> str:
    """``a decimal(9, 2)``: a kind with what tells it from its like."""
    bare = without_null(shape)
    text = article(kind_of(shape))
    if isinstance(bare, Scalar):
        known = dict(bare.constraints)
        if bare.logical == "decimal":
            text += f"({known.get('precision')}, {known.get('scale', 0)})"
        elif bare.kind == "fixed":
            text += f"({known.get('size')})"
    return text


def _convert(path: str, old: Shape | None, new: Shape | None) -> str:
    """The line that converts one type into another: by name where a named conversion fits both."""
    functions = f'convert("{path}", up=..., down=...)'
    name = None if old is None else name_of(without_null(old))
    if name is not None and new is not None and holds_pairs(new):
        return f'convert("{path}", up=lambda value: ("{name}", value), down=...)'
    names = [] if old is None or new is None else conversions(old, new)
    return " or ".join(f'convert("{path}", "{each}")' for each in names[:3]) or functions


def conversions(old: Shape, new: Shape) -> list[str]:
    """The named conversions that lead from one type to the other, ``cents -> decimal``; null on either side aside.

    One that is called as the types are is meant before one that reads a meaning into them: only the closest are given.
    """
    source, target = without_null(old), without_null(new)
    if (
        isinstance(source, Union)
        or isinstance(target, Union)
        or (isinstance(source, Enum) and isinstance(target, Enum))
    ):
        return []
    ranked = [
        ((start != scalar_kind(source)) + (end != scalar_kind(target)), f"{start} -> {end}")
        for start, end in CONVERSIONS
        if FORMS[start].holds(source) and FORMS[end].holds(target) and (start != end or source != target)
    ]
    closest = min((rank for rank, _ in ranked), default=0)
    return [name for rank, name in ranked if rank == closest]


def _doubt(each: Unlike, direction: str) -> Finding:
    """What the shapes do not decide. A warning: samples and the schema's own validation decide it."""
    what = " and ".join(each.what)
    where = _place(each.path)
    if direction == "up":
        message = f"{where}: the new version has {what} that the old one does not promise"
    else:
        message = f"{where}: the old version has {what} that the new one does not promise, on the way down"
    if each.what == ("a field that is not named",):
        side = "new" if direction == "up" else "old"
        message = f"{where} is not named in the {side} version and passes as an unknown field"
    elif each.what == ("fields that are not named",):
        message = (
            f"{where} may hold fields that are not named, which the {'new' if direction == 'up' else 'old'} one forbids"
        )
    return Finding(
        "not-proven",
        message,
        "check it with samples: instar check --samples 100",
        "warning",
        path=each.path or None,
    )
