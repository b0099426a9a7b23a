"""The next hop, drafted from the two schemas on both sides of it.

First which fields are likely to be which (``likely``), outermost first and again until nothing is found, because the
inside of a renamed record can only be looked at afterwards. Then whatever still differs, by what containment says of
the shape so far: adds, drops, conversions, symbols, null and absent. Each line is bound as it is drafted, so that it
fits; what would need its author's knowledge becomes a to-do. What the two schemas do not say is marked as a guess.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from instar.core.finding import Finding
from instar.core.formats.schema import Schema
from instar.core.formats.shape import MISSING, Array, Enum, Field, Shape, without_null
from instar.core.scaffolding.likely import Likely, likely
from instar.core.scaffolding.names import likeness
from instar.core.scaffolding.neutral import Neutral, neutral
from instar.core.scaffolding.source import NotWritable, Source, quoted
from instar.core.scaffolding.walk import gone, inside, pairs
from instar.core.upcasting.containment import Unlike, assignable
from instar.core.upcasting.derive import compare, conversions
from instar.core.upcasting.membership import is_avro, name_of
from instar.core.upcasting.operation import Misfit, Operation
from instar.core.upcasting.operations.add import Add
from instar.core.upcasting.operations.allow_absent import AllowAbsent
from instar.core.upcasting.operations.allow_null import AllowNull
from instar.core.upcasting.operations.convert import Convert
from instar.core.upcasting.operations.drop import ONE_WAY, Drop
from instar.core.upcasting.operations.head import Head
from instar.core.upcasting.operations.map_values import MapValues
from instar.core.upcasting.operations.move import Move
from instar.core.upcasting.operations.rename import Rename
from instar.core.upcasting.operations.rename_type import RenameType
from instar.core.upcasting.operations.wrap import Wrap
from instar.core.upcasting.paths import field_at, parse

# One line can make the next one possible, a few times; a draft that goes on for longer goes in circles.
_ROUNDS = 8
_SYMBOLS_ALIKE = 0.6
_UNNAMED = ("a field that is not named",)


@dataclass(frozen=True, slots=True)
class Line:
    """One change. ``guess`` is why we think so, empty where the two schemas leave no choice."""

    code: str
    guess: str
    operation: Operation = field(compare=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """``left`` is what only the author can say, as findings with the line to add; none: the hop binds as it is."""

    lines: tuple[Line, ...]
    left: tuple[Finding, ...]
    likely: tuple[Likely, ...]
    imports: Mapping[str, tuple[str, ...]]

    @property
    def is_complete(self) -> bool:
        return not any(finding.severity == "error" for finding in self.left)


def draft(before: Schema, after: Schema, *, old: str = "the old version", new: str = "the new version") -> Draft:
    """Draft the changes that lead from one schema to the next. ``old`` and ``new`` name the versions in the words."""
    drafter = _Drafter(before.shape, after.shape, old, new)
    drafter.types()
    drafter.fields()
    drafter.rest()
    return drafter.done()


class _Drafter:
    def __init__(self, before: Shape, after: Shape, old: str, new: str) -> None:
        self.before = before
        self.shape = before
        self.after = after
        self.old = old
        self.new = new
        self.avro = is_avro(before)
        self.source = Source()
        self.lines: list[Line] = []
        self.likely: list[Likely] = []
        self.one_way = False
        self.tried: set[tuple[str, str]] = set()

    def done(self) -> Draft:
        left = [_with_value(finding) for finding in compare(self.shape, self.after, one_way=self.one_way)]
        imports = {module: tuple(sorted(names)) for module, names in sorted(self.source.imports.items())}
        return Draft(tuple(self.lines), tuple(left), tuple(self.likely), imports)

    def take(self, operation: Operation, code: Callable[[Source], str], guess: str = "") -> bool:
        """Add a line when it fits the shape so far; imports are noted only then."""
        try:
            step = operation.bind(self.shape, self.after)
        except Misfit:
            return False
        trial = Source()
        try:
            text = code(trial)
        except NotWritable:
            return False
        for module, names in trial.imports.items():
            self.source.imports.setdefault(module, set()).update(names)
        self.shape = step.shape
        self.one_way = self.one_way or step.down is None
        self.lines.append(Line(text, guess, operation))
        return True

    # ------------------------------------------------------------------ what is which

    def types(self) -> None:
        """Named types that are called otherwise at the same place."""
        for _ in range(_ROUNDS):
            renamed = False
            for each in self.unlikes():
                if each[1].kind == "name":
                    renamed = self.type(*each) or renamed
            if not renamed:
                return

    def type(self, direction: str, each: Unlike) -> bool:
        old, new = (each.value, each.into) if direction == "up" else (each.into, each.value)
        names = (old and name_of(old)) or "", (new and name_of(new)) or ""
        if not all(names) or ("type", f"{names}") in self.tried:
            return False
        self.tried.add(("type", f"{names}"))
        return self.take(RenameType(*names), lambda source: source.call("rename_type", *map(quoted, names)))

    def fields(self) -> None:
        for _ in range(_ROUNDS):
            found = [each for each in likely(self.shape, self.after) if ("pair", f"{each}") not in self.tried]
            if not found:
                return
            order = self.order()
            for each in sorted(found, key=lambda each: order.get(each.old, len(order))):
                self.tried.add(("pair", f"{each}"))
                if self.pair(each):
                    self.likely.append(each)
            self.types()

    def order(self) -> dict[str, int]:
        """The place of every field that may go, so that lines come in the schema's order."""
        spots = [spot for pair in pairs(self.shape, self.after) for spot in gone(pair)]
        paths = [each.path for spot in spots for each in (spot, *inside(spot))]
        return {path: index for index, path in enumerate(paths)}

    def pair(self, each: Likely) -> bool:
        old, new = each.old, each.new
        short = new.rpartition(".")[2]
        match each.how:
            case "rename":
                return self.take(
                    Rename(old, short), lambda source: source.call("rename", quoted(old), quoted(short)), each.why
                )
            case "move":
                return self.take(Move(old, new), lambda source: source.call("move", quoted(old), quoted(new)), each.why)
            case "wrap":
                return self.take(Wrap(old, new), lambda source: source.call("wrap", quoted(old), quoted(new)), each.why)
            case "head":
                return self.take(Head(old, new), lambda source: source.call("head", quoted(old), quoted(new)), each.why)

    # ------------------------------------------------------------------ what else differs

    def unlikes(self) -> Iterator[tuple[str, Unlike]]:
        """What differs now, up before down."""
        yield from [("up", each) for each in assignable(self.shape, self.after)]
        if not self.one_way:
            yield from [("down", each) for each in assignable(self.after, self.shape)]

    def rest(self) -> None:
        for _ in range(_ROUNDS):
            settled = [self.settle(direction, each) for direction, each in list(self.unlikes())]
            if not any(settled):
                return

    def settle(self, direction: str, each: Unlike) -> bool:
        """One difference; False where nothing could be done about it, or it was tried before."""
        key = (f"{direction} {each.kind}", each.path)
        if key in self.tried or not each.path:
            return False
        self.tried.add(key)
        kind = each.kind
        if kind == "doubt":
            # A JSON field that only the new version names. One that only the old one names passes as it is.
            return each.what == _UNNAMED and direction == "down" and self.add(each.path)
        if direction == "up":
            by_kind: dict[str, Callable[[], bool]] = {
                "missing": lambda: self.add(each.path),
                "extra": lambda: self.drop(each.path),
                "absent": lambda: self.add(each.path),
                "null": lambda: self.fill_null(each.path),
            }
        else:
            by_kind = {
                "missing": lambda: self.drop(each.path),
                "extra": lambda: self.add(each.path),
                "absent": lambda: self.allow_absent(each.path),
                "null": lambda: self.allow_null(each.path),
            }
        by_kind["symbols"] = lambda: self.symbols(each.path)
        by_kind["type"] = by_kind["branch"] = lambda: self.convert(each.path)
        return kind in by_kind and by_kind[kind]()

    def at(self, shape: Shape, path: str) -> Field | None:
        try:
            return field_at(shape, parse(path))
        except Misfit:
            return None

    def known(self, shape: Shape, path: str, version: str) -> Neutral | None:
        found = self.at(shape, path)
        return None if found is None else neutral(found, avro=self.avro, version=version)

    def add(self, path: str) -> bool:
        if self.take(Add(path), lambda source: source.call("add", quoted(path))):
            return True
        known = self.known(self.after, path, self.new)
        if known is None:
            return False
        return self.take(
            Add(path, known.value),
            lambda source: source.call("add", quoted(path), value=source.value(known.value)),
            known.guess,
        )

    def drop(self, path: str) -> bool:
        was = self.at(self.shape, path)
        if was is None:
            return False
        known = neutral(was, avro=self.avro, version=self.old) if was.required else Neutral(MISSING, "")
        if known is None and self.may_be_source(path):
            return False
        if known is not None and self.take(
            Drop(path, known.value),
            lambda source: source.call("drop", quoted(path), restore=source.value(known.value)),
            known.guess,
        ):
            return True
        guess = f"{self.old} gives no default to put back, so the hop is one-way; restore=... would open the way down"
        return self.take(Drop(path, ONE_WAY), lambda source: source.call("drop", quoted(path)), guess)

    def may_be_source(self, path: str) -> bool:
        """May a required field that nothing is known of be made of this one? Then its author should say so."""
        open_ends = [
            each
            for direction, each in self.unlikes()
            if direction == "up" and each.kind == "missing" and self.known(self.after, each.path, self.new) is None
        ]
        return any(_near(path, each.path) for each in open_ends)

    def fill_null(self, path: str) -> bool:
        aim = self.at(self.after, path)
        if aim is None:
            return False
        known = neutral(aim, avro=self.avro, version=self.new)
        if known is None or known.value is None:
            return False
        value = known.value

        def code(source: Source) -> str:
            up = f"lambda value: {source.value(value)} if value is None else value"
            return source.call("convert", quoted(path), up=up, down="lambda value: value")

        guess = f"null becomes the default of {self.new}, and comes back as that"
        return self.take(
            Convert(path, None, lambda each: value if each is None else each, lambda each: each), code, guess
        )

    def allow_null(self, path: str) -> bool:
        was = self.at(self.shape, path)
        known = None if was is None else neutral(was, avro=self.avro, version=self.old)
        if known is not None and self.take(
            AllowNull(path, known.value),
            lambda source: source.call("allow_null", quoted(path), null=source.value(known.value)),
            known.guess,
        ):
            return True
        guess = f"{self.old} has nothing to put there, so a record with null is rejected on the way down"
        return self.take(AllowNull(path), lambda source: source.call("allow_null", quoted(path)), guess)

    def allow_absent(self, path: str) -> bool:
        known = self.known(self.shape, path, self.old)
        if known is not None and self.take(
            AllowAbsent(path, known.value),
            lambda source: source.call("allow_absent", quoted(path), absent=source.value(known.value)),
            known.guess,
        ):
            return True
        guess = f"{self.old} has nothing to put there, so a record without it is rejected on the way down"
        return self.take(AllowAbsent(path), lambda source: source.call("allow_absent", quoted(path)), guess)

    def convert(self, path: str) -> bool:
        was, aim = self.at(self.shape, path), self.at(self.after, path)
        if was is None or aim is None:
            return False
        if self.bundle(path, was.shape, aim.shape):
            return True
        names = conversions(was.shape, aim.shape)
        for name in names:
            others = [each for each in names if each != name]
            guess = f"or {', or '.join(quoted(each) for each in others)}" if others else _meaning(name)
            if self.take(
                Convert(path, name, None, None),
                lambda source, name=name: source.call("convert", quoted(path), quoted(name)),  # type: ignore[misc]
                guess,
            ):
                return True
        return False

    def bundle(self, path: str, was: Shape, aim: Shape) -> bool:
        if isinstance(without_null(aim), Array) and not isinstance(without_null(was), Array):
            guess = "one value became an array of it"
            return self.take(Wrap(path, path), lambda source: source.call("wrap", quoted(path)), guess)
        if isinstance(without_null(was), Array) and not isinstance(without_null(aim), Array):
            guess = "the first element stays, the others are lost"
            return self.take(Head(path, path), lambda source: source.call("head", quoted(path)), guess)
        return False

    def symbols(self, path: str) -> bool:
        was, aim = self.at(self.shape, path), self.at(self.after, path)
        old = None if was is None else without_null(was.shape)
        new = None if aim is None else without_null(aim.shape)
        if not isinstance(old, Enum) or not isinstance(new, Enum):
            return False
        there, back, guess = _symbols(old, new, self.old, self.new)
        if not there and not back:
            return False

        def code(source: Source) -> str:
            down = {"down": source.mapping(back)} if back else {}
            return source.call("map_values", quoted(path), source.mapping(there), **down)

        return self.take(MapValues(path, tuple(there.items()), tuple(back.items())), code, guess)


