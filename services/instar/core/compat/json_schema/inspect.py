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
#: Keywords whose subschemas apply to the value itself and not to a part of it.
_IN_PLACE = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies", *_REFERENCES}
)


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
    todo, seen = [library.top(writer)], set[tuple[str, str]]()
    reached: list[Node] = []
    if isinstance(library.root.root, dict) and "$schema" in library.root.root and declared(library.root.root) is None:
        found.append(Fault("unsupported-keyword", "/$schema", library.root.root["$schema"], "$schema"))
    found.extend(Fault("invalid-schema", "", name, name) for name in library.duplicates)
    while todo:
        node = todo.pop(0)
        if _place(node) in seen:
            continue
        seen.add(_place(node))
        reached.append(node)
        if isinstance(node.schema, dict):
            found.extend(_own(node))
            todo.extend(_following(node))
        elif not isinstance(node.schema, bool):
            found.append(Fault("invalid-schema", node.where, node.schema, type(node.schema).__name__))
    return found + list(_rings(reached))


def _rings(reached: list[Node]) -> Iterator[Fault]:
    """Schemas that apply themselves to the same value again; the drafts leave their meaning open."""
    done: set[tuple[str, str]] = set()
    for start in reached:
        path: list[tuple[str, str]] = []
        stack: list[tuple[Node, Iterator[Node]]] = []
        _push(start, path, stack, done)
        while stack:
            following = next(stack[-1][1], None)
            if following is None:
                stack.pop()
                done.add(path.pop())
            elif _place(following) in path:
                yield Fault("infinite-recursion", following.where, following.schema, following.where)
            else:
                _push(following, path, stack, done)


def _push(
    node: Node,
    path: list[tuple[str, str]],
    stack: list[tuple[Node, Iterator[Node]]],
    done: set[tuple[str, str]],
) -> None:
    if isinstance(node.schema, dict) and _place(node) not in done:
        path.append(_place(node))
        stack.append((node, _following(node, _IN_PLACE)))


def _place(node: Node) -> tuple[str, str]:
    return node.document.uri, node.pointer


def _keywords(node: Node) -> list[str]:
    if node.dialect.ref_hides_siblings and "$ref" in node.schema:
        return ["$ref"]
    return list(node.schema)


def _own(node: Node) -> Iterator[Fault]:
    if node.pointer and "$schema" in node.schema and declared(node.schema) is not node.dialect:
        yield Fault("unsupported-keyword", uri.pointer(node.where, "$schema"), node.schema["$schema"], "$schema")
    for keyword in _keywords(node):
        if keyword in ANNOTATIONS or keyword in node.library.annotations:
            continue
        pointer, value = uri.pointer(node.where, keyword), node.schema[keyword]
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


def _following(node: Node, through: frozenset[str] | None = None) -> Iterator[Node]:
    reached = set(_keywords(node)) - {"definitions", "$defs"}
    reached &= reached if through is None else through
    for tokens, _ in subschemas(node.schema, node.dialect):
        if tokens[0] in reached:
            yield node.child(*tokens)
    for keyword in _REFERENCES:
        if keyword in reached and isinstance(node.schema[keyword], str):
            try:
                yield node.library.resolve(node, node.schema[keyword])
            except Unresolvable:
                continue
