"""An Avro schema as a ``Shape``: what operations, differences and samples look at."""

from instar.core.formats import avro_types as avro
from instar.core.formats.shape import Array, Enum, Field, Map, Object, Ref, Scalar, Shape, Union


def shape_of(types: avro.Types) -> Shape:
    """The shape of the top type. A record within itself is ``Ref``; anywhere else a named type stands in full."""
    return _Reader(types).shape(types.root, ())


class _Reader:
    def __init__(self, types: avro.Types) -> None:
        self._types = types
        self._closed: dict[str, Shape] = {}  # shapes without a Ref out of them are shared, however often they are used
        self._refs: dict[str, set[str]] = {}

    def shape(self, node: avro.Node, around: tuple[str, ...]) -> Shape:
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

    def _named(self, name: str, around: tuple[str, ...]) -> Shape:
        if name in around:
            for inner in around[around.index(name) + 1 :]:
                self._refs[inner].add(name)
            return Ref(name)
        if name in self._closed:
            return self._closed[name]
        definition = self._types.names[name]
        match definition:
            case avro.Enum(symbols=symbols, default=default):
                shape: Shape = Enum(symbols, name, default)
            case avro.Fixed(size=size):
                logical, constraints = _logical(definition)
                shape = Scalar("fixed", logical, tuple(sorted((*constraints, ("size", size)))), name)
            case avro.Record(fields=fields):
                self._refs[name] = set()
                inside = (*around, name)
                shape = Object(
                    {
                        each.name: Field(self.shape(each.node, inside), True, each.default, each.aliases)
                        for each in fields
                    },
                    name,
                )
                if self._refs[name]:
                    return shape
        self._closed[name] = shape
        return shape


def _logical(node: avro.Primitive | avro.Fixed) -> tuple[str | None, tuple[tuple[str, int], ...]]:
    logical = node.logical
    if logical is None:
        return None, ()
    if logical.name != "decimal" or avro.logical_of(node) is None:
        return logical.name, ()
    return logical.name, (("precision", logical.precision), ("scale", logical.scale))