def _with_value(finding: Finding) -> Finding:
    """A field that is still to be added has no default: the value is what is to be said."""
    bare = f'add: add("{finding.path}")'
    return replace(finding, remedy=f"{bare[:-1]}, value=...)") if finding.remedy == bare else finding


def _near(gone: str, missing: str) -> bool:
    """May the one be made of the other: in the same record, or in a record that is new there?"""
    parent = gone.rpartition(".")[0]
    return not parent or missing.startswith(f"{parent}.")


def _meaning(name: str) -> str:
    """What a conversion's name claims beyond the types."""
    plain = {"int", "long", "float", "double", "integer", "number", "string", "boolean", "bytes", "enum", "decimal"}
    start, _, end = name.partition(" -> ")
    claimed = [each for each in (start, end) if each not in plain]
    return f"that it is {' and '.join(claimed)} is read from the types alone" if claimed else ""


def _symbols(old: Enum, new: Enum, old_version: str, new_version: str) -> tuple[dict[Any, Any], dict[Any, Any], str]:
    """(up, down, why) for symbols that only one side has: alike ones are each other, else the enum's own default."""
    gone = [symbol for symbol in old.symbols if not _among(symbol, new.symbols)]
    fresh = [symbol for symbol in new.symbols if not _among(symbol, old.symbols)]
    there: dict[Any, Any] = {}
    why: list[str] = []
    for symbol in gone:
        alike = _most_alike(symbol, [each for each in fresh if each not in there.values()])
        if alike is not None or (len(gone) == len(fresh) == 1):
            there[symbol] = alike if alike is not None else fresh[0]
            why.append(f"{symbol} is {there[symbol]} now")
        elif new.default is not MISSING:
            there[symbol] = new.default
            why.append(f"{symbol} becomes the default of {new_version}")
    back: dict[Any, Any] = {}
    if old.default is not MISSING:
        back = {symbol: old.default for symbol in fresh if symbol not in there.values()}
        if back:
            why.append(f"what {old_version} does not know becomes its default there")
    return there, back, ", ".join(why)


def _most_alike(symbol: Any, others: Iterable[Any]) -> Any | None:
    ranked = [
        (likeness(str(symbol), str(other)), str(other), other)
        for other in others
        if isinstance(symbol, str) and isinstance(other, str)
    ]
    best = max(ranked, default=None)
    return best[2] if best is not None and best[0] >= _SYMBOLS_ALIKE else None


def _among(symbol: Any, symbols: tuple[Any, ...]) -> bool:
    return any(type(symbol) is type(other) and symbol == other for other in symbols)
