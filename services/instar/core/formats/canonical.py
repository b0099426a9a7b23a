"""The full canonical form of an Avro schema: equal text for documents that mean the same, and for no others.

Avro's own Parsing Canonical Form drops logical types, defaults and aliases, so that a long and a timestamp look equal.
Kept here: full names, the order of fields, symbols and branches, logical types as written, precision and scale of a
decimal, defaults (normalized: see ``avro_default.normal_default``), aliases (full and sorted), a sort order other than
ascending. Dropped: documentation, attributes that the specification does not know, whether a namespace is inherited,
in which document a named type was written. The text is itself an Avro schema that any implementation reads.
"""

import json
from hashlib import sha256
from typing import Any

from instar.core.formats.avro_default import normal_default
from instar.core.formats.avro_types import (
    Array,
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
    logical_of,
)
from instar.core.formats.shape import MISSING


def canonical(types: Types) -> str:
    """The canonical form as JSON text without whitespace."""
    document = _Writer(types).node(types.root, "")
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def fingerprint(canonical_form: str) -> str:
    """SHA-256 of the canonical form's UTF-8 bytes, hexadecimal."""
    return sha256(canonical_form.encode()).hexdigest()


class _Writer:
    def __init__(self, types: Types) -> None:
        self._types = types
        self._written: set[str] = set()

    def node(self, node: Node, space: str) -> Any:
        match node:
            case Primitive(kind):
                return {"type": kind, **_logical(node)} if node.logical else kind
            case Array(items):
                return {"type": "array", "items": self.node(items, space)}
            case Map(values):
                return {"type": "map", "values": self.node(values, space)}
            case Union(branches):
                return [self.node(branch, space) for branch in branches]
            case Named(name):
                return self._named(name, space)

    def _named(self, name: str, space: str) -> Any:
        if name in self._written:
            return name
        self._written.add(name)
        definition = self._types.names[name]
        head: dict[str, Any] = {"name": name}
        own = name.rpartition(".")[0]
        if space and not own:
            head["namespace"] = ""  # otherwise the name would be looked up in the namespace around it
        if definition.aliases:
            head["aliases"] = sorted(set(definition.aliases))
        match definition:
            case Fixed(size=size):
                return {"type": "fixed", **head, "size": size, **_logical(definition)}
            case Enum(symbols=symbols, default=default):
                made = {"type": "enum", **head, "symbols": list(symbols)}
                return made if default is MISSING else {**made, "default": default}
            case Record(fields=fields):
                return {"type": "record", **head, "fields": [self._field(each, own) for each in fields]}

    def _field(self, field: RecordField, space: str) -> dict[str, Any]:
        made: dict[str, Any] = {"name": field.name, "type": self.node(field.node, space)}
        if field.default is not MISSING:
            made["default"] = normal_default(self._types, field.node, field.default)
        if field.aliases:
            made["aliases"] = sorted(set(field.aliases))
        if field.order != "ascending":
            made["order"] = field.order
        return made


def _logical(node: Primitive | Fixed) -> dict[str, Any]:
    logical: Logical | None = node.logical
    if logical is None:
        return {}
    if logical_of(node) is None or logical.name != "decimal":
        return {"logicalType": logical.name}
    return {"logicalType": logical.name, "precision": logical.precision, "scale": logical.scale}
