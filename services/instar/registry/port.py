"""What instar asks of a schema registry, and the two ways in which asking can fail.

A registry keeps documents under ids and, per registry subject, which documents belong to it. Subjects here are
the *registry's* names (``orders-value``, see ``naming``); for the ``files`` registry they are instar's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from instar.core.formats.schema import Kind


@dataclass(frozen=True, slots=True)
class Document:
    """A schema as registries keep it.

    ``references`` are the texts of the documents it refers to, those of theirs included, by the name used in the
    text: an Avro full name, or a JSON Schema ``$ref``.
    """

    kind: Kind
    text: str
    references: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registered:
    """A document with the id or the global identifier that it was asked for by."""

    id: int | None
    document: Document
    guid: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One of the schemas that a registry keeps under a subject, by the registry's own version number."""

    number: int
    id: int
    document: Document


class RegistryError(Exception):
    """``remedy`` says what to do."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class RegistryUnreachable(RegistryError):
    """No answer, or not in time, or an error of the server: trying again later may help."""


class RegistryRefused(RegistryError):
    """The registry answered no: credentials, permission, compatibility, settings. Trying again does not help."""


class DocumentUnusable(RegistryRefused):
    """The registry answered with a document that is no use here: another schema language, or references that lead
    nowhere. It says something about one id, not about the registry."""


class Registry(Protocol):
    """All methods raise ``RegistryUnreachable`` and ``RegistryRefused``."""

    @property
    def name(self) -> str:
        """For people: ``files``, or the URL without credentials."""
        ...

    def schema_of(self, schema_id: int) -> Registered | None:
        """The document of an id, None when the registry has no such id. Also raises ``DocumentUnusable``."""
        ...

    def schema_of_guid(self, guid: str) -> Registered | None:
        """The document of a global identifier, None when the registry has none such; raises as ``schema_of``."""
        ...

    def id_of(self, subject: str, document: Document) -> int | None:
        """The id under which a subject has the document, None when it has not."""
        ...

    def register(self, subject: str, document: Document) -> int:
        """The id of the document under the subject; it is added where it is not there yet."""
        ...

    def ping(self) -> None:
        """Ask for something cheap: returns when the registry answers and lets us in."""
        ...

    def close(self) -> None: ...


class Listing(Registry, Protocol):
    """A registry that can also tell what it has of a subject. All methods raise as ``Registry``'s do."""

    def versions_of(self, subject: str) -> list[Listed]:
        """Every schema of a subject in the registry's order; none where there is no such subject."""
        ...

    def compatibility_of(self, subject: str) -> str | None:
        """The level that the registry enforces for a subject (``BACKWARD``); None where it says nothing of it."""
        ...


class Withdrawing(Registry, Protocol):
    """A registry that can also take a document back. The method raises as ``Registry``'s do."""

    def withdraw(self, subject: str, document: Document) -> bool:
        """Take the document from a subject softly: its id stays readable. False where there is nothing to take."""
        ...


class Ids(Protocol):
    """Where the ids of one registry are remembered: instar.lock."""

    @property
    def entries(self) -> Mapping[int, tuple[str, int]]:
        """Subject and version of each id."""
        ...

    def add(self, schema_id: int, subject: str, version: int) -> None:
        """Remember one more. ValueError when the id is already another version's."""
        ...
