"""Which version a registry id is, and which id a version is written under.

instar.lock is asked first. An id that is not in it is fetched once and compared with every version of the allowed
subjects by *full* canonical form: Avro's own Parsing Canonical Form drops logical types, under which ``long`` and
``timestamp-micros`` look equal. What equals none is rejected by its number; nothing is ever guessed.
"""

from collections.abc import Iterable

from instar.core.formats.framing import SchemaGuid, SchemaId
from instar.core.formats.schema import Schema
from instar.core.rejected import UNKNOWN_SCHEMA_ID, Rejected
from instar.core.subject import Subject
from instar.core.version import label
from instar.registry.parse import Unparsed, parse
from instar.registry.port import Document, DocumentUnusable, Ids, Registered, Registry, RegistryRefused

Version = tuple[str, int]

# Ids that are no version, remembered so that a topic full of them does not ask once per record.
_LIMIT_UNKNOWN = 1000


class Identity:
    """Answers from its memory for whatever it was asked before. Raises what the registry raises.

    ``learned`` are the ids that were not in the lock and have been identified since: the caller may save them.
    """

    def __init__(self, registry: Registry, ids: Ids, subjects: Iterable[Subject]) -> None:
        self._registry = registry
        self._ids = ids
        self._versions: dict[Version, Schema] = {
            (subject.name, version): schema for subject in subjects for version, schema in subject.versions.items()
        }
        self._names = sorted({name for name, _ in self._versions})
        self._unknown: dict[int | str, Rejected] = {}
        self._guids: dict[str, Version] = {}
        self.learned: dict[int, Version] = {}

    def version_of(self, identity: SchemaId | SchemaGuid) -> Version | Rejected:
        """Subject and version of a schema id or global identifier; unknown-schema-id names it."""
        key = identity.id if isinstance(identity, SchemaId) else identity.guid
        if isinstance(key, int):
            found = self._ids.entries.get(key) or self.learned.get(key)
            if found is not None:
                return found if found in self._versions else self._foreign(key, found)
        elif key in self._guids:
            return self._guids[key]
        if key in self._unknown:
            return self._unknown[key]
        answer = self._fetch(key)
        if isinstance(answer, Rejected):
            if len(self._unknown) >= _LIMIT_UNKNOWN:
                self._unknown.clear()
            self._unknown[key] = answer
        elif isinstance(key, int):
            self.learned[key] = answer
        else:
            self._guids[key] = answer
        return answer

    def forget_unknown(self) -> None:
        """Ask the registry again for ids that were unknown, as after a repair."""
        self._unknown.clear()

    def id_for(self, subject: str, version: int, document: str, registry_subject: str, *, register: bool) -> int | None:
        """The id to write a version under: the registry's, so that readers can resolve it.

        Where the registry has none it is registered and noted in instar.lock if ``register`` says so, else None.
        Also raises ``RegistryRefused`` when instar.lock cannot be written, or gives the id to another version.
        """
        schema = self._versions[subject, version]
        whole = Document(schema.kind, document)
        schema_id = self._registry.id_of(registry_subject, whole)
        try:
            if schema_id is None and register:
                schema_id = self._registry.register(registry_subject, whole)
            if schema_id is not None:
                self._note(schema_id, (subject, version), write=register)
        except OSError as error:
            raise RegistryRefused(
                f"instar.lock cannot be written: {error.strerror}",
                remedy="Run this once where the project folder can be written, and commit instar.lock.",
            ) from error
        except ValueError as error:
            raise RegistryRefused(
                f"The registry {self._registry.name} and instar.lock contradict each other: {error}",
                remedy="Was the registry emptied, or is it another one? Then take its [ids] out of instar.lock; "
                "records that were written under the old ids cannot be read with it.",
            ) from error
        return schema_id

    def _note(self, schema_id: int, version: Version, *, write: bool) -> None:
        known = self._ids.entries.get(schema_id)
        if known == version:
            return
        if known is not None:
            raise ValueError(
                f"{schema_id} is {version[0]}/{label(version[1])} there and {known[0]}/{label(known[1])} here"
            )
        if write:
            self._ids.add(schema_id, *version)
        else:
            self.learned[schema_id] = version

    def _fetch(self, key: int | str) -> Version | Rejected:
        try:
            asked = self._registry.schema_of(key) if isinstance(key, int) else self._registry.schema_of_guid(key)
        except DocumentUnusable as error:  # this record's schema is no use; the registry is well
            return Rejected(UNKNOWN_SCHEMA_ID, f"Schema {key} cannot be used: {error}")
        if asked is None:
            return Rejected(
                UNKNOWN_SCHEMA_ID,
                f"The registry {self._registry.name} has no schema {key}. "
                "Was the record written with another registry?",
            )
        return self._match(key, asked)

    def _match(self, key: int | str, registered: Registered) -> Version | Rejected:
        try:
            schema = parse(registered.document)
        except Unparsed as error:
            return Rejected(UNKNOWN_SCHEMA_ID, f"Schema {key} of {self._registry.name} cannot be read: {error}")
        same = [
            version
            for version, each in sorted(self._versions.items())
            if each.kind == schema.kind and each.canonical == schema.canonical
        ]
        match same:
            case [version]:
                return version
            case []:
                return Rejected(
                    UNKNOWN_SCHEMA_ID,
                    f"Schema {key} of {self._registry.name} equals no version of {', '.join(self._names)}. "
                    f"If it belongs to one, add it as a version, or its id to instar.lock.",
                )
            case _:
                names = " and ".join(f"{subject} {label(version)}" for subject, version in same)
                return Rejected(
                    UNKNOWN_SCHEMA_ID,
                    f"Schema {key} of {self._registry.name} equals {names} alike. Say in instar.lock which one it is.",
                )

    def _foreign(self, key: int, found: Version) -> Rejected:
        return Rejected(
            UNKNOWN_SCHEMA_ID,
            f"Schema {key} is {found[0]} {label(found[1])}, which is not among this migration's subjects "
            f"({', '.join(self._names)}).",
        )
