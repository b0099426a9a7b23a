"""What is wrong with a schema before any comparison: unknown keywords, malformed values, references that lead
nowhere.

Only what the root reaches is looked at; unused definitions may hold anything.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from instar.core.compat.json_schema import uri
from instar.core.compat.json_schema.dialect import ANNOTATIONS, declared, subschemas, well_formed
from instar.core.compat.json_schema.document import Library, Node, Unresolvable
from instar.core.compat.json_schema.value import canonical

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one schema: the code of its finding, its place, what stands there, its name."""

    code: str
    pointer: str
    value: Any
    name: str


def faults(library: Library, writer: bool) -> list[Fault]:
    """Every fault that the root schema reaches."""
    found: list[Fault] = []
    todo, seen = [library.top(writer)], set()
    if isinstance(library.root.root, dict) and "$schema" in library.root.root and declared(library.root.root) is None:
        found.append(Fault("unsupported-keyword", "/$schema", library.root.root["$schema"], "$schema"))
    found.extend(Fault("invalid-schema", "", name, name) for name in library.duplicates)
    while todo:
        node = todo.pop(0)
        if (node.document.uri, node.pointer) in seen:
            continue
        seen.add((node.document.uri, node.pointer))
        if isinstance(node.schema, dict):
            found.extend(_own(node))
            todo.extend(_following(node))
        elif not isinstance(node.schema, bool):
            found.append(Fault("invalid-schema", node.pointer, node.schema, type(node.schema).__name__))
    return found


def _keywords(node: Node) -> list[str]:
    if node.dialect.ref_hides_siblings and "$ref" in node.schema:
        return ["$ref"]
    return list(node.schema)


def _own(node: Node) -> Iterator[Fault]:
    if node.pointer and "$schema" in node.schema and declared(node.schema) is not node.dialect:
        yield Fault("unsupported-keyword", uri.pointer(node.pointer, "$schema"), node.schema["$schema"], "$schema")
    for keyword in _keywords(node):
        if keyword in ANNOTATIONS or keyword in node.library.annotations:
            continue
        pointer, value = uri.pointer(node.pointer, keyword), node.schema[keyword]
        shape = node.dialect.keywords.get(keyword)
        if shape is None:
            yield Fault("unknown-keyword", pointer, value, keyword)
        elif not well_formed(shape, value) or not _is_json(keyword, value):
            yield Fault("invalid-schema", pointer, value, keyword)
        elif keyword in _REFERENCES:
            if keyword != "$ref" and not node.library.single_resource:
                yield Fault("unsupported-keyword", pointer, value, keyword)
            try:
                node.library.resolve(node, value)
            except Unresolvable:
                yield Fault("unresolvable-reference", pointer, value, str(value))


def _is_json(keyword: str, value: Any) -> bool:
    if keyword not in ("enum", "const"):
        return True
    try:
        canonical(value)
    except ValueError:
        return False
    return True


def _following(node: Node) -> Iterator[Node]:
    reached = set(_keywords(node)) - {"definitions", "$defs"}
    for tokens, _ in subschemas(node.schema, node.dialect):
        if tokens[0] in reached:
            yield node.child(*tokens)
    for keyword in _REFERENCES:
        if keyword in reached and isinstance(node.schema[keyword], str):
            try:
                yield node.library.resolve(node, node.schema[keyword])
            except Unresolvable:
                continue
