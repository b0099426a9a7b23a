"""A schema and everything it refers to as one self-contained document.

Every ``$ref`` is resolved while the schema is parsed and written anew as ``#/$defs/NAME`` (or ``#`` for the root), so
that nothing later looks anything up, let alone fetches it. Annotations are left out, and in draft-07 the neighbours
of a ``$ref``, which are void there; only ``default`` stays because operations read it.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from instar.core.formats.json_dialect import (
    CONTENT,
    DRAFT_2020_12,
    HOLDERS,
    Dialect,
    Node,
    dialect_of,
    replaced,
)
from instar.core.formats.json_resources import Place, Resources
from instar.core.formats.schema import Invalid

ROOT = ""  # the name of the root among the definitions

_VALIDATORS: dict[str, type[jsonschema_rs.Validator]] = {
    "draft-07": jsonschema_rs.Draft7Validator,
    "2020-12": jsonschema_rs.Draft202012Validator,
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """``definitions`` by name; a reference ``#/$defs/NAME`` names one, ``#`` the root."""

    dialect: Dialect
    root: Node
    definitions: Mapping[str, Node]

    def target(self, reference: str) -> tuple[str, Node]:
        """The name and node of a rewritten reference."""
        if reference == "#":
            return ROOT, self.root
        name = reference.removeprefix("#/$defs/")
        return name, self.definitions[name]

    def validator(self, node: Node) -> jsonschema_rs.Validator:
        """A validator for one node. ``#`` keeps meaning the root, so the root travels along as a definition."""
        definitions = {name: _checked(each) for name, each in self.definitions.items()}
        definitions["_root"] = _checked(self.root)
        top = {"$ref": "#/$defs/_root"} if node is self.root else {"allOf": [_checked(node)]}
        return _VALIDATORS[self.dialect.name]({"$defs": definitions, **top}, validate_formats=False, offline=True)


def bundle(document: Any, resources: Mapping[str, Any]) -> Bundle:
    """Resolve and rewrite. Raises ``Invalid``: not a schema, an unknown dialect, a reference that leads nowhere."""
    if not isinstance(document, (bool, dict)):
        raise Invalid(
            f"A JSON Schema is an object or a boolean, not {type(document).__name__}.",
            remedy='Write an object such as {"type": "object", "properties": {}}.',
        )
    declared = document.get("$schema") if isinstance(document, dict) else None
    dialect = DRAFT_2020_12 if declared is None else dialect_of(declared)
    if dialect is None:
        raise Invalid(
            f"$schema names {declared!r}; only draft-07 and 2020-12 are read.",
            where="/$schema",
            remedy=f"Write {DRAFT_2020_12.uri!r} and bring the schema up to that dialect.",
        )
    _check(document, dialect, "")
    writer = _Writer(Resources(document, resources), dialect)
    return writer.run()


def _check(document: Any, dialect: Dialect, path: str) -> None:
    """The document against its dialect's own schema. Raises ``Invalid``."""
    if isinstance(document, dict):
        document = {**document, "$schema": dialect.uri}
    try:
        jsonschema_rs.meta.validate(document)
    except (ValueError, TypeError, OverflowError) as error:
        parts = tuple(str(part) for part in getattr(error, "instance_path", ()))
        first_line = getattr(error, "message", str(error)).splitlines()[0]
        raise Invalid(
            f"This is not a {dialect.name} schema: {first_line[:200]}.",
            where=str(Place(path, parts)),
            remedy=f"Correct the keyword {parts[-1]!r}." if parts else "Correct the schema.",
        ) from error


def _checked(node: Node) -> Node:
    """The node as the validator gets it: without content keywords, with ``#`` as the travelling root."""
    if isinstance(node, bool):
        return node
    kept = {key: value for key, value in node.items() if key not in CONTENT}
    if kept.get("$ref") == "#":
        kept["$ref"] = "#/$defs/_root"
    return replaced(kept, lambda each, _way: _checked(each))


