"""Schema documents and the places in them: what ``$id`` names, where ``$ref`` leads.

Rules: draft-07 core sections 8.2 and 8.3; 2020-12 core sections 8.2 and 9. ``$dynamicRef`` and
``$recursiveRef`` mean what ``$ref`` means as long as a library holds a single schema resource: there is then
only one dynamic scope.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from instar.core.compat.json_schema import uri
from instar.core.compat.json_schema.dialect import ANNOTATIONS, Dialect, declared, guessed, subschemas

Schema: TypeAlias = bool | Mapping[str, Any]

_SAYS_NOTHING = ANNOTATIONS - {"$id", "id", "$anchor", "$dynamicAnchor", "definitions", "$defs", "default"}
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class Unresolvable(Exception):
    """A reference that leads nowhere. Caught inside this package; it becomes a finding."""


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON document with its dialect and the URI that it was given."""

    root: Any
    uri: str
    dialect: Dialect


@dataclass(frozen=True)
class Node:
    """A schema at its place. Two nodes are equal where they mean the same, wherever they stand."""

    library: "Library" = field(repr=False, compare=False)
    document: Document = field(repr=False, compare=False)
    pointer: str = field(compare=False)
    schema: Any = field(repr=False, compare=False)
    base: str = field(repr=False, compare=False)
    #: Whether this is the writer's side; only told apart where the policy treats the sides differently.
    writer: bool
    key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", sys.intern(self.library.key_of(self)))  # compared often

    @cached_property
    def _hash(self) -> int:
        return hash((self.key, self.writer))

    def __hash__(self) -> int:
        return self._hash

    @property
    def dialect(self) -> Dialect:
        """The dialect that this schema is written in."""
        return self.document.dialect

    def as_reader(self) -> "Node":
        """The same schema as a reader's, which is the plain meaning."""
        return self.library.node(self.document, self.pointer, self.schema, self.base, False) if self.writer else self

    @property
    def where(self) -> str:
        """The place as findings name it: a pointer, after the document's URI where that is not the root document."""
        same = self.document is self.library.root
        return self.pointer if same else f"{self.document.uri}#{self.pointer}"

    def keyword(self, name: str) -> Any:
        """A keyword's value, or None (no keyword that this package asks for has the meaning null)."""
        return self.schema.get(name) if isinstance(self.schema, dict) else None

    def child(self, *tokens: str | int) -> "Node":
        """The subschema that reference tokens lead to."""
        schema = self.schema
        for token in tokens:
            schema = schema[token]
        return self.library.node(self.document, uri.pointer(self.pointer, *tokens), schema, self.base, self.writer)


