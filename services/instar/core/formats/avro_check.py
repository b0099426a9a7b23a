"""Is a value exactly one that the schema can write and read back? One closure per type, compiled once.

It runs after every hop on every record. Types are exact (a bool is no int, a subclass of str is no str), records are
closed and complete also where the schema has a default, because a hop that forgets a field must not be helped out
silently. An int may stand for a float or double if that has the very same number.
"""

from collections.abc import Callable
from struct import pack, unpack
from typing import Any

from instar.core.formats.avro_choice import Choose, candidates, is_nullable_pair, python_type
from instar.core.formats.avro_fault import Fault
from instar.core.formats.avro_logical import problem_of
from instar.core.formats.avro_read import LIMIT_EMPTY_ITEMS
from instar.core.formats.avro_types import (
    LIMIT_DEPTH,
    Array,
    Enum,
    Fixed,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    Types,
    Union,
    describe,
    is_empty,
    logical_of,
)

Check = Callable[[Any, int], Fault | None]

_WORDS: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an int",
    float: "a float",
    str: "a string",
    bytes: "bytes",
    list: "a list",
    dict: "a dict",
    tuple: "a tuple",
}


class Checker:
    """The compiled checks of a schema: ``top`` for a whole value, ``chooser`` for the writers of unions."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._checks: dict[str, Check] = {}
        self._open: set[str] = set()
        self.top = self.check(types.root)

    def check(self, node: Node) -> Check:
        match node:
            case Primitive(kind):
                if logical_of(node) is not None:
                    return _logical_check(node, describe(self._types, node))
                return _PRIMITIVES.get(kind) or _type_check(python_type(self._types, node), kind)
            case Array(items):
                return _array_check(self.check(items), is_free=is_empty(self._types, items))
            case Map(values):
                return _map_check(self.check(values))
            case Union():
                return self._union(node)
            case Named(name):
                return self._named(name)

    def chooser(self, union: Union) -> Choose:
        """The function from a valid value to the index of its branch."""
        by_type = {kind: self._numbered(union, indexes) for kind, indexes in candidates(self._types, union).items()}
        by_name = self._by_name(union)

        def choose(value: Any) -> int:
            if type(value) is tuple:
                return by_name[value[0]]
            options = by_type[type(value)]
            for at, check in options[:-1]:
                if check(value, 0) is None:
                    return at
            return options[-1][0]

        return choose

    def _named(self, name: str) -> Check:
        if name in self._checks:
            return self._checks[name]
        if name in self._open:
            # Inside of its own definition: the check does not exist yet and is looked up when it is called.
            checks = self._checks
            return lambda value, depth: checks[name](value, depth)
        self._open.add(name)
        definition = self._types.names[name]
        match definition:
            case Record(fields=fields):
                check = _record_check(name, tuple((field.name, self.check(field.node)) for field in fields))
            case Enum(symbols=symbols):
                check = _enum_check(name, symbols)
            case Fixed(size=size):
                words = describe(self._types, Named(name))
                check = (
                    _fixed_check(size, words) if logical_of(definition) is None else _logical_check(definition, words)
                )
        self._checks[name] = check
        return check

    def _union(self, union: Union) -> Check:
        null_at = is_nullable_pair(union)
        if null_at is not None:
            return _nullable_check(self.check(union.branches[1 - null_at]))
        words = describe(self._types, union)
        by_type = {
            kind: tuple(check for _, check in self._numbered(union, indexes))
            for kind, indexes in candidates(self._types, union).items()
        }
        pairs = {name: self.check(union.branches[at]) for name, at in self._by_name(union).items()}
        return _union_check(by_type, pairs, words)

    def _by_name(self, union: Union) -> dict[str, int]:
        if not self._types.is_paired(union):
            return {}
        return {branch.name: at for at, branch in enumerate(union.branches) if isinstance(branch, Named)}

    def _numbered(self, union: Union, indexes: tuple[int, ...]) -> tuple[tuple[int, Check], ...]:
        return tuple((at, self.check(union.branches[at])) for at in indexes)


def _wrong(words: str, value: Any) -> Fault:
    kind = type(value)
    return Fault(f"should be {words}, not {_WORDS.get(kind, f'a value of the type {kind.__name__}')}")


# ---------------------------------------------------------------------------------------------------- values


def _type_check(kind: type, words: str) -> Check:
    def check(value: Any, _depth: int) -> Fault | None:
        return None if type(value) is kind else _wrong(words, value)

    return check


def _int(value: Any, _depth: int) -> Fault | None:
    if type(value) is not int:
        return _wrong("int", value)
    return None if -0x8000_0000 <= value <= 0x7FFF_FFFF else Fault("does not fit the 32 bits of an int")


def _long(value: Any, _depth: int) -> Fault | None:
    if type(value) is not int:
        return _wrong("long", value)
    if -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
        return None
    return Fault("does not fit the 64 bits of a long")


def _double(value: Any, _depth: int) -> Fault | None:
    if type(value) is float:
        return None
    if type(value) is not int:
        return _wrong("double", value)
    try:
        return None if float(value) == value else Fault("is an int that no double holds exactly")
    except OverflowError:
        return Fault("is an int that is too large for a double")


def _float(value: Any, _depth: int) -> Fault | None:
    if type(value) is not float and type(value) is not int:
        return _wrong("float", value)
    try:
        nearest = unpack("<f", pack("<f", value))[0]
    except OverflowError:
        return Fault("is too large for the 32 bits of a float")
    if nearest == value or value != value:
        return None
    return Fault("is a number that no float of 32 bits holds exactly: round it in the hop, or make the field a double")


def _string(value: Any, _depth: int) -> Fault | None:
    if type(value) is not str:
        return _wrong("string", value)
    return None if value.isascii() else _unencodable(value)


def _unencodable(text: str) -> Fault | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return Fault("holds half of a surrogate pair, which UTF-8 cannot write")
    return None


_PRIMITIVES: dict[str, Check] = {"int": _int, "long": _long, "float": _float, "double": _double, "string": _string}


def _logical_check(node: Primitive | Fixed, words: str) -> Check:
    logical = logical_of(node)
    if logical is None:  # the callers have looked
        raise AssertionError(node)
    kind, problem = problem_of(logical)

    def check(value: Any, _depth: int) -> Fault | None:
        if type(value) is not kind:
            return _wrong(words, value)
        found = problem(value)
        return None if found is None else Fault(f"{found}, but is {words}")

    return check


def _fixed_check(size: int, words: str) -> Check:
    def check(value: Any, _depth: int) -> Fault | None:
        if type(value) is not bytes:
            return _wrong(words, value)
        return None if len(value) == size else Fault(f"has {len(value)} bytes, but {words} has {size}")

    return check


def _enum_check(name: str, symbols: tuple[str, ...]) -> Check:
    known = frozenset(symbols)
    listed = ", ".join(symbols)

    def check(value: Any, _depth: int) -> Fault | None:
        if type(value) is not str:
            return _wrong(f"a symbol of the enum {name}", value)
        return None if value in known else Fault(f"is not one of the symbols of the enum {name}: {listed}")

    return check


# ---------------------------------------------------------------------------------------------------- containers


def _nullable_check(branch: Check) -> Check:
    def check(value: Any, depth: int) -> Fault | None:
        return None if value is None else branch(value, depth)

    return check


def _union_check(by_type: dict[type, tuple[Check, ...]], pairs: dict[str, Check], words: str) -> Check:
    names = ", ".join(pairs)

    def pair(value: tuple[Any, ...], depth: int) -> Fault | None:
        if len(value) != 2 or not isinstance(value[0], str) or value[0] not in pairs:
            return Fault(f"should be a pair (full name, value) with one of the names {names}")
        return pairs[value[0]](value[1], depth)

    def check(value: Any, depth: int) -> Fault | None:
        if pairs and type(value) is tuple:
            return pair(value, depth)
        fault = None
        for option in by_type.get(type(value), ()):
            fault = option(value, depth)
            if fault is None:
                return None
        if fault is not None:
            return fault
        fault = _wrong(words, value)
        if pairs:
            fault.message += f"; a named type is written as the pair (full name, value), with one of {names}"
        return fault

    return check


def _record_check(name: str, fields: tuple[tuple[str, Check], ...]) -> Check:
    count = len(fields)
    names = frozenset(field for field, _ in fields)

    def check(value: Any, depth: int) -> Fault | None:
        if type(value) is not dict:
            return _wrong(f"record {name}", value)
        if depth >= LIMIT_DEPTH:
            return _too_deep()
        depth += 1
        for field, inner in fields:
            if field not in value:
                return Fault("is missing").inside(field)
            fault = inner(value[field], depth)
            if fault is not None:
                return fault.inside(field)
        if len(value) == count:
            return None
        extra = next(key for key in value if key not in names)
        return Fault(f"is not a field of the record {name}").inside(str(extra))

    return check


def _array_check(item: Check, *, is_free: bool) -> Check:
    def check(value: Any, depth: int) -> Fault | None:
        if type(value) is not list:
            return _wrong("array", value)
        if depth >= LIMIT_DEPTH:
            return _too_deep()
        if is_free and len(value) > LIMIT_EMPTY_ITEMS:
            return Fault(f"has more than {LIMIT_EMPTY_ITEMS} items of a type without bytes")
        depth += 1
        for index, each in enumerate(value):
            fault = item(each, depth)
            if fault is not None:
                return fault.inside(f"[{index}]")
        return None

    return check


def _map_check(item: Check) -> Check:
    def check(value: Any, depth: int) -> Fault | None:
        if type(value) is not dict:
            return _wrong("map", value)
        if depth >= LIMIT_DEPTH:
            return _too_deep()
        depth += 1
        for key, each in value.items():
            if type(key) is not str:
                return Fault(f"has a key that is {_WORDS.get(type(key), type(key).__name__)}, not a string")
            fault = _unencodable(key) or item(each, depth)
            if fault is not None:
                return fault.inside(f"{{{key}}}")
        return None

    return check


def _too_deep() -> Fault:
    return Fault(f"is nested deeper than {LIMIT_DEPTH} levels")
