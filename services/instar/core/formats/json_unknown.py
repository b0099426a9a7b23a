"""Fields that a schema does not name, for subjects that say ``unknown = "reject"``.

JSON Schema leaves an object open unless it says otherwise. With ``reject`` a field is unknown when none of the parts of
the schema that speak about its object names it: not ``properties``, ``required`` nor a matching ``patternProperties``
of the node itself, of what it refers to, of ``allOf``, of any alternative, of ``then`` and ``else``. Two kinds of
object stay open: one about which the schema names no field at all (free-form), and one that says
``additionalProperties`` itself (a schema or ``true``: the author has decided). A field named by an alternative that
does not apply is known.
"""

import re
from typing import Any

from instar.core.formats.json_bundle import Bundle
from instar.core.formats.json_dialect import Node
from instar.core.formats.json_path import Step, path_text
from instar.core.rejected import Rejected

_ALONGSIDE = ("allOf", "anyOf", "oneOf")
_CONDITIONAL = ("if", "then", "else")


class _Place:
    """All nodes that speak about one value, and what they say about its parts; made when first visited."""

    __slots__ = ("closed", "elements", "named", "nodes", "patterns", "rest")

    def __init__(self, nodes: list[dict[str, Any]]) -> None:
        self.nodes = nodes
        self.named: dict[str, _Place] = {}
        names = [name for node in nodes for key in ("properties", "required") for name in node.get(key, ())]
        texts = [pattern for node in nodes for pattern in node.get("patternProperties", ())]
        self.patterns = _patterns(texts)
        says_rest = any(node.get("additionalProperties", False) is not False for node in nodes)
        self.closed = bool(names or texts) and not says_rest and self.patterns is not None
        self.rest: _Place | None = None
        self.elements: dict[int, _Place] = {}


class UnknownFields:
    """Finds the first field that a schema does not name. Holds what it learnt about the schema, never a record."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._places: dict[frozenset[int], _Place] = {}
        self._root = self._place([bundle.root])

    def problem(self, value: Any, code: str) -> Rejected | None:
        pending: list[tuple[Any, _Place, tuple[Step, ...]]] = [(value, self._root, ())]
        while pending:
            each, place, way = pending.pop()
            if isinstance(each, dict):
                for name, inner in each.items():
                    below = self._field(place, name)
                    if below is None:
                        path = path_text((*way, name))
                        return Rejected(
                            code,
                            f'{path} is not a field of the schema, and the subject says unknown = "reject".',
                            path=path,
                        )
                    if isinstance(inner, (dict, list)):
                        pending.append((inner, below, (*way, name)))
            elif isinstance(each, list):
                for at, inner in enumerate(each):
                    if isinstance(inner, (dict, list)):
                        pending.append((inner, self._element(place, at), (*way, at)))
        return None

    def _field(self, place: _Place, name: str) -> _Place | None:
        known = place.named.get(name)
        if known is not None:
            return known
        said: list[Node] = []
        speaks = False
        for node in place.nodes:
            own: list[Node] = []
            if name in node.get("properties", {}):
                own.append(node["properties"][name])
            for text, pattern in place.patterns or ():
                if text in node.get("patternProperties", {}) and pattern.search(name):
                    own.append(node["patternProperties"][text])
            speaks = speaks or bool(own) or name in node.get("required", ())
            said += own or [node.get("additionalProperties", True)]
        if not speaks and place.closed:
            return None
        below = self._place(said)
        if speaks:  # only names from the schema are remembered: names of records are without end
            place.named[name] = below
        return below

    def _element(self, place: _Place, at: int) -> _Place:
        longest = max((len(_tuple(node)) for node in place.nodes), default=0)
        at = min(at, longest)
        if at not in place.elements:
            said: list[Node] = []
            for node in place.nodes:
                fixed = _tuple(node)
                rest = node.get("additionalItems" if isinstance(node.get("items"), list) else "items", True)
                said += [fixed[at]] if at < len(fixed) else [rest]
                said.append(node.get("contains", True))
            place.elements[at] = self._place(said)
        return place.elements[at]

    def _place(self, nodes: list[Node]) -> _Place:
        gathered: dict[int, dict[str, Any]] = {}
        for node in nodes:
            self._gather(node, gathered)
        key = frozenset(gathered)
        if key not in self._places:
            self._places[key] = _Place(list(gathered.values()))
        return self._places[key]

    def _gather(self, node: Node, into: dict[int, dict[str, Any]]) -> None:
        if isinstance(node, bool) or id(node) in into:
            return
        into[id(node)] = node
        if "$ref" in node:
            self._gather(self._bundle.target(node["$ref"])[1], into)
        for key in _ALONGSIDE:
            for each in node.get(key, ()):
                self._gather(each, into)
        for key in _CONDITIONAL:
            self._gather(node.get(key, True), into)
        for key in ("dependentSchemas", "dependencies"):
            for each in node.get(key, {}).values():
                if isinstance(each, dict):
                    self._gather(each, into)


def _tuple(node: dict[str, Any]) -> list[Node]:
    items = node.get("items")
    fixed = items if isinstance(items, list) else node.get("prefixItems", [])
    return list(fixed)


def _patterns(texts: list[str]) -> list[tuple[str, re.Pattern[str]]] | None:
    """Compiled patterns. None when Python cannot read one of them: then no name can be called unknown."""
    try:
        return [(text, re.compile(text)) for text in texts]
    except re.error:
        return None
