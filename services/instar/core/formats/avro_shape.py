"""An Avro schema as a ``Shape``: what operations, differences and samples look at."""

from collections.abc import Iterator

from instar.core.formats import avro_types as avro
from instar.core.formats.shape import Array, Enum, Field, Map, Object, Ref, Scalar, Shape, Union


def shape_of(types: avro.Types) -> Shape:
    """The shape of the top type. A record within itself is ``Ref``; anywhere else a named type stands in full."""
    return _Reader(types).shape(types.root, frozenset())


class _Reader:
    def __init__(self, types: avro.Types) -> None:
        self._types = types
        # What a named type looks like depends on the records around it, as far as it can lead back to them.
        self._shapes: dict[tuple[str, frozenset[str]], Shape] = {}
        self._within: dict[str, frozenset[str]] = {}

    def shape(self, node: avro.Node, around: frozenset[str]) -> Shape:
        match node:
            case avro.Primitive(kind):
                return Scalar(kind, *_logical(node))
            case avro.Array(items):
                return Array(self.shape(items, around))
            case avro.Map(values):
                return Map(self.shape(values, around))
            case avro.Union(branches):
                return Union(tuple(self.shape(branch, around) for branch in branches))
            case avro.Named(name):
                return self._named(name, around)

    def _named(self, name: str, around: frozenset[str]) -> Shape:
        if name in around:
            return Ref(name)
        key = name, around & self._reachable(name)
        if key not in self._shapes:
            self._shapes[key] = self._defined(name, around | {name})
        return self._shapes[key]

    def _defined(self, name: str, inside: frozenset[str]) -> Shape:
        definition = self._types.names[name]
        match definition:
            case avro.Enum(symbols=symbols, default=default):
                return Enum(symbols, name, default)
            case avro.Fixed(size=size):
                logical, constraints = _logical(definition)
                return Scalar("fixed", logical, tuple(sorted((*constraints, ("size", size)))), name)
            case avro.Record(fields=fields):
                return Object(
                    {
                        each.name: Field(self.shape(each.node, inside), True, each.default, each.aliases)
                        for each in fields
                    },
                    name,
                )

    def _reachable(self, name: str) -> frozenset[str]:
        """The named types that a value of this one may hold, however deep."""
        if name not in self._within:
            found: set[str] = set()
            pending = [name]
            while pending:
                definition = self._types.names[pending.pop()]
                for field in definition.fields if isinstance(definition, avro.Record) else ():
                    new = set(_names(field.node)) - found
                    found |= new
                    pending += new
            self._within[name] = frozenset(found)
        return self._within[name]


def _names(node: avro.Node) -> Iterator[str]:
    """The named types that a node uses itself."""
    match node:
        case avro.Named(name):
            yield name
        case avro.Array(items=inner) | avro.Map(values=inner):
            yield from _names(inner)
        case avro.Union(branches):
            for branch in branches:
                yield from _names(branch)


def _logical(node: avro.Primitive | avro.Fixed) -> tuple[str | None, tuple[tuple[str, int], ...]]:
    """A logical type that is void where it stands is left out; one that nobody here reads is told by its name."""
    logical = node.logical
    if logical is None or (logical.name in avro.LOGICAL_KINDS and avro.logical_of(node) is None):
        return None, ()
    if logical.name != "decimal":
        return logical.name, ()
    return logical.name, (("precision", logical.precision), ("scale", logical.scale))
