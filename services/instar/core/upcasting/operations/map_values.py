"""``map_values("status", {"SENT": "SHIPPED"})``: symbols get other names, or become others."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from instar.core.formats.shape import Enum, Scalar, Shape, is_null, without_null
from instar.core.upcasting.operation import Misfit, Step
from instar.core.upcasting.operations.drop import show
from instar.core.upcasting.records import article, kind_of
from instar.core.upcasting.values import Change, Turn, at_values, put_branch

Pairs = tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class MapValues:
    """Turn values into others by a table; a value that is not named stays.

    The way down is the table turned round. Where two old values become the same new one, the one that was called so
    already comes back, else ``down`` says which; where the new version has values that no old one becomes, ``down``
    says what they are in the old one. What so comes back as something else is computed as a loss.
    """

    path: str
    mapping: Pairs
    down: Pairs = ()

    @property
    def summary(self) -> str:
        there = ", ".join(f"{show_plain(old)} -> {show_plain(new)}" for old, new in self.mapping)
        back = ", ".join(f"{show_plain(new)} -> {show_plain(old)}" for new, old in self.down)
        return f"map values of {self.path}: {there or 'all stay'}" + (f"; down {back}" if back else "")

    def bind(self, current: Shape, target: Shape) -> Step:
        return at_values(current, target, self.path, self.change)

    def change(self, shape: Shape, target: Shape | None, avro: bool) -> Change:  # noqa: ARG002
        """What is done to one value: the ``BindValue`` of this operation."""
        was, aim = without_null(shape), None if target is None else without_null(target)
        if not isinstance(was, Enum | Scalar) or is_null(was):
            raise Misfit(
                "wrong-type",
                f"this is {article(kind_of(shape))}, and values are mapped where they are symbols or plain",
                remedy="convert it with functions: convert(path, up=..., down=...)",
            )
        there, back = self._tables(was)
        old, new = self._domains(was, there)
        self._check_symbols(was, aim)
        shape_after: Shape = was
        if isinstance(was, Enum):
            shape_after = Enum(_ordered(new, was, aim), was.name)
        lossy_up = any(not _same(_turned(back, _turned(there, value)), value) for value in old)
        lossy_down = any(not _same(_turned(there, _turned(back, value)), value) for value in new)
        return Change(put_branch(shape, shape_after), _turn(there), _turn(back), lossy_up, lossy_down)

    def _tables(self, was: Enum | Scalar) -> tuple[dict[Any, Any], dict[Any, Any]]:
        """Both directions by value; a value stands with its type, because True is not 1."""
        there = {_key(old): new for old, new in self.mapping}
        said = {_key(new): old for new, old in self.down}
        back = dict(said)
        stay = [value for value in was.symbols if _key(value) not in there] if isinstance(was, Enum) else []
        for value in stay:  # what was called so already comes back as itself
            back.setdefault(_key(value), value)
        for old, new in self.mapping:
            rivals = [other for other, same in self.mapping if _same(same, new) and not _same(other, old)]
            if rivals and _key(new) not in back:
                names = " and ".join(show_plain(each) for each in (old, *rivals))
                raise Misfit(
                    "ambiguous-way-back",
                    f"{names} all become {show_plain(new)}, and nothing says which of them comes back",
                    remedy=f'say it: map_values("{self.path}", ..., down={{{show(new)}: {show(old)}}})',
                )
            back.setdefault(_key(new), old)
        return there, back

    def _domains(self, was: Enum | Scalar, there: Mapping[Any, Any]) -> tuple[list[Any], list[Any]]:
        """The old values and the new ones that matter: all of an enum, else all that the tables name."""
        if isinstance(was, Enum):
            named = [new for new, _ in self.down]
            return list(was.symbols), [*(_turned(there, symbol) for symbol in was.symbols), *named]
        known = [value for pair in (*self.mapping, *self.down) for value in pair]
        return known, known

    def _check_symbols(self, was: Enum | Scalar, aim: Shape | None) -> None:
        if isinstance(was, Enum):
            _check([old for old, _ in self.mapping], was.symbols, "at this point of the hop")
            _check([old for _, old in self.down], was.symbols, "at this point of the hop")
        if isinstance(aim, Enum):
            _check([new for _, new in self.mapping], aim.symbols, "in the new version")
            _check([new for new, _ in self.down], aim.symbols, "in the new version")


def _check(values: Iterable[Any], symbols: tuple[Any, ...], when: str) -> None:
    for value in values:
        if not any(_same(value, symbol) for symbol in symbols):
            close = get_close_matches(str(value), [str(symbol) for symbol in symbols], n=1)
            known = ", ".join(show_plain(symbol) for symbol in symbols)
            raise Misfit(
                "no-such-symbol",
                f"there is no symbol {show_plain(value)} {when}",
                remedy=f"did you mean {close[0]}?" if close else f"the symbols are: {known}",
            )


def _ordered(symbols: list[Any], was: Enum, aim: Shape | None) -> tuple[Any, ...]:
    """The symbols without doubles, in the new version's order where it has them, else in the old one's."""
    known = [*(aim.symbols if isinstance(aim, Enum) else ()), *was.symbols, *symbols]
    kept = {_key(symbol) for symbol in symbols}
    return tuple({_key(symbol): symbol for symbol in known if _key(symbol) in kept}.values())


def show_plain(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


def _key(value: Any) -> tuple[type, Any]:
    return type(value), value if value.__hash__ is not None else repr(value)


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _turned(table: Mapping[Any, Any], value: Any) -> Any:
    return table.get(_key(value), value)


def _turn(table: Mapping[Any, Any]) -> Turn:
    lookup: Callable[..., Any] = table.get
    if all(kind is str for kind, _ in table):
        plain = {key: value for (_, key), value in table.items()}
        return lambda value: plain.get(value, value) if isinstance(value, str) else value
    return lambda value: lookup(_key(value), value)
