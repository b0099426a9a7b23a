"""What the theories share: the literals of one branch, sorted for their use, and the question about parts."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeAlias, TypeVar

from instar.core.compat.json_schema.formula import Atom, Literal, Size, SizeAtMost
from instar.core.compat.json_schema.value import JsonType

Goal: TypeAlias = frozenset[Literal]
_A = TypeVar("_A")


class Asks(Protocol):
    """Answers a question about a part of the value."""

    @property
    def lenient(self) -> bool:
        """Whether writers write only what they declare."""

    def empty(self, literals: Iterable[Literal]) -> bool:
        """Whether provably no value satisfies all literals."""


class Literals:
    """The atoms of a branch with their signs."""

    def __init__(self, signs: dict[Atom, bool]) -> None:
        self.signs = signs

    def of(self, kind: type[_A], sign: bool) -> Iterator[_A]:
        """Atoms of one kind with one sign."""
        return (atom for atom, s in self.signs.items() if s is sign and isinstance(atom, kind))

    def shortest(self, name: JsonType) -> int:
        """The least size that the literals allow."""
        bounds = [size.count for size in self.of(Size, True) if size.type == name]
        bounds += [size.count + 1 for size in self.of(SizeAtMost, False) if size.type == name]
        return max(bounds, default=0)

    def longest(self, name: JsonType) -> int | None:
        """The greatest size that the literals allow; None: any. Negative: none at all."""
        bounds = [size.count for size in self.of(SizeAtMost, True) if size.type == name]
        bounds += [size.count - 1 for size in self.of(Size, False) if size.type == name]
        return min(bounds, default=None)
