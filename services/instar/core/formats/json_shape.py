"""The shape of a JSON Schema: what its types, properties, items, enumerations and references say about a value.

The reading, where JSON Schema says more than one thing:

- without ``type``, a node with ``properties`` or ``required`` is read as an object, though it admits anything else too;
- ``allOf`` and the neighbours of ``$ref`` are joined into one node where one node can say it, else the part is Opaque;
- ``anyOf`` and ``oneOf`` are a Union of their branches; beside ``properties`` they are kept as a constraint, because
  they then mostly say which fields go together; two branches that are enumerations become one;
- ``enum`` and ``const`` are an Enum; a null among them becomes the Union's null branch: "nullable" has one form;
- an object with only ``additionalProperties`` (a schema) or ``patternProperties`` is a Map;
- a recursive definition is an Object that carries the definition's name, and a Ref inside it; a definition that refers
  back to itself and is neither an object nor an object or null is Opaque at the point of return.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from instar.core.formats.canonical_json import canonical_text
from instar.core.formats.json_bundle import Bundle
from instar.core.formats.json_dialect import Node
from instar.core.formats.json_merge import Unjoinable, conjoin
from instar.core.formats.json_text import write_json
from instar.core.formats.shape import (
    MISSING,
    NULL,
    Array,
    Constraints,
    Enum,
    Field,
    Map,
    Object,
    Opaque,
    Ref,
    Scalar,
    Shape,
    Union,
    without_null,
)

_STRING = ("contentEncoding", "contentMediaType", "maxLength", "minLength", "pattern")
_NUMBER = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
_ARRAY = ("contains", "maxContains", "maxItems", "minContains", "minItems", "unevaluatedItems", "uniqueItems")
_OBJECT = [
    "additionalProperties",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "maxProperties",
    "minProperties",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
]
_ANY_KIND = ("anyOf", "else", "if", "not", "oneOf", "then")  # kept as constraints where they are not read
_OBJECT_SIGNS = frozenset(("properties", "required"))
_ENUM_SIGNS = frozenset(("type", "enum", "const", "default", "format"))
_READ_LIMIT = 50_000  # nodes; beyond it parts are Opaque. The largest of 301 published webhook schemas takes 317
_DEPTH_LIMIT = 60  # levels; Python's stack holds about 140 of them


class _Returns(Exception):
    """A definition that is not a plain object refers back to itself: to be read again, knowing that."""

    def __init__(self, name: str, nullable: bool) -> None:
        super().__init__(name)
        self.name = name
        self.nullable = nullable


def shape_of(bundle: Bundle) -> Shape:
    """The shape of the schema's root. Total: what has no reading is Opaque."""
    nullable: dict[str, bool] = {}
    while True:  # ends: each round knows of one more definition
        try:
            return _Reader(bundle, nullable).referred("#")
        except _Returns as returns:
            nullable[returns.name] = returns.nullable and returns.name not in nullable