class Library:
    """The documents of one side, found by URI."""

    def __init__(self, root: Any, documents: Mapping[str, Any], annotations: frozenset[str]) -> None:
        self.annotations = annotations
        self._resources: dict[str, tuple[Document, str, str]] = {}
        self._anchors: dict[tuple[str, str], tuple[Document, str, str]] = {}
        self._nodes: dict[tuple[str, str, str, bool], Node] = {}
        self.duplicates: list[str] = []
        #: Formulas of nodes by identity (filled by the translation; nodes live as long as their library).
        self.formulas: dict[int, Any] = {}
        #: Whether a reader supplies a required member itself (lenient policy: from ``default``).
        self.fills: Callable[[Node, str], bool] = lambda _node, _name: False
        self.root = self._add(root, "", declared(root) or guessed(root))
        for name, schema in documents.items():
            self._add(schema, name, declared(schema) or self.root.dialect)
        parts = [
            (d.uri, d.dialect.name, self._meaning(d.root, d.dialect))
            for d, pointer, _ in self._resources.values()
            if pointer == ""
        ]
        self.key = json.dumps(sorted(parts, key=lambda part: part[0]), sort_keys=True, default=str)

    def _add(self, root: Any, name: str, dialect: Dialect) -> Document:
        document = Document(root, name, dialect)
        self._resources[name] = (document, "", name)
        self._index(document, root, "", name)
        return document

    def _index(self, document: Document, schema: Any, pointer: str, base: str) -> None:
        if not isinstance(schema, dict):
            return
        base = self._base(document, schema, base)
        if base not in self._resources:
            self._resources[base] = (document, pointer, base)
        identifier = schema.get("$id")
        anchors = [schema.get("$anchor"), schema.get("$dynamicAnchor")]
        if isinstance(identifier, str) and identifier.startswith("#"):
            anchors.append(identifier[1:])
        for anchor in anchors:
            if isinstance(anchor, str):
                if (base, anchor) in self._anchors:
                    self.duplicates.append(f"{base}#{anchor}")
                self._anchors[base, anchor] = (document, pointer, base)
        for tokens, subschema in subschemas(schema, document.dialect):
            self._index(document, subschema, uri.pointer(pointer, *tokens), base)

    @staticmethod
    def _base(document: Document, schema: Any, base: str) -> str:
        if not isinstance(schema, dict) or ("$ref" in schema and document.dialect.ref_hides_siblings):
            return base
        identifier = schema.get("id" if document.dialect.name == "draft-04" else "$id")
        return uri.join(base, identifier)[0] if isinstance(identifier, str) else base

    @property
    def single_resource(self) -> bool:
        """Whether there is one schema resource only, so that dynamic references are static ones."""
        return len({(id(document), pointer) for document, pointer, _ in self._resources.values()}) == 1

    def node(self, document: Document, pointer: str, schema: Any, base: str, writer: bool) -> Node:
        """The node at a place; ``base`` is the URI that is in force around it."""
        base = self._base(document, schema, base)
        where = (document.uri, pointer, base, writer)
        if where not in self._nodes:
            self._nodes[where] = Node(self, document, pointer, schema, base, writer)
        return self._nodes[where]

    def top(self, writer: bool) -> Node:
        """The root schema."""
        return self.node(self.root, "", self.root.root, self.root.uri, writer)

    def resolve(self, node: Node, reference: str) -> Node:
        """The node that a reference of a node leads to. Raises Unresolvable.

        A reference is relative to ``$id``; where nothing is found there, to the name that the document was given
        under, because ``$id`` is often written relative to a folder of its author's.
        """
        for base in (node.base, node.document.uri):
            resource, fragment = uri.join(base, reference)
            by_anchor = bool(fragment) and not fragment.startswith("/")
            found = self._anchors.get((resource, fragment)) if by_anchor else self._resources.get(resource)
            if found is not None:
                return self._follow(found, [] if by_anchor else uri.tokens(fragment), node, reference)
        raise Unresolvable(reference)

    def _follow(self, found: tuple[Document, str, str], tokens: list[str], node: Node, reference: str) -> Node:
        document, pointer, base = found
        schema = _at(document.root, uri.tokens(pointer), reference)
        for token in tokens:
            base = self._base(document, schema, base)
            schema = _at(schema, [token], reference)
            pointer = uri.pointer(pointer, token)
        if not isinstance(schema, dict | bool):
            raise Unresolvable(reference)
        return self.node(document, pointer, schema, base, node.writer)

    def key_of(self, node: Node) -> str:
        """What a node means, as text: equal texts are equal meanings."""
        if any(keyword in part for part in _dicts(node.schema) for keyword in _REFERENCES):
            return f"{self.key} {node.document.uri} {node.base} {node.pointer}"
        meaning = self._meaning(node.schema, node.dialect)
        return node.dialect.name + json.dumps(meaning, sort_keys=True, default=str)

    def _meaning(self, schema: Any, dialect: Dialect) -> Any:
        if not isinstance(schema, dict):
            return schema
        result = {k: v for k, v in schema.items() if k not in _SAYS_NOTHING and k not in self.annotations}
        for tokens, subschema in subschemas(schema, dialect):
            if len(tokens) == 1:
                result[str(tokens[0])] = self._meaning(subschema, dialect)
            else:
                holder = result[str(tokens[0])]
                if holder is schema[tokens[0]]:
                    holder = result[str(tokens[0])] = holder.copy()
                holder[tokens[1]] = self._meaning(subschema, dialect)
        return result


def _at(schema: Any, tokens: list[str], reference: str) -> Any:
    for token in tokens:
        if isinstance(schema, dict) and token in schema:
            schema = schema[token]
        elif isinstance(schema, list) and token.isdigit() and int(token) < len(schema):
            schema = schema[int(token)]
        else:
            raise Unresolvable(reference)
    return schema


def _dicts(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for value in part.values():
            yield from _dicts(value)
    elif isinstance(part, list):
        for value in part:
            yield from _dicts(value)
