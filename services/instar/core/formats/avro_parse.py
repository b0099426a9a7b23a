"""An Avro schema document to ``Types``: names resolved, every mistake named with its place.

Sources: Avro specification 1.12, sections "Primitive Types", "Complex Types", "Names", "Aliases", "Logical Types".
What the specification tells implementations to ignore (unknown attributes, unknown logical types, a logical type on a
type it does not annotate) is ignored; a decimal without a valid precision is refused, because its author meant one.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from instar.core.formats.avro_default import default_value
from instar.core.formats.avro_types import (
    Array,
    Definition,
    Enum,
    Fixed,
    Logical,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    RecordField,
    Types,
    Union,
    describe,
    heights,
)
from instar.core.formats.schema import Invalid
from instar.core.formats.shape import MISSING

_PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_COMPLEX = ("record", "enum", "array", "map", "fixed")
_ORDERS = ("ascending", "descending", "ignore")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FULL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
_LIMIT_NESTING = 100  # levels of one document; far above any schema that a person reads
_LIMIT_PRECISION = 10_000  # digits of a decimal; beyond, arithmetic on one value takes noticeable time
_LIMIT_SIZE = 2**31 - 1  # bytes of a fixed: an int in every implementation

_Document = dict[str, Any]


def parse_types(document: Any, named: Mapping[str, Any]) -> Types:
    """Parse a document (parsed JSON) with what it needs of ``named`` (full name -> document).

    Raises ``Invalid``; its ``where`` is a JSON pointer, ``full.Name#/pointer`` when the place is in one of ``named``.
    """
    return _Parser(named).run(document)


class _Parser:
    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._names: dict[str, Definition | None] = {}  # None: being defined
        self._places: dict[str, str] = {}
        self._defaults: list[tuple[str, Node, Any]] = []
        self._depth = 0

    def run(self, document: Any) -> Types:
        root = self._node(document, "", "")
        types = Types(root, {name: each for name, each in self._names.items() if each is not None})
        self._check_finite(types)
        for at, node, default in self._defaults:
            _, why = default_value(types, node, default)
            if why is not None:
                raise Invalid(
                    f"The default {_short(default)} is not a value of {describe(types, node)}: {why}.",
                    where=at,
                    remedy="Write a default of that type as JSON, or leave the default out.",
                )
        return types

    def _check_finite(self, types: Types) -> None:
        known = heights(types)
        for name in types.names:
            if name not in known:
                raise Invalid(
                    f"The record {name} always holds another of its own kind, so that no value of it can end.",
                    where=self._places[name],
                    remedy=f'Make a field on the way back to it nullable: ["null", "{name}"].',
                )

    # ------------------------------------------------------------------------------------------------ types

    def _node(self, document: Any, at: str, space: str) -> Node:
        self._depth += 1
        if self._depth > _LIMIT_NESTING:
            raise Invalid(f"The schema is nested deeper than {_LIMIT_NESTING} levels.", where=at, remedy="Flatten it.")
        try:
            match document:
                case str():
                    return Primitive(document) if document in _PRIMITIVES else self._reference(document, at, space)
                case list():
                    return self._union(document, at, space)
                case dict():
                    return self._object(document, at, space)
                case _:
                    raise Invalid(
                        f"A schema is a type's name, an object or an array (a union), not {_short(document)}.",
                        where=at,
                        remedy='Write for example "string", {"type": "array", "items": "long"} or ["null", "string"].',
                    )
        finally:
            self._depth -= 1

    def _object(self, document: _Document, at: str, space: str) -> Node:
        if "type" not in document:
            raise Invalid("This schema has no type.", where=at, remedy='Add "type", for example "type": "record".')
        kind, inside = document["type"], f"{at}/type"
        if isinstance(kind, dict | list):
            if "logicalType" in document:
                raise Invalid(
                    "logicalType stands outside of the type that it annotates and would mean nothing here.",
                    where=f"{at}/logicalType",
                    remedy="Move it into the inner type.",
                )
            return self._node(kind, inside, space)
        if not isinstance(kind, str):
            raise Invalid(f"A type is named by a string, not {_short(kind)}.", where=inside, remedy="Name a type.")
        match kind:
            case "record" | "error":
                return self._record(document, at, space)
            case "enum":
                return self._enum(document, at, space)
            case "fixed":
                return self._fixed(document, at, space)
            case "array":
                return Array(self._part(document, "items", kind, at, space))
            case "map":
                return Map(self._part(document, "values", kind, at, space))
            case _ if kind in _PRIMITIVES:
                return Primitive(kind, self._logical(document, kind, at))
            case _:
                return self._reference(kind, inside, space)

    def _part(self, document: _Document, key: str, kind: str, at: str, space: str) -> Node:
        if key not in document:
            raise Invalid(f"This {kind} has no {key}.", where=at, remedy=f'Add "{key}" with the type of its {key}.')
        return self._node(document[key], f"{at}/{key}", space)

    def _union(self, branches: list[Any], at: str, space: str) -> Union:
        if not branches:
            raise Invalid("A union needs at least one type.", where=at, remedy='Write for example ["null", "string"].')
        nodes: list[Node] = []
        seen: set[str] = set()
        for index, each in enumerate(branches):
            here = f"{at}/{index}"
            node = self._node(each, here, space)
            if isinstance(node, Union):
                raise Invalid("A union may not hold a union directly.", where=here, remedy="List its types here.")
            match node:
                case Named(name) | Primitive(kind=name):
                    pass
                case _:
                    name = "array" if isinstance(node, Array) else "map"
            if name in seen:
                raise Invalid(
                    f"The union holds {name} twice; a reader could not tell the two apart.",
                    where=here,
                    remedy="Keep one of them; only records, enums and fixeds of different names may stand together.",
                )
            seen.add(name)
            nodes.append(node)
        return Union(tuple(nodes))

    # ------------------------------------------------------------------------------------------------ named types

    def _record(self, document: _Document, at: str, space: str) -> Named:
        name, inner = self._define(document, at, space)
        documents = document.get("fields")
        if not isinstance(documents, list):
            raise Invalid(f"The record {name} has no list of fields.", where=at, remedy='Add "fields": [].')
        fields: dict[str, RecordField] = {}
        for index, each in enumerate(documents):
            here = f"{at}/fields/{index}"
            field = self._field(each, here, inner)
            if field.name in fields:
                raise Invalid(
                    f"The record {name} has two fields named {field.name}.", where=here, remedy="Rename one of them."
                )
            fields[field.name] = field
        self._names[name] = Record(name, tuple(fields.values()), self._aliases(document, at, inner))
        return Named(name)

    def _field(self, document: Any, at: str, space: str) -> RecordField:
        if not isinstance(document, dict):
            raise Invalid(
                f"A field is an object with name and type, not {_short(document)}.",
                where=at,
                remedy='Write {"name": "total", "type": "long"}.',
            )
        name = document.get("name")
        if not isinstance(name, str) or not _NAME.match(name):
            raise Invalid(
                f"{_short(name)} is not a field's name." if "name" in document else "This field has no name.",
                where=f"{at}/name" if "name" in document else at,
                remedy="Use letters, digits and _, beginning with a letter or _.",
            )
        if "type" not in document:
            raise Invalid(f"The field {name} has no type.", where=at, remedy='Add "type".')
        order = document.get("order", "ascending")
        if order not in _ORDERS:
            raise Invalid(
                f"{_short(order)} is not a sort order.", where=f"{at}/order", remedy=f"Use one of {', '.join(_ORDERS)}."
            )
        node = self._node(document["type"], f"{at}/type", space)
        default = document.get("default", MISSING)
        if default is not MISSING:
            self._defaults.append((f"{at}/default", node, default))
        aliases = self._strings(document, "aliases", _NAME, at)
        return RecordField(name, node, default, aliases, order)

    def _enum(self, document: _Document, at: str, space: str) -> Named:
        name, inner = self._define(document, at, space)
        if "symbols" not in document or not document["symbols"]:
            raise Invalid(f"The enum {name} has no symbols.", where=at, remedy='Add "symbols": ["A", "B"].')
        symbols = self._strings(document, "symbols", _NAME, at)
        for index, symbol in enumerate(symbols):
            if symbol in symbols[:index]:
                raise Invalid(
                    f"The enum {name} lists {symbol} twice.", where=f"{at}/symbols/{index}", remedy="Keep one of them."
                )
        default = document.get("default", MISSING)
        if default is not MISSING and default not in symbols:
            raise Invalid(
                f"The default {_short(default)} is not a symbol of the enum {name}.{_nearest(default, symbols)}",
                where=f"{at}/default",
                remedy=f"Use one of {', '.join(symbols)}.",
            )
        self._names[name] = Enum(name, symbols, default, self._aliases(document, at, inner))
        return Named(name)

    def _fixed(self, document: _Document, at: str, space: str) -> Named:
        name, inner = self._define(document, at, space)
        size = document.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LIMIT_SIZE:
            raise Invalid(
                f"The fixed {name} needs a size in bytes, a whole number from 0 to {_LIMIT_SIZE}.",
                where=f"{at}/size" if "size" in document else at,
                remedy='Add for example "size": 16.',
            )
        logical = self._logical(document, "fixed", at)
        if logical is not None and logical.name == "decimal" and 10**logical.precision > 2 ** (8 * size - 1):
            raise Invalid(
                f"A decimal of {logical.precision} digits does not fit into the {size} bytes of the fixed {name}.",
                where=f"{at}/precision",
                remedy="Make the fixed larger or the precision smaller.",
            )
        self._names[name] = Fixed(name, size, logical, self._aliases(document, at, inner))
        return Named(name)

    def _define(self, document: _Document, at: str, space: str) -> tuple[str, str]:
        """A definition's full name and the namespace inside of it. (Specification, "Names".)"""
        name, kind = document.get("name"), document["type"]
        if not isinstance(name, str) or not _FULL_NAME.match(name) or name in _PRIMITIVES:
            raise Invalid(
                f"{_short(name)} is not a name for this {kind}." if "name" in document else f"This {kind} has no name.",
                where=f"{at}/name" if "name" in document else at,
                remedy="Use letters, digits and _, beginning with a letter or _; a dot parts namespace and name.",
            )
        own = document.get("namespace", space)
        if own is None:
            own = ""
        if not isinstance(own, str) or (own and not _FULL_NAME.match(own)):
            raise Invalid(
                f"{_short(own)} is not a namespace.", where=f"{at}/namespace", remedy="Write names parted by dots."
            )
        full = name if "." in name or not own else f"{own}.{name}"
        if full in self._names:
            raise Invalid(
                f"{full} is defined twice (first at {self._places[full] or 'the top'}).",
                where=at,
                remedy="Define it once, and name it where else it is used.",
            )
        self._names[full] = None
        self._places[full] = at
        return full, full.rpartition(".")[0]

    def _reference(self, name: str, at: str, space: str) -> Named:
        full = name if "." in name or not space else f"{space}.{name}"
        for candidate in (full, name):
            if candidate in self._names:
                return Named(candidate)
            if candidate in self._named:
                return self._elsewhere(candidate, at)
        known = [*_PRIMITIVES, *_COMPLEX, *self._names, *self._named]
        known += [each.rpartition(".")[2] for each in known if "." in each]
        remedy = "Define it before it is used (depth first, left to right)"
        if self._named:
            remedy += ", or in a file of its own"
        raise Invalid(
            f"There is no type {name}{f' or {full}' if full != name else ''}.{_nearest(name, known)}",
            where=at,
            remedy=f"{remedy}.",
        )

    def _elsewhere(self, full: str, at: str) -> Named:
        """The definition of another document, as if it stood here."""
        document = self._named[full]
        if not isinstance(document, dict) or document.get("type") not in ("record", "error", "enum", "fixed"):
            raise Invalid(
                f"The document given for {full} is not a record, enum or fixed.",
                where=at,
                remedy="Put one named type into each document.",
            )
        node = self._node(document, f"{full}#", "")
        if node != Named(full):
            raise Invalid(
                f"The document given for {full} defines {getattr(node, 'name', 'another type')}.",
                where=f"{full}#/name",
                remedy="Give it under the full name that it defines.",
            )
        return Named(full)

    # ------------------------------------------------------------------------------------------------ attributes

    def _logical(self, document: _Document, kind: str, at: str) -> Logical | None:
        name = document.get("logicalType")
        if not isinstance(name, str):
            return None
        if name != "decimal" or kind not in ("bytes", "fixed"):
            return Logical(name)
        precision, scale = document.get("precision"), document.get("scale", 0)
        if not isinstance(precision, int) or isinstance(precision, bool) or not 1 <= precision <= _LIMIT_PRECISION:
            raise Invalid(
                f"A decimal needs a precision in digits, a whole number from 1 to {_LIMIT_PRECISION}.",
                where=f"{at}/precision" if "precision" in document else at,
                remedy='Add for example "precision": 12.',
            )
        if not isinstance(scale, int) or isinstance(scale, bool) or not 0 <= scale <= precision:
            raise Invalid(
                f"The scale of a decimal is a whole number from 0 to its precision, here {precision}.",
                where=f"{at}/scale",
                remedy='Write for example "scale": 2.',
            )
        return Logical(name, precision, scale)

    def _aliases(self, document: _Document, at: str, space: str) -> tuple[str, ...]:
        """The full names that this type once had; a short one lies in the type's own namespace."""
        names = self._strings(document, "aliases", _FULL_NAME, at)
        return tuple(name if "." in name or not space else f"{space}.{name}" for name in names)

    def _strings(self, document: _Document, key: str, pattern: re.Pattern[str], at: str) -> tuple[str, ...]:
        values = document.get(key, [])
        if not isinstance(values, list):
            raise Invalid(f"{key} is a list of names, not {_short(values)}.", where=f"{at}/{key}", remedy="Write [].")
        for index, each in enumerate(values):
            if not isinstance(each, str) or not pattern.match(each):
                raise Invalid(
                    f"{_short(each)} is not a name that {key} may hold.",
                    where=f"{at}/{key}/{index}",
                    remedy="Use letters, digits and _, beginning with a letter or _.",
                )
        return tuple(values)


def _nearest(name: Any, known: Any) -> str:
    near = get_close_matches(name, list(known), n=1) if isinstance(name, str) else []
    return f" Did you mean {near[0]}?" if near else ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