class _Reader:
    def __init__(self, bundle: Bundle, nullable: Mapping[str, bool]) -> None:
        self._bundle = bundle
        self._nullable = nullable  # recursive definitions that are an object or null (True), or anything else (False)
        self._open: list[str] = []  # definitions being read, outermost first
        self._returned: set[str] = set()  # those of them that are referred back to
        self._done: dict[str, Shape] = {}  # complete, without a Ref to the outside
        self._reads = 0
        self._depth = 0

    def referred(self, reference: str) -> Shape:
        """The shape of a definition, read once unless it refers back to a definition around it."""
        name, node = self._bundle.target(reference)
        if name in self._done:
            return self._done[name]
        if name in self._open:
            if self._nullable.get(name) is False:
                return self._as_text(node)
            self._returned.add(name)
            back = Ref(name or "root")
            return Union((NULL, back)) if name in self._nullable else back
        around, self._returned = self._returned, set()
        self._open.append(name)
        shape = self.read(node, ())
        self._open.pop()
        if name in self._returned:
            self._returned.discard(name)
            shape = self._named(shape, name)
        if not self._returned:
            self._done[name] = shape
        self._returned |= around
        return shape

    def _named(self, shape: Shape, name: str) -> Shape:
        """A recursive definition's shape with the name that its Refs give."""
        known = name in self._nullable
        if isinstance(shape, Object) and not known:
            return replace(shape, name=name or "root")
        inner = without_null(shape)
        if not isinstance(inner, Object) or inner is shape or not known:
            raise _Returns(name, isinstance(inner, Object) and inner is not shape)
        named = replace(inner, name=name or "root")
        return Union(tuple(named if each is inner else each for each in cast("Union", shape).branches))

    def read(self, node: Node, within: tuple[str, ...]) -> Shape:
        if isinstance(node, dict) and node.keys() - {"default"} == {"$ref"}:
            return self.referred(node["$ref"])
        self._reads += 1
        if self._reads > _READ_LIMIT or self._depth > _DEPTH_LIMIT:
            return self._as_text(node)
        try:
            flat, within = self._flat(node, within)
        except Unjoinable:
            return self._as_text(node)
        if isinstance(flat, bool):
            return Opaque("true" if flat else "false")
        self._depth += 1
        shape = self._flat_shape(flat, within)
        self._depth -= 1
        return shape

    def _flat(self, node: Node, within: tuple[str, ...]) -> tuple[Node, tuple[str, ...]]:
        """The node with its ``$ref`` and ``allOf`` joined in. Raises ``Unjoinable``, also for a circle of them."""
        if isinstance(node, bool):
            return node, within
        result: Node = {key: value for key, value in node.items() if key not in ("$ref", "allOf")}
        parts: list[Node] = list(node.get("allOf", ()))
        if "$ref" in node:
            name, target = self._bundle.target(node["$ref"])
            if name in within:
                raise Unjoinable("$ref")
            within = (*within, name)
            parts.insert(0, target)
        for part in parts:
            flat, within = self._flat(part, within)
            result = conjoin(result, flat)
        return result, within

    def _flat_shape(self, node: dict[str, Any], within: tuple[str, ...]) -> Shape:
        if "enum" in node or "const" in node:
            return self._enum(node)
        for key in ("anyOf", "oneOf"):
            if key in node and not _OBJECT_SIGNS & node.keys():
                return self._alternatives(node, key, within)
        types = node.get("type", "object" if _OBJECT_SIGNS & node.keys() else None)
        if types is None:
            return Opaque("true") if not node.keys() - {"default"} else self._as_text(node)
        branches = [self._typed(node, each, within) for each in ([types] if isinstance(types, str) else types)]
        return _union(branches)

    def _enum(self, node: dict[str, Any]) -> Shape:
        symbols = list(node["enum"]) if "enum" in node else [node["const"]]
        if "const" in node:
            symbols = [each for each in symbols if write_json(each) == write_json(node["const"])]
        if node.keys() - {"enum", "const", "default"}:
            validator = self._bundle.validator(node)
            symbols = [each for each in symbols if validator.is_valid(each)]
        rest = tuple(each for each in symbols if each is not None)
        branches: list[Shape] = [Enum(rest)] if rest else []
        if len(rest) != len(symbols):
            branches.append(NULL)
        return _union(branches) if branches else Opaque("false")

    def _alternatives(self, node: dict[str, Any], key: str, within: tuple[str, ...]) -> Shape:
        base = {name: value for name, value in node.items() if name not in (key, "default")}
        branches: list[Shape] = []
        for alternative in node[key]:
            if not base:
                branches.append(self.read(alternative, within))
                continue
            try:
                flat, deeper = self._flat(alternative, within)
                joined = conjoin(base, flat)
            except Unjoinable as unjoinable:
                if str(unjoinable) not in ("type", "enum"):
                    return self._as_text(node)
                continue  # no value is of both types: this branch is empty
            if joined is not False:
                branches.append(self.read(joined, deeper))
        return _union(branches) if branches else Opaque("false")

    def _typed(self, node: dict[str, Any], kind: str, within: tuple[str, ...]) -> Shape:
        if kind == "object":
            return self._object(node, within)
        if kind == "array":
            if "prefixItems" in node or isinstance(node.get("items"), list):
                return self._as_text({**node, "type": "array"})
            return Array(self.read(node.get("items", True), within), self._constraints(node, (*_ARRAY, *_ANY_KIND)))
        if kind == "null":
            return NULL
        names = {"string": _STRING, "integer": _NUMBER, "number": _NUMBER}.get(kind, ())
        logical = node.get("format") if kind != "boolean" else None
        return Scalar(kind, logical, self._constraints(node, (*names, *_ANY_KIND)))

    def _object(self, node: dict[str, Any], within: tuple[str, ...]) -> Shape:
        properties = node.get("properties", {})
        patterns = node.get("patternProperties", {})
        rest = node.get("additionalProperties", node.get("unevaluatedProperties", True))
        required = node.get("required", [])
        names = [key for key in (*_OBJECT, *_ANY_KIND) if key in node]
        if not properties and not required and (patterns or isinstance(rest, dict)):
            values = [*patterns.values(), *([rest] if isinstance(rest, dict) else [])]
            if rest is not True or isinstance(node.get("additionalProperties"), dict):
                kept = [key for key in names if key != "additionalProperties"]
                return Map(_union([self.read(each, within) for each in values]), self._constraints(node, kept))
        fields: dict[str, Field] = {}
        for name, each in properties.items():
            if each is not False:
                fields[name] = Field(self.read(each, within), name in required, self._default(each))
        for name in required:
            if name not in fields:
                fields[name] = Field(self.read(properties.get(name, rest), within), True)
        kept = [key for key in names if not isinstance(node[key], bool)]
        return Object(fields, open=rest is not False or bool(patterns), constraints=self._constraints(node, kept))

    def _default(self, node: Node) -> Any:
        """The default of a property, also when it is written at what the property refers to."""
        seen: set[int] = set()
        while isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            if "default" in node:
                return node["default"]
            node = self._bundle.target(node["$ref"])[1] if "$ref" in node else True
        return MISSING

    def _constraints(self, node: dict[str, Any], names: Any) -> Constraints:
        return tuple((key, self._plain(key, node[key])) for key in sorted(names) if key in node)

    def _plain(self, key: str, value: Any) -> Any:
        """A constraint's value as something hashable: a schema is its canonical text."""
        if isinstance(value, (str, int, float)):
            return value
        if isinstance(value, dict) and key not in ("dependentRequired",):
            wrapped: dict[str, Any] = {key: value}
            return canonical_text(self._bundle, wrapped)
        return canonical_text(self._bundle, {key: value})

    def _as_text(self, node: Node) -> Opaque:
        if isinstance(node, dict):
            node = {key: value for key, value in node.items() if key != "default"}
        return Opaque(canonical_text(self._bundle, node))


def _union(branches: list[Shape]) -> Shape:
    """Flat, without doubles, its enumerations together; one branch is that branch."""
    flat: list[Shape] = []
    for each in branches:
        flat += each.branches if isinstance(each, Union) else (each,)
    symbols = [symbol for each in flat if isinstance(each, Enum) for symbol in each.symbols]
    result: list[Shape] = []
    for each in flat:
        if isinstance(each, Enum):
            each = Enum(tuple({repr(symbol): symbol for symbol in symbols}.values()))
        if each not in result:
            result.append(each)
    return result[0] if len(result) == 1 else Union(tuple(result))
