"""Schemas as formulas: boolean combinations of atoms, each of which speaks about values of one type.

A schema keyword such as ``maxLength`` says nothing about values of other types (validation section 4.2.2), so
an atom is true of every value of another type. References stay folded (``Ref``) until a proof needs them,
which keeps formulas finite where schemas are recursive.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from instar.core.compat.json_schema.document import Node
from instar.core.compat.json_schema.value import JsonType, Value


@dataclass(frozen=True, slots=True)
class TypeIs:
    """The value has this type. The one atom that is false, not true, of other types."""

    name: JsonType


@dataclass(frozen=True, slots=True)
class OneOfValues:
    """The value is one of these (``enum``, ``const``). Speaks about every type."""

    values: frozenset[Value]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A predicate whose meaning is left open: a format, a content encoding, a keyword that both sides share.

    Proofs hold whatever it means, also where a validator does not assert it at all. ``type`` None: any type.
    """

    keyword: str
    text: str
    type: JsonType | None


@dataclass(frozen=True, slots=True)
class AtLeast:
    """number >= bound, or > bound where strict."""

    bound: Fraction
    strict: bool


@dataclass(frozen=True, slots=True)
class AtMost:
    """number <= bound, or < bound where strict."""

    bound: Fraction
    strict: bool


@dataclass(frozen=True, slots=True)
class MultipleOf:
    """The number is a whole multiple; an integer is a multiple of 1."""

    divisor: Fraction


@dataclass(frozen=True, slots=True)
class Size:
    """At least ``count`` characters, items or members, by type."""

    type: JsonType
    count: int


@dataclass(frozen=True, slots=True)
class SizeAtMost:
    """At most ``count`` characters, items or members. Not the negation of a ``Size``: both are true of other
    types."""

    type: JsonType
    count: int


@dataclass(frozen=True, slots=True)
class Matches:
    """The string has a match of the regular expression somewhere (ECMA-262, not anchored)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Each:
    """Items at index ``start`` up to, not including, ``stop`` (None: to the end) satisfy ``formula``."""

    start: int
    stop: int | None
    formula: "Formula"


@dataclass(frozen=True, slots=True)
class Contains:
    """At least ``count`` items satisfy ``formula``."""

    formula: "Formula"
    count: int


@dataclass(frozen=True, slots=True)
class ContainsAtMost:
    """At most ``count`` items satisfy ``formula``."""

    formula: "Formula"
    count: int


@dataclass(frozen=True, slots=True)
class Unique:
    """No two items are equal."""


@dataclass(frozen=True, slots=True)
class Has:
    """The object has this member."""

    name: str


@dataclass(frozen=True, slots=True)
class Named:
    """The member of one name."""

    name: str


@dataclass(frozen=True, slots=True)
class Matching:
    """Members whose name matches a regular expression."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Except:
    """Members with neither one of these names nor a name that one of these patterns matches."""

    names: frozenset[str]
    patterns: frozenset[str]


Selector: TypeAlias = Named | Matching | Except


@dataclass(frozen=True, slots=True)
class Values:
    """Members that the selector selects have a value that satisfies ``formula``."""

    selector: Selector
    formula: "Formula"


@dataclass(frozen=True, slots=True)
class Names:
    """Every member's name satisfies ``formula``."""

    formula: "Formula"


Atom: TypeAlias = (
    TypeIs
    | OneOfValues
    | Opaque
    | AtLeast
    | AtMost
    | MultipleOf
    | Size
    | SizeAtMost
    | Matches
    | Each
    | Contains
    | ContainsAtMost
    | Unique
    | Has
    | Values
    | Names
)


@dataclass(frozen=True, slots=True)
class Ref:
    """What a schema node says, not yet unfolded."""

    node: Node


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; of no parts: true."""

    parts: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some part holds; of no parts: false."""

    parts: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class ExactlyOne:
    """One of the parts holds and no other."""

    parts: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Formula"


Formula: TypeAlias = Atom | Ref | And | Or | ExactlyOne | Not
TRUE = And(())
FALSE = Or(())

#: A formula with a sign: ``(f, False)`` says that f does not hold.
Literal: TypeAlias = tuple[Formula, bool]


def expanded(parts: tuple[Formula, ...]) -> Formula:
    """Exactly one of these, in terms of the other connectives."""
    return Or(
        tuple(And((part, *(Not(other) for j, other in enumerate(parts) if i != j))) for i, part in enumerate(parts))
    )


def present(name: str) -> Formula:
    """The value is an object and has this member; unlike ``Has``, this may be negated."""
    return And((TypeIs("object"), Has(name)))


def atom_type(atom: Atom) -> JsonType | None:
    """The type whose values an atom speaks about; None: all of them."""
    match atom:
        case AtLeast() | AtMost() | MultipleOf():
            return "number"
        case Size() | SizeAtMost() | Opaque():
            return atom.type
        case Matches():
            return "string"
        case Each() | Contains() | ContainsAtMost() | Unique():
            return "array"
        case Has() | Values() | Names():
            return "object"
        case _:
            return None


def from_writer(formula: Formula) -> bool:
    """Whether a formula was said by the writer's schema (sides are told apart only under the lenient
    policy)."""
    match formula:
        case Ref(node):
            return node.writer
        case And(parts) | Or(parts) | ExactlyOne(parts):
            return any(from_writer(part) for part in parts)
        case Not(part):
            return from_writer(part)
        case _:
            return False
