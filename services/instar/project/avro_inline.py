"""An Avro schema and the named types it refers to as one document, for registries that take one."""

from collections.abc import Mapping
from typing import Any

_NAMED = ("record", "error", "enum", "fixed")


def inlined(document: Any, named: Mapping[str, Any]) -> Any:
    """The document with each type of ``named`` written out where it is first used (Avro specification, "Names":
    a name must be defined before it is used). Equal to the document when it refers to nothing outside."""
    return _Inliner(named).schema(document, "")


class _Inliner:
    def __init__(self, named: Mapping[str, Any]) -> None:
        self.named = named
        self.defined: set[str] = set()

    def schema(self, node: Any, namespace: str) -> Any:
        match node:
            case str():
                return self.reference(node, namespace)
            case list():
                return [self.schema(branch, namespace) for branch in node]
            case dict():
                return self.complex(node, namespace)
            case _:
                return node

    def reference(self, name: str, namespace: str) -> Any:
        full = name if "." in name or not namespace else f"{namespace}.{name}"
        for candidate in (full, name):
            if candidate in self.defined:
                return name
            if candidate in self.named:
                # The definition stands in another namespace than where it was written: its name is made full.
                return self.complex({**self.named[candidate], "name": candidate}, "")
        return name

    def complex(self, node: dict[str, Any], namespace: str) -> Any:
        kind = node.get("type")
        if kind in _NAMED:
            full, inner = _full(node, namespace)
            self.defined.add(full)
            if kind in ("enum", "fixed"):
                return node
            fields = node.get("fields")
            if not isinstance(fields, list):
                return node
            return {**node, "fields": [self.field(each, inner) for each in fields]}
        made = dict(node)
        for key in ("items", "values"):
            if key in node:
                made[key] = self.schema(node[key], namespace)
        if isinstance(kind, dict | list) or (isinstance(kind, str) and kind not in ("array", "map")):
            made["type"] = self.schema(kind, namespace)
        return made

    def field(self, node: Any, namespace: str) -> Any:
        if not isinstance(node, dict) or "type" not in node:
            return node
        return {**node, "type": self.schema(node["type"], namespace)}


def _full(node: Mapping[str, Any], namespace: str) -> tuple[str, str]:
    """A definition's full name, and the namespace in which its fields' names are looked up."""
    name = str(node.get("name", ""))
    if "." in name:
        return name, name.rpartition(".")[0]
    own = node.get("namespace", namespace)
    space = own if isinstance(own, str) else ""
    return (f"{space}.{name}" if space else name), space
