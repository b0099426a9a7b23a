"""The ``files`` registry: the project folder itself, with its ids in instar.lock. Nothing else needs to run.

It knows the versions of ``schemas/`` and nothing more: no other document can be registered, and it has no global
identifiers. An id is drawn from the subject's name and the document's canonical form, so that two branches that add
versions do not take the same id for different schemas, and a lost lock file yields the same ids again.
"""

import hashlib
from collections.abc import Iterator, Mapping

from instar.core.formats.schema import Schema
from instar.core.version import label
from instar.registry.parse import Unparsed, parse
from instar.registry.port import Document, Ids, Registered, RegistryRefused

_MAX_ID = 2**31 - 1  # ids are Java ints in every registry

Version = tuple[str, int]


class FilesRegistry:
    """``schemas`` and ``documents`` are the project's, by subject and version; ``ids`` is where ids are kept."""

    name = "files"

    def __init__(self, schemas: Mapping[Version, Schema], documents: Mapping[Version, str], ids: Ids) -> None:
        self._schemas = schemas
        self._documents = documents
        self._ids = ids

    def schema_of(self, schema_id: int) -> Registered | None:
        version = self._ids.entries.get(schema_id)
        if version is None or version not in self._documents:
            return None
        return Registered(schema_id, Document(self._schemas[version].kind, self._documents[version]))

    def schema_of_guid(self, guid: str) -> Registered | None:  # noqa: ARG002 - the port's method
        return None

    def id_of(self, subject: str, document: Document) -> int | None:
        version = self._version_of(subject, document)
        known = [number for number, owner in self._ids.entries.items() if owner == version]
        return min(known) if version is not None and known else None

    def register(self, subject: str, document: Document) -> int:
        version = self._version_of(subject, document)
        if version is None:
            raise RegistryRefused(
                f"The registry `files` has only what is in schemas/, and {subject} has no version like this.",
                remedy=f"Add it as the next version to schemas/{subject}/, or use a registry server.",
            )
        known = self.id_of(subject, document)
        if known is not None:
            return known
        for number in _candidates(subject, self._schemas[version].canonical):
            owner = self._ids.entries.get(number)
            if owner is None:
                self._ids.add(number, *version)
            if owner in (None, version):
                return number
        raise AssertionError  # the candidates are endless

    def withdraw(self, subject: str, document: Document) -> bool:  # noqa: ARG002 - the port's method
        """Nothing to take: an id in instar.lock may stand in records, and stays."""
        return False

    def ping(self) -> None:
        """The folder was read when the project was loaded."""

    def close(self) -> None:
        """Nothing is held open."""

    def _version_of(self, subject: str, document: Document) -> Version | None:
        """The subject's version that means the same as the document, the lowest where several do."""
        try:
            wanted = parse(document).canonical
        except Unparsed as error:
            raise RegistryRefused(f"The schema for {subject} does not parse: {error}", remedy=error.remedy) from error
        versions = sorted(version for version in self._schemas if version[0] == subject)
        same = [version for version in versions if self._schemas[version].canonical == wanted]
        exact = [version for version in same if self._documents[version] == document.text]
        return next(iter(exact or same), None)

    def __repr__(self) -> str:
        names = ", ".join(f"{subject}/{label(version)}" for subject, version in sorted(self._schemas))
        return f"FilesRegistry({names})"


def _candidates(subject: str, canonical: str) -> Iterator[int]:
    """Ids to try in turn: from the hash, and again with a counter should another version have taken it."""
    attempt = 0
    while True:
        digest = hashlib.sha256(f"{subject}\0{attempt}\0{canonical}".encode()).digest()
        number = int.from_bytes(digest[:4], "big") & _MAX_ID
        if number > 0:
            yield number
        attempt += 1
