"""The documents of a schema folder, and what a ``$ref`` in one of them points to. Nothing is ever fetched.

A document is known by its path relative to the folder (the schema itself by the empty path, in the folder's root) or,
as registries do, by the absolute URI that refers to it; and by its ``$id``. A reference is resolved as RFC 3986 and
JSON Schema core section 8.2 say, against the nearest enclosing ``$id``; where no document has that name, against the
document's own path, because folders of schemas are commonly read from disk. A relative ``$id`` at a document's root is
taken from the folder's root: that is how published folders of schemas write it.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instar.core.formats.json_dialect import HOLDERS, parts_of, pointer, subschemas
from instar.core.formats.json_uri import decoded, join, split, without_fragment
from instar.core.formats.schema import Invalid

DEPTH_LIMIT = 100  # levels of nesting in one document; the deepest of 301 published webhook schemas has 6

# Resolving drops ".." above the root silently (RFC 3986, 5.2.4): a made-up deep folder shows when a reference left it.
_ROOT = "folder://schemas/0/1/2/3/4/5/6/7/"


def _key(name: str) -> str:
    return name if split(name).scheme is not None else posixpath.normpath(name)


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a document: ``parts`` is the way from the document's root."""

    path: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return (f"{self.path}#" if self.path else "") + pointer(self.parts)


class Resources:
    """Index over the documents: every ``$id`` and ``$anchor`` is found once, when the schema is parsed."""

    def __init__(self, document: Any, resources: Mapping[str, Any]) -> None:
        self._documents: dict[str, Any] = {_key(name): each for name, each in resources.items()}
        self._documents[""] = document
        self._ids: dict[str, Place] = {}
        self._anchors: dict[tuple[str, str], Place] = {}  # (base, anchor)
        self._bases: dict[Place, str] = {}
        for path in sorted(self._documents, reverse=True):  # the schema itself last: its own $id wins
            base = join(_ROOT, path)
            self._ids.setdefault(base, Place(path, ()))
            self._index(self._documents[path], Place(path, ()), base, 0)

    def document(self, path: str) -> Any:
        return self._documents[path]

    def node(self, place: Place) -> Any:
        """The value at a place. Raises ``LookupError`` when there is none."""
        value = self._documents[place.path]
        for part in place.parts:
            if isinstance(value, list):
                if not part.isdecimal():
                    raise LookupError(part)
                value = value[int(part)]
            elif isinstance(value, dict):
                value = value[part]
            else:
                raise LookupError(part)  # noqa: TRY004 - a place that does not exist, whatever stands there
        return value

    def resolve(self, reference: str, at: Place) -> Place:
        """Where a ``$ref`` at a place points to. Raises ``Invalid`` naming the reference and the place."""
        target, fragment = without_fragment(reference)
        fragment = decoded(fragment)
        named = join(self._base(at), target)
        found = self._ids.get(named)
        if found is None:
            by_path = join(join(_ROOT, at.path), target)
            found, named = self._by_path(by_path) or self._by_path(named), by_path
        if found is None:
            raise self._unfound(reference, named, at)
        place = self._inside(found, fragment)
        if place is None:
            raise Invalid(
                f"$ref {reference!r} points to nothing: {found.path or 'the schema'} has no {'#' + fragment!r}.",
                where=str(at),
                remedy="Correct the part after '#', or add the definition it names.",
            )
        return place

    def _inside(self, found: Place, fragment: str) -> Place | None:
        if fragment and not fragment.startswith("/"):
            return self._anchors.get((self._base(found), fragment))
        place = Place(found.path, found.parts + parts_of(fragment))
        try:
            node = self.node(place)
        except LookupError:
            return None
        return place if isinstance(node, (bool, dict)) else None

    def _by_path(self, uri: str) -> Place | None:
        if not uri.startswith(_ROOT):
            return None
        path = decoded(uri.removeprefix(_ROOT))
        return Place(path, ()) if path in self._documents else None

    def _unfound(self, reference: str, uri: str, at: Place) -> Invalid:
        outside = not uri.startswith(_ROOT) or split(reference).scheme is not None
        if outside:
            return Invalid(
                f"$ref {reference!r} leaves the schema's folder. Nothing is fetched from elsewhere.",
                where=str(at),
                remedy="Put the referenced schema into the folder and refer to it by relative path.",
            )
        return Invalid(
            f"$ref {reference!r} points to {decoded(uri.removeprefix(_ROOT))!r}, which is not in the schema's folder.",
            where=str(at),
            remedy="Add that file to the folder, or correct the path.",
        )

    def _base(self, at: Place) -> str:
        for length in range(len(at.parts), -1, -1):
            base = self._bases.get(Place(at.path, at.parts[:length]))
            if base is not None:
                return base
        return join(_ROOT, at.path)

    def _index(self, node: Any, place: Place, base: str, depth: int) -> None:
        if not isinstance(node, dict):
            return
        if depth > DEPTH_LIMIT:
            raise Invalid(
                f"The schema is nested deeper than {DEPTH_LIMIT} levels.",
                where=str(place),
                remedy="Move inner parts to definitions and refer to them.",
            )
        base = self._name(node, place, base)
        for way, each in subschemas(node):
            self._index(each, Place(place.path, place.parts + way), base, depth + 1)
        for holder in HOLDERS & node.keys():
            if isinstance(node[holder], dict):
                for name, each in node[holder].items():
                    self._index(each, Place(place.path, (*place.parts, holder, name)), base, depth + 1)

    def _name(self, node: dict[str, Any], place: Place, base: str) -> str:
        identity = node.get("$id")
        if isinstance(identity, str):
            name, anchor = without_fragment(identity)
            if name:
                base = join(_ROOT if not place.parts else base, name)
                self._bases[place] = base
                self._ids[base] = place
            if anchor:  # draft-07 writes anchors this way
                self._anchors[base, anchor] = place
        for key in ("$anchor", "$dynamicAnchor"):
            if isinstance(node.get(key), str):
                self._anchors[base, node[key]] = place
        return base
