"""Two nodes that must both hold, as one node, where that can be said in one.

Used to read ``allOf`` and the neighbours of a ``$ref`` as one shape, and to draw samples from them. Nodes here are free
of ``$ref`` and ``allOf`` at their top; nested parts are joined lazily by ``allOf``.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from instar.core.formats.json_dialect import Node

_PROPERTIES = frozenset(("properties", "additionalProperties", "patternProperties"))
_CONDITION = frozenset(("if", "then", "else"))


class Unjoinable(Exception):
    """No single node says both; inside the core only."""


def conjoin(left: Node, right: Node) -> Node:
    """A node that holds exactly where both hold. Raises ``Unjoinable``."""
    if isinstance(left, bool):
        return right if left else False
    if isinstance(right, bool):
        return left if right else False
    result = {key: value for key, value in left.items() if key not in _PROPERTIES}
    for key, value in right.items():
        if key in _PROPERTIES:
            continue
        if key not in result:
            result[key] = value
        elif repr(result[key]) != repr(value):
            join = _JOINS.get(key)
            if join is None:
                raise Unjoinable(key)
            result[key] = join(result[key], value)
    if _CONDITION & left.keys() and _CONDITION & right.keys():
        ours, theirs = ({key: side.get(key) for key in sorted(_CONDITION)} for side in (left, right))
        if repr(ours) != repr(theirs):
            raise Unjoinable("if")
    result.update(_joined_properties(left, right))
    return result


def both(left: Node, right: Node) -> Node:
    """Lazily: a node that says both by ``allOf``, or the plainer of the two when that says enough."""
    if left is True or repr(left) == repr(right):
        return right
    if right is True:
        return left
    if left is False or right is False:
        return False
    return {"allOf": [left, right]}


def _joined_properties(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """``properties`` of one side are bound by what the other side says about additional ones."""
    result: dict[str, Any] = {}
    names = [
        *left.get("properties", {}),
        *(n for n in right.get("properties", {}) if n not in left.get("properties", {})),
    ]
    if names or "properties" in left or "properties" in right:
        result["properties"] = {name: both(_on(left, name), _on(right, name)) for name in names}
    patterns = {**left.get("patternProperties", {})}
    for pattern, node in right.get("patternProperties", {}).items():
        patterns[pattern] = both(patterns[pattern], node) if pattern in patterns else node
    rests = [side.get("additionalProperties", True) for side in (left, right)]
    if patterns:
        same = left.get("patternProperties", {}).keys() == right.get("patternProperties", {}).keys()
        if not same and not all(_is_any(rest) for rest in rests):
            raise Unjoinable("patternProperties")
        result["patternProperties"] = patterns
    rest = both(*rests)
    if rest is not True:
        result["additionalProperties"] = rest
    return result


def _on(side: dict[str, Any], name: str) -> Node:
    """What a node says about the field of a name."""
    said: list[Node] = []
    properties = side.get("properties", {})
    if name in properties:
        said.append(properties[name])
    for pattern, node in side.get("patternProperties", {}).items():
        try:
            matches = re.search(pattern, name) is not None
        except re.error as error:
            raise Unjoinable("patternProperties") from error
        if matches:
            said.append(node)
    if not said:
        said.append(side.get("additionalProperties", True))
    result = said[0]
    for each in said[1:]:
        result = both(result, each)
    return result


def _is_any(node: Node) -> bool:
    return node is True or node == {}


def _types(left: Any, right: Any) -> Any:
    ours, theirs = ([each] if isinstance(each, str) else each for each in (left, right))
    shared = [each for each in ours if each in theirs or (each == "integer" and "number" in theirs)]
    shared += [each for each in theirs if each == "integer" and "number" in ours and "integer" not in ours]
    if not shared:
        raise Unjoinable("type")
    return shared[0] if len(shared) == 1 else shared


def _symbols(left: list[Any], right: list[Any]) -> list[Any]:
    texts = {repr(each) for each in right}
    shared = [each for each in left if repr(each) in texts]
    if not shared:
        raise Unjoinable("enum")
    return shared


_JOINS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "type": _types,
    "enum": _symbols,
    "required": lambda left, right: [*left, *(name for name in right if name not in left)],
    "minimum": max,
    "exclusiveMinimum": max,
    "minLength": max,
    "minItems": max,
    "minProperties": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "maxLength": min,
    "maxItems": min,
    "maxProperties": min,
    "uniqueItems": lambda left, right: left or right,
    "items": lambda left, right: both(left, right) if _are_nodes(left, right) else _no("items"),
    "default": lambda left, _right: left,
}


def _are_nodes(left: Any, right: Any) -> bool:
    return isinstance(left, (bool, dict)) and isinstance(right, (bool, dict))


def _no(key: str) -> Any:
    raise Unjoinable(key)
