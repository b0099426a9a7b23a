"""Where the writer's schema says something: the places that a finding points at."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from instar.core.compat.json_schema import uri
from instar.core.compat.json_schema.document import Node, Unresolvable
from instar.core.compat.json_schema.formula import Literal, Ref

#: What is known of a value that the writer writes.
Writer: TypeAlias = frozenset[Literal]


@dataclass(frozen=True, slots=True)
class Place:
    """A JSON pointer and what stands there."""

    pointer: str
    value: Any


#: Where one keyword is missing, the other may say the same thing.
ALTERNATIVES: dict[str | int, str] = {
    "const": "enum",
    "enum": "const",
    "minimum": "exclusiveMinimum",
    "exclusiveMinimum": "minimum",
    "maximum": "exclusiveMaximum",
    "exclusiveMaximum": "maximum",
}
#: Keywords that say one thing together; a finding shows all of them under the first.
GROUPS = {"if": ("if", "then", "else"), "contains": ("contains", "minContains", "maxContains")}


def value_at(schema: Any, tokens: tuple[str | int, ...]) -> Any:
    """What stands under tokens of a schema, with the keywords that belong to it."""
    if len(tokens) == 1 and (group := GROUPS.get(str(tokens[0]))):
        together = {keyword: schema[keyword] for keyword in group if keyword in schema}
        return together if len(together) > 1 else schema[tokens[0]]
    for token in tokens:
        schema = schema[token]
    return schema


def find(writer: Writer, *tokens: str | int) -> Place | None:
    """The first place where a schema that the writer's value satisfies has something under these tokens."""
    for node in in_place(writer):
        value = node.schema
        for token in tokens:
            if not isinstance(value, dict) or token not in value:
                break
            value = value[token]
        else:
            return Place(uri.pointer(node.where, *tokens), value_at(node.schema, tokens))
    return None


def declared_members(writer: Writer) -> dict[str, Place]:
    """Every property that the writer's schemas name, with its place."""
    found: dict[str, Place] = {}
    for node in in_place(writer):
        for name, value in (node.keyword("properties") or {}).items():
            found.setdefault(name, Place(uri.pointer(node.where, "properties", name), value))
    return found


def in_place(writer: Writer) -> Iterator[Node]:
    """The writer's schemas that speak about the value itself, outermost first."""
    todo = sorted((f.node for f, sign in writer if sign and isinstance(f, Ref)), key=lambda node: node.where)
    seen: set[str] = set()
    while todo:
        node = todo.pop(0)
        if node.where in seen or not isinstance(node.schema, dict):
            continue
        seen.add(node.where)
        yield node
        todo.extend(_applied(node))


def _applied(node: Node) -> Iterator[Node]:
    if "$ref" in node.schema:
        try:
            yield node.library.resolve(node, node.schema["$ref"])
        except Unresolvable:
            return  # the schema's own findings say so
        if node.dialect.ref_hides_siblings:
            return
    for keyword in ("allOf", "anyOf", "oneOf"):
        for position in range(len(node.keyword(keyword) or [])):
            yield node.child(keyword, position)
    for keyword in ("then", "else"):
        if keyword in node.schema:
            yield node.child(keyword)
