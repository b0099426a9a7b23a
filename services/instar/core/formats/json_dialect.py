"""The two dialects of JSON Schema that are read, and where in a schema its subschemas are.

Sources: JSON Schema draft-07 (core, validation) and 2020-12 (core sections 8 to 11, validation sections 6 to 9).
A *node* is a subschema: ``True``, ``False`` or a dict. Only keywords that decide validity, and ``default``, ``format``
and the two ``content`` keywords, are kept by the other modules; every other keyword is an annotation.

``format``, ``contentEncoding`` and ``contentMediaType`` are annotations here in both dialects: 2020-12 says so by
default, draft-07 leaves it open, and validators disagree about almost every format, so an assertion would make the
same record valid in one consumer and invalid in the next. Samples do honour ``format``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

Node = bool | dict[str, Any]

ONE: Final = frozenset(
    [
        "additionalItems",
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
MANY: Final = frozenset(["allOf", "anyOf", "oneOf", "prefixItems", "items"])
NAMED: Final = frozenset(["properties", "patternProperties", "dependentSchemas", "dependencies"])
HOLDERS: Final = frozenset(("definitions", "$defs"))

_COMMON = frozenset(
    [
        "$ref",
        "type",
        "enum",
        "const",
        "multipleOf",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "items",
        "maxItems",
        "minItems",
        "uniqueItems",
        "contains",
        "maxProperties",
        "minProperties",
        "required",
        "properties",
        "patternProperties",
        "additionalProperties",
        "propertyNames",
        "if",
        "then",
        "else",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "format",
        "contentEncoding",
        "contentMediaType",
        "default",
    ]
)
CONTENT: Final = frozenset(("contentEncoding", "contentMediaType"))


@dataclass(frozen=True, slots=True)
class Dialect:
    """``ref_alone``: a ``$ref`` makes its neighbours void (draft-07, core section 8.3)."""

    name: str
    uri: str
    keywords: frozenset[str]
    ref_alone: bool


DRAFT_07: Final = Dialect(
    "draft-07",
    "http://json-schema.org/draft-07/schema",
    _COMMON | {"additionalItems", "dependencies"},
    ref_alone=True,
)
DRAFT_2020_12: Final = Dialect(
    "2020-12",
    "https://json-schema.org/draft/2020-12/schema",
    _COMMON
    | {
        "prefixItems",
        "minContains",
        "maxContains",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedItems",
        "unevaluatedProperties",
    },
    ref_alone=False,
)


def dialect_of(uri: Any) -> Dialect | None:
    """The dialect that ``$schema`` names; the empty fragment and http against https make no difference."""
    if not isinstance(uri, str):
        return None
    bare = uri.rstrip("#").split("://")[-1]
    return next((each for each in (DRAFT_07, DRAFT_2020_12) if each.uri.split("://")[-1] == bare), None)


def is_node(value: Any) -> bool:
    return isinstance(value, (bool, dict))


def subschemas(node: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every direct subschema with its way there (``("properties", "a")``). ``definitions`` are not among them."""
    for key, value in node.items():
        if key in ONE and is_node(value):
            yield (key,), value
        elif key in MANY and isinstance(value, list):
            for index, each in enumerate(value):
                if is_node(each):
                    yield (key, str(index)), each
        elif key in NAMED and isinstance(value, dict):
            for name, each in value.items():
                if is_node(each):
                    yield (key, name), each


def replaced(node: dict[str, Any], change: Callable[[Node, tuple[str, ...]], Node]) -> dict[str, Any]:
    """A copy of the node with ``change(subschema, way)`` in the place of every direct subschema."""
    result: dict[str, Any] = {}
    for key, value in node.items():
        if key in ONE and is_node(value):
            result[key] = change(value, (key,))
        elif key in MANY and isinstance(value, list):
            result[key] = [change(each, (key, str(at))) if is_node(each) else each for at, each in enumerate(value)]
        elif key in NAMED and isinstance(value, dict):
            result[key] = {name: change(each, (key, name)) if is_node(each) else each for name, each in value.items()}
        else:
            result[key] = value
    return result


def pointer(parts: tuple[str, ...]) -> str:
    """A JSON pointer (RFC 6901); the whole document is the empty text."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def parts_of(text: str) -> tuple[str, ...]:
    """The parts of a JSON pointer that has been percent-decoded already."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])
