"""What a schema's document says in words: docs of types and fields, which shapes leave out."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

Place = tuple[Mapping[str, Any], ...]
"""Where a walk through a shape stands in the document: the nodes that together say what is there (JSON Schema)."""

_COMBINED = ("allOf", "anyOf", "oneOf")
_LIMIT_NODES = 200  # a place where more subschemas meet says nothing that one could read


class Notes(Protocol):
    """A walk begins at ``root`` and follows fields and what arrays and maps hold."""

    root: Place

    def of_type(self, name: str | None, place: Place) -> str:
        """What is said of a record or an enumeration; empty where nothing is."""
        ...

    def of_field(self, record: str | None, field: str, place: Place) -> str: ...

    def name(self, place: Place) -> str | None:
        """What the document calls the type at a place, where the shape does not."""
        ...

    def field(self, field: str, place: Place) -> Place: ...

    def inner(self, place: Place) -> Place:
        """What an array or a map holds."""
        ...


class AvroNotes:
    """``doc`` of named types and fields, found by name. (Avro specification 1.12, "Names".)"""

    root: Place = ()

    def __init__(self, document: Any) -> None:
        self._types: dict[str, str] = {}
        self._fields: dict[tuple[str, str], str] = {}
        self._walk(document, "")

    def _walk(self, node: Any, space: str) -> None:
        if isinstance(node, list):
            for each in node:
                self._walk(each, space)
        if not isinstance(node, dict):
            return
        kind = node.get("type")
        if kind in ("record", "error", "enum", "fixed"):
            name = _full_name(node, space)
            self._types[name] = _text(node.get("doc"))
            space = name.rpartition(".")[0]
            for field in node.get("fields", ()):
                self._fields[name, field["name"]] = _text(field.get("doc"))
                self._walk(field["type"], space)
        else:
            for key in ("type", "items", "values"):
                self._walk(node.get(key), space)

    def of_type(self, name: str | None, _place: Place) -> str:
        return self._types.get(name or "", "")

    def of_field(self, record: str | None, field: str, _place: Place) -> str:
        return self._fields.get((record or "", field), "")

    def name(self, _place: Place) -> str | None:
        return None

    def field(self, _field: str, place: Place) -> Place:
        return place

    def inner(self, place: Place) -> Place:
        return place


class JsonNotes:
    """``description`` (or ``title``) of schemas, found along properties and ``$ref``.

    ``document`` is the version's file, ``resources`` the others of its folder by path.
    """

    def __init__(self, document: Any, resources: Mapping[str, Any]) -> None:
        self._documents = {**resources, "": document}
        self._files: dict[int, str] = {}  # of nodes, by identity: what a reference without a file leads into
        self.root: Place = (document,) if isinstance(document, dict) else ()

    def of_type(self, _name: str | None, place: Place) -> str:
        nodes = list(self._all(place))
        said = (_text(node.get(key)) for key in ("description", "title") for node in nodes)
        return next(filter(None, said), "")

    def of_field(self, _record: str | None, field: str, place: Place) -> str:
        own = next((_text(node.get("description")) for node in self.field(field, place)), "")
        return own or next(filter(None, (_text(n.get("description")) for n in self._all(self.field(field, place)))), "")

    def name(self, place: Place) -> str | None:
        """The last part of the reference that leads to the type: ``#/$defs/account`` says ``account``."""
        for node in place:
            reference = node.get("$ref")
            if isinstance(reference, str):
                last = reference.rpartition("/")[2].rpartition("#")[2]
                return last.removesuffix(".json") or None
        return None

    def field(self, field: str, place: Place) -> Place:
        return self._below(place, lambda node: [_get(node.get("properties"), field)])

    def inner(self, place: Place) -> Place:
        def parts(node: Mapping[str, Any]) -> list[Any]:
            patterns = node.get("patternProperties")
            held = list(patterns.values()) if isinstance(patterns, dict) else []
            return [node.get("items"), node.get("additionalProperties"), *held]

        return self._below(place, parts)

    def _below(self, place: Place, parts: Any) -> Place:
        found: list[Mapping[str, Any]] = []
        for node in self._all(place):
            for part in parts(node):
                if isinstance(part, dict):
                    self._files.setdefault(id(part), self._files.get(id(node), ""))
                    found.append(part)
        return tuple(found)

    def _all(self, place: Place) -> Iterator[Mapping[str, Any]]:
        """The nodes of a place and those that they refer to or combine; each once."""
        seen: set[int] = set()
        pending: list[Any] = list(place)
        while pending and len(seen) < _LIMIT_NODES:
            node = pending.pop(0)
            if not isinstance(node, dict) or id(node) in seen:
                continue
            seen.add(id(node))
            yield node
            file = self._files.get(id(node), "")
            more = [each for key in _COMBINED if isinstance(node.get(key), list) for each in node[key]]
            for each in more:
                self._files.setdefault(id(each), file)
            pending += more
            if isinstance(node.get("$ref"), str):
                target, into = self._target(node["$ref"], file)
                if isinstance(target, dict):
                    self._files.setdefault(id(target), into)
                    pending.append(target)

    def _target(self, reference: str, file: str) -> tuple[Any, str]:
        name, _, pointer = reference.partition("#")
        into = name or file
        node = self._documents.get(into)
        for part in pointer.split("/")[1:]:
            node = _get(node, part.replace("~1", "/").replace("~0", "~"))
        return node, into


def _get(node: Any, key: str) -> Any:
    return node.get(key) if isinstance(node, dict) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _full_name(node: Mapping[str, Any], around: str) -> str:
    name = str(node["name"])
    if "." in name:
        return name
    space = node.get("namespace", around)
    return f"{space}.{name}" if space else name