class _Writer:
    def __init__(self, resources: Resources, dialect: Dialect) -> None:
        self._resources = resources
        self._dialect = dialect
        self._names: dict[Place, str] = {Place("", ()): ROOT}
        self._pending: list[Place] = []
        self._checked_paths = {""}

    def run(self) -> Bundle:
        top = Place("", ())
        root = self._rewrite(self._resources.node(top), top)
        self._check_unused(top)
        definitions: dict[str, Node] = {}
        while self._pending:
            place = self._pending.pop()
            definitions[self._names[place]] = self._rewrite(self._resources.node(place), place)
        return Bundle(self._dialect, root, _reachable(root, definitions))

    def _check_unused(self, top: Place) -> None:
        """A broken reference in a definition that nothing uses is a mistake as well: resolve those too."""
        node = self._resources.node(top)
        for holder in sorted(HOLDERS & node.keys()) if isinstance(node, dict) else ():
            for name in node[holder]:
                place = Place("", (holder, name))
                if isinstance(self._resources.node(place), (bool, dict)):
                    self._name(place)

    def _rewrite(self, node: Node, at: Place) -> Node:
        if isinstance(node, bool):
            return node
        for key in ("$dynamicRef", "$recursiveRef"):
            if key in node:
                raise Invalid(
                    f"{key} is not read: what it means depends on who refers to the schema.",
                    where=str(at),
                    remedy="Write $ref.",
                )
        kept = {key: value for key, value in node.items() if key in self._dialect.keywords}
        if "$ref" in kept:
            if self._dialect.ref_alone:
                kept = {key: kept[key] for key in ("$ref", "default") if key in kept}
            kept["$ref"] = self._reference(kept["$ref"], at)
        return replaced(kept, lambda each, way: self._rewrite(each, Place(at.path, at.parts + way)))

    def _reference(self, reference: str, at: Place) -> str:
        place = self._resources.resolve(reference, at)
        seen = {place}
        while (further := self._alias(self._resources.node(place))) is not None:
            place = self._resources.resolve(further, place)
            if place in seen:
                raise Invalid(
                    f"$ref {reference!r} leads back to itself with nothing between.",
                    where=str(at),
                    remedy="Let one of the references in the circle point to a schema.",
                )
            seen.add(place)
        self._admit(place.path)
        name = self._name(place)
        return "#" if name == ROOT else f"#/$defs/{name}"

    def _alias(self, node: Any) -> str | None:
        """What a node that only refers on refers to."""
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str) or "default" in node:
            return None
        if self._dialect.ref_alone or not (node.keys() & self._dialect.keywords) - {"$ref"}:
            return str(node["$ref"])
        return None

    def _admit(self, path: str) -> None:
        if path in self._checked_paths:
            return
        self._checked_paths.add(path)
        document = self._resources.document(path)
        declared = document.get("$schema") if isinstance(document, dict) else None
        if declared is not None and dialect_of(declared) != self._dialect:
            raise Invalid(
                f"{path} is written in {declared!r}, the schema that refers to it in {self._dialect.name}.",
                where=f"{path}#/$schema",
                remedy="Write both in the same dialect.",
            )
        _check(document, self._dialect, path)

    def _name(self, place: Place) -> str:
        if place in self._names:
            return self._names[place]
        stem = place.parts[-1] if place.parts else posixpath.basename(place.path).split(".")[0]
        clean = "".join(each if each.isalnum() and each.isascii() else "_" for each in stem) or "_"
        taken = set(self._names.values())
        name = next(
            each
            for each in (clean, *(f"{clean}_{n}" for n in range(2, len(taken) + 3)))
            if each not in taken | {"_root"}
        )
        self._names[place] = name
        self._pending.append(place)
        return name


def _reachable(root: Node, definitions: Mapping[str, Node]) -> dict[str, Node]:
    """The definitions that the root uses, in the order of first use."""
    found: dict[str, Node] = {}

    def walk(node: Node) -> Node:
        if isinstance(node, dict):
            reference = node.get("$ref", "#")
            name = reference.removeprefix("#/$defs/")
            if reference != "#" and name not in found:
                found[name] = definitions[name]
                pending.append(definitions[name])
            replaced(node, lambda each, _way: walk(each))
        return node

    pending: list[Node] = [root]
    while pending:
        walk(pending.pop(0))
    return found
