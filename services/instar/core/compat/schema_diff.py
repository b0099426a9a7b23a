"""What a later version of a format changed, field by field: with its risk, and what it means for others.

An *old reader* reads records of the new version with the old schema, an *old writer*'s records are read with the new
schema; both are told as the schemas alone have it, without a hop. What the hop does about it is told beside.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from instar.core.compat.paths_between import Link, link, places
from instar.core.compat.risk import Risk, worst
from instar.core.compat.type_words import bounds, value, words
from instar.core.formats.schema import Schema
from instar.core.formats.shape import (
    MISSING,
    Array,
    Enum,
    Field,
    Map,
    Object,
    Scalar,
    Shape,
    Union,
    is_nullable,
    without_null,
)
from instar.core.upcasting.containment import assignable
from instar.core.upcasting.derive import conversions
from instar.core.upcasting.hop import BoundHop
from instar.core.upcasting.membership import name_of

Kind = Literal[
    "added",
    "removed",
    "renamed",
    "moved",
    "made of others",
    "type",
    "may be null",
    "not null any more",
    "optional",
    "required",
    "symbols added",
    "symbols removed",
    "branches",
    "bounds",
    "default",
    "type name",
]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One change of one field. ``path`` is the new version's, the old one's where it is gone; ``was`` the old paths.

    ``guess`` is why we take a field for another one where no hop says it.
    """

    kind: Kind
    path: str
    was: tuple[str, ...]
    before: str
    after: str
    risk: Risk
    old_reader: str
    old_writer: str
    hop: str = ""
    guess: str = ""


@dataclass(frozen=True, slots=True)
class SchemaDiff:
    """``changes`` in the order of the new version's fields, then what is gone."""

    changes: tuple[FieldChange, ...]
    risk: Risk
    is_known: bool  # a hop of changes says what became of each field


def diff(schemas: Sequence[Schema], hops: Sequence[BoundHop | None], *, old: str, new: str) -> SchemaDiff:
    """Compare the first of neighbouring versions with the last. ``hops`` lead from each to the next."""
    compared = _Diff(schemas[0], schemas[-1], link(schemas, hops), hops, old, new)
    changes = tuple(compared.changes())
    return SchemaDiff(changes, worst([each.risk for each in changes]), compared.link.is_known)


class _Diff:
    def __init__(
        self, before: Schema, after: Schema, linked: Link, hops: Sequence[BoundHop | None], old: str, new: str
    ) -> None:
        self.before: Mapping[str, Field] = places(before.shape)
        self.after: Mapping[str, Field] = places(after.shape)
        self.link = linked
        self.old = old
        self.new = new
        self.avro = before.kind == "avro"
        self.old_top = before.shape
        self.new_top = after.shape
        self.lost = {path for hop in hops if hop is not None for path in hop.lost_up}
        self.used: set[str] = set()

    def changes(self) -> Iterator[FieldChange]:
        added: set[str] = set()
        for path, field in self.after.items():
            origins = [each for each in self.link.origins(path) if each in self.before]
            self.used.update(origins)
            if origins:
                yield from self.carried(path, field, origins)
            elif _parent(path) not in added and path[-1] not in "]}":
                yield self.added(path, field)
                added.add(path)
            else:
                added.add(path)
        yield from self.gone()

    def gone(self) -> Iterator[FieldChange]:
        removed: set[str] = set()
        for path, field in self.before.items():
            if path in self.used or any(each in self.after for each in self.link.targets(path)):
                continue
            if _parent(path) not in removed and path[-1] not in "]}" and not self.holds_used(path):
                yield self.removed(path, field)
            removed.add(path)

    def holds_used(self, path: str) -> bool:
        """A record whose fields have all gone elsewhere is not lost."""
        inside = [each for each in self.before if each.startswith((f"{path}.", f"{path}[", f"{path}{{"))]
        return bool(inside) and all(each in self.used for each in inside)

    def made(
        self,
        kind: Kind,
        path: str,
        was: Sequence[str],
        before: str,
        after: str,
        risk: Risk,
        old_reader: str,
        old_writer: str,
        guess: str = "",
    ) -> FieldChange:
        if any(each in self.lost for each in was) and kind in ("type", "symbols removed", "made of others", "removed"):
            risk = "destructive"
        said = dict.fromkeys(line for each in (path, *was) for line in self.link.said.get(each, ()))
        return FieldChange(kind, path, tuple(was), before, after, risk, old_reader, old_writer, "; ".join(said), guess)

    # ------------------------------------------------------------------ fields that came and went

    def added(self, path: str, field: Field) -> FieldChange:
        reader = "does not look at it"
        home = next(iter(self.link.origins(_parent(path))), "") if _parent(path) else ""
        if not self.avro and not _is_open(self.record_at(self.before, self.old_top, home)):
            reader = f"refuses the record: {self.old} forbids fields that it does not name"
        risk: Risk = "additive"
        if field.default is not MISSING:
            writer = f"does not write it; a reader of {self.new} gets the default {value(field.default)}"
        elif not field.required:
            writer = "does not write it, and it may be absent"
        else:
            writer = f"does not write it: {self.new} requires it and has no default, so the record cannot be read"
            risk = "transforming"
        return self.made("added", path, (), "", words(field.shape), risk, reader, writer)

    def record_at(self, fields: Mapping[str, Field], top: Shape, path: str) -> Shape:
        """The record around a field of one version; the top where there is none there."""
        return fields[path].shape if path in fields else top

    def removed(self, path: str, field: Field) -> FieldChange:
        if field.default is not MISSING:
            reader = f"gets the default {value(field.default)} of {self.old}"
        elif not field.required:
            reader = "finds it absent, which it may be"
        else:
            reader = f"cannot read the record: {self.old} requires it and has no default"
        writer = "what it writes there is dropped"
        home = next(iter(self.link.targets(_parent(path))), "") if _parent(path) else ""
        if not self.avro and not _is_open(self.record_at(self.after, self.new_top, home)):
            writer = f"its records are refused: {self.new} forbids fields that it does not name"
        elif not self.avro:
            writer = "what it writes there passes as an unknown field"
        return self.made("removed", path, (path,), words(field.shape), "", "destructive", reader, writer)

    def carried(self, path: str, field: Field, origins: list[str]) -> Iterator[FieldChange]:
        targets = [each for each in self.link.targets(origins[0]) if each in self.after]
        if len(origins) > 1 or len(targets) > 1:
            yield self.of_others(path, field, origins)
            return
        (was,) = origins
        if was != path and not self.follows_its_record(path, was):
            yield self.moved(path, field, was)
        yield from self.same_place(path, was, self.before[was], field)

    def follows_its_record(self, path: str, was: str) -> bool:
        """Has the record around it got another name, and this field only goes along?"""
        parent, old_parent = _parent(path), _parent(was)
        return _last(path) == _last(was) and old_parent in self.link.origins(parent)

    def of_others(self, path: str, field: Field, origins: list[str]) -> FieldChange:
        reader, writer = self.renamed_for(path, self.before[origins[0]], field, origins)
        before = ", ".join(f"{each}: {words(self.before[each].shape)}" for each in origins)
        return self.made("made of others", path, origins, before, words(field.shape), "transforming", reader, writer)

    def moved(self, path: str, field: Field, was: str) -> FieldChange:
        kind: Kind = "renamed" if _parent(path) == _parent(was) or self.same_record(path, was) else "moved"
        reader, writer = self.renamed_for(path, self.before[was], field, [was])
        guess = self.link.guesses.get((was, path), "")
        if not guess and not self.link.is_known:
            guess = next((why for (_, new), why in self.link.guesses.items() if new == path), "")
        before, after = words(self.before[was].shape), words(field.shape)
        if before != after:  # that is told by itself
            before = after = ""
        return self.made(kind, path, (was,), before, after, "transforming", reader, writer, guess)

    def same_record(self, path: str, was: str) -> bool:
        return _parent(was) in self.link.origins(_parent(path))

    def renamed_for(self, path: str, before: Field, field: Field, origins: list[str]) -> tuple[str, str]:
        names = " and ".join(origins)
        if before.default is not MISSING:
            reader = f"finds no {names} and gets its default {value(before.default)}"
        elif not before.required:
            reader = f"finds {names} absent"
        else:
            reader = f"cannot read the record: {self.old} requires {names}"
        alias = len(origins) == 1 and _last(origins[0]) in field.aliases
        if alias:
            writer = f"its {names} is read as {path}, which names it as an alias"
        elif field.default is not MISSING:
            writer = f"its {names} is not seen; a reader of {self.new} gets the default {value(field.default)}"
        elif not field.required:
            writer = f"its {names} is not seen, and {path} is absent"
        else:
            writer = f"its record cannot be read: {self.new} requires {path}"
        return reader, writer

    # ------------------------------------------------------------------ fields that stayed

    def same_place(self, path: str, was: str, old: Field, new: Field) -> Iterator[FieldChange]:
        yield from self.presence(path, was, old, new)
        left, right = without_null(old.shape), without_null(new.shape)
        match left, right:
            case Enum(), Enum():
                yield from self.symbols(path, was, left, right)
            case (Object(), Object()) | (Array(), Array()) | (Map(), Map()):
                pass
            case Union(), Union():
                yield from self.branches(path, was, left, right)
            case _ if words(left) != words(right) or type(left) is not type(right):
                yield self.type(path, was, left, right)
        if name_of(left) != name_of(right) and type(left) is type(right) and name_of(left) and name_of(right):
            yield self.type_name(path, was, str(name_of(left)), str(name_of(right)))
        if bounds(left) != bounds(right) and type(left) is type(right):
            yield self.bounds(path, was, left, right)
        if old.default != new.default and old.default is not MISSING and new.default is not MISSING:
            yield self.default(path, was, old.default, new.default)

    def presence(self, path: str, was: str, old: Field, new: Field) -> Iterator[FieldChange]:
        before, after = words(old.shape), words(new.shape)
        if is_nullable(new.shape) and not is_nullable(old.shape):
            reader, writer = (
                f"cannot read a record in which it is null: {self.old} has no null there",
                "is read as it is",
            )
            yield self.made("may be null", path, (was,), before, after, "additive", reader, writer)
        if is_nullable(old.shape) and not is_nullable(new.shape):
            writer = f"a record in which it is null cannot be read: {self.new} has no null there"
            yield self.made("not null any more", path, (was,), before, after, "transforming", "reads it", writer)
        if old.required and not new.required:
            reader = f"refuses a record without it: {self.old} requires it"
            yield self.made("optional", path, (was,), "required", "optional", "additive", reader, "always writes it")
        if new.required and not old.required:
            writer = f"a record without it is refused: {self.new} requires it"
            yield self.made("required", path, (was,), "optional", "required", "transforming", "always finds it", writer)

    def symbols(self, path: str, was: str, old: Enum, new: Enum) -> Iterator[FieldChange]:
        gone = [each for each in old.symbols if not _among(each, new.symbols)]
        fresh = [each for each in new.symbols if not _among(each, old.symbols)]
        if fresh:
            reader = f"does not know {_list(fresh)}" + (
                f" and gets {value(old.default)} instead"
                if old.default is not MISSING
                else ", so it refuses the record"
            )
            yield self.made("symbols added", path, (was,), "", _list(fresh), "additive", reader, "never writes them")
        if gone:
            writer = f"may write {_list(gone)}, which {self.new} does not know" + (
                f" and reads as {value(new.default)}" if new.default is not MISSING else ": the record is refused"
            )
            # A hop that maps them keeps what they mean, unless that is a loss, which ``made`` looks up.
            risk: Risk = "transforming" if self.link.said.get(path) or self.link.said.get(was) else "destructive"
            yield self.made("symbols removed", path, (was,), _list(gone), "", risk, "never sees them", writer)

    def branches(self, path: str, was: str, old: Union, new: Union) -> Iterator[FieldChange]:
        ours, theirs = [words(each) for each in old.branches], [words(each) for each in new.branches]
        gone = [each for each in ours if each not in theirs]
        fresh = [each for each in theirs if each not in ours]
        if not gone and not fresh:
            return
        reader = f"has no branch for {' and '.join(fresh)}" if fresh else "reads every branch"
        writer = f"may write {' and '.join(gone)}, which {self.new} has no branch for" if gone else "is read as it is"
        risk: Risk = "transforming" if gone else "additive"
        yield self.made("branches", path, (was,), " or ".join(ours), " or ".join(theirs), risk, reader, writer)

    def type(self, path: str, was: str, old: Shape, new: Shape) -> FieldChange:
        reader = self.read(new, old)
        writer = f"a reader of {self.new} {self.read(old, new)}"
        can = self.fits(old, new) or bool(conversions(old, new)) or bool(self.link.said.get(path))
        risk: Risk = "transforming" if can else "destructive"
        if not self.avro and self.fits(old, new) and self.fits(new, old):
            risk = "additive"  # a format only says more of the same values
        return self.made("type", path, (was,), words(old), words(new), risk, reader, writer)

    def read(self, written: Shape, as_: Shape) -> str:
        if self.fits(written, as_):
            return f"reads its {words(written)} as {words(as_)}"
        if self.avro and isinstance(written, Scalar) and isinstance(as_, Scalar) and written.kind == as_.kind:
            return f"takes its {words(written)} for {words(as_)}: Avro does not notice"
        return f"cannot read its {words(written)} as {words(as_)}"

    def fits(self, old: Shape, new: Shape) -> bool:
        """Is every value of the one a value of the other? A record's name tells that it is Avro's question."""
        name = "Value" if self.avro else None
        ours, theirs = (Object({"value": Field(each)}, name) for each in (old, new))
        return not any(each.kind != "doubt" for each in assignable(ours, theirs))

    def type_name(self, path: str, was: str, old: str, new: str) -> FieldChange:
        reader, writer = f"knows the type as {old}", f"is read where {self.new} names {old} as an alias of the type"
        return self.made("type name", path, (was,), old, new, "transforming", reader, writer)

    def bounds(self, path: str, was: str, old: Shape, new: Shape) -> FieldChange:
        ours, theirs = bounds(old), bounds(new)
        before = ", ".join(f"{name} {value(each)}" for name, each in ours.items() if theirs.get(name) != each)
        after = ", ".join(f"{name} {value(each)}" for name, each in theirs.items() if ours.get(name) != each)
        looser = not any(each.kind == "doubt" for each in assignable(old, new))
        stricter = not any(each.kind == "doubt" for each in assignable(new, old))
        reader = "reads every value" if stricter else "may refuse values that it forbids"
        writer = "is read as it is" if looser else f"may write values that {self.new} forbids"
        risk: Risk = "additive" if looser else "transforming"
        return self.made("bounds", path, (was,), before or "none", after or "none", risk, reader, writer)

    def default(self, path: str, was: str, old: Any, new: Any) -> FieldChange:
        reader = f"keeps its own default {value(old)} where it needs one"
        writer = f"where it did not write the field, a reader of {self.new} now gets {value(new)}"
        return self.made("default", path, (was,), value(old), value(new), "additive", reader, writer)


def _parent(path: str) -> str:
    """The record or collection around a field: ``items[]`` of ``items[].x``, ``items`` of ``items[]``."""
    if path.endswith(("[]", "{}")):
        return path[:-2]
    return path.rpartition(".")[0]


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _among(symbol: Any, symbols: tuple[Any, ...]) -> bool:
    return any(type(symbol) is type(other) and symbol == other for other in symbols)


def _list(symbols: Sequence[Any]) -> str:
    return ", ".join(value(each) for each in symbols)


def _is_open(shape: Shape) -> bool:
    """Does a JSON object take fields that it does not name? What is no readable object may."""
    bare = without_null(shape)
    return not isinstance(bare, Object) or bare.open
