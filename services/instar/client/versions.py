"""Which version a record's identity is: from instar.lock, from what was learned, and only then from the registry.

An application must go on while the registry is down: everything that was ever learned stays. What is asked for and
not known is asked within bounds (the registry client's timeout and retries), and a failure is remembered for a few
seconds, so that a topic full of an unknown id does not wait once per record.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from instar.client.errors import RecordRejected, RegistryAway, SetupError
from instar.client.formats import Formats
from instar.core.formats.framing import SchemaGuid, SchemaId
from instar.core.rejected import Rejected
from instar.core.version import label
from instar.project.environment import FILES
from instar.project.lock import VersionKey
from instar.registry.connect import connect
from instar.registry.identify import Identity
from instar.registry.naming import value_subject
from instar.registry.port import Document, Registry, RegistryError, RegistryRefused, RegistryUnreachable

ASK_AGAIN_AFTER_S = 5.0
_LIMIT_UNKNOWN = 1000  # remembered failures
# An application waits in its own poll: less patience than a worker has. The settings' own values come before these.
_PATIENCE: Mapping[str, object] = {"timeout": 3, "max.retries": 2, "retries.wait.ms": 100, "retries.max.wait.ms": 500}

Clock = Callable[[], float]


@dataclass(slots=True)
class _KnownIds:
    """``registry.port.Ids`` in memory: an application does not write into the project's lock."""

    entries: dict[int, VersionKey]

    def add(self, schema_id: int, subject: str, version: int) -> None:
        known = self.entries.get(schema_id)
        if known not in (None, (subject, version)):
            raise ValueError(f"the schema id {schema_id} is {known}, not {subject}/{label(version)}")
        self.entries[schema_id] = (subject, version)


@dataclass(slots=True)
class _Failure:
    until_s: float
    why: Rejected | RegistryError


@dataclass(slots=True)
class Versions:
    """Thread-safe. ``clock`` is monotonic, in seconds."""

    formats: Formats
    clock: Clock = time.monotonic
    _ids: _KnownIds = field(init=False)
    _registry: Registry = field(init=False)
    _identity: Identity = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _failures: dict[int | str, _Failure] = field(init=False, default_factory=dict)
    _down: _Failure | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        formats = self.formats
        schemas = {
            (name, version): schema
            for name, subject in formats.subjects.items()
            for version, schema in subject.versions.items()
        }
        self._ids = _KnownIds(dict(formats.ids))
        is_files = formats.registry.get("url") == FILES
        config = formats.registry if is_files else {**_PATIENCE, **formats.registry}
        try:
            self._registry = connect(config, ids=self._ids, schemas=schemas, documents=formats.documents)
            if is_files:  # a folder's ids are drawn from its schemas: known without a lock, too
                for key, schema in sorted(schemas.items(), key=lambda entry: entry[0]):
                    document = Document(schema.kind, formats.documents[key])
                    self._registry.register(key[0], document)
        except RegistryRefused as problem:
            raise SetupError(f"{formats.origin}: {problem}", remedy=problem.remedy) from problem
        self._identity = Identity(self._registry, self._ids, formats.subjects.values())

    def version_of(self, identity: SchemaId | SchemaGuid) -> VersionKey | Rejected:
        """Subject and version of a registry's id. Raises ``RegistryAway`` when only the registry could tell."""
        key = identity.id if isinstance(identity, SchemaId) else identity.guid
        if isinstance(key, int) and key in self._ids.entries:
            return self._identity.version_of(identity)  # from memory, without the lock: nobody waits for another's id
        with self._lock:
            failure = self._failures.get(key) or self._down
            if failure is not None and self.clock() < failure.until_s:
                return self._failed(failure)
            self._identity.forget_unknown()
            try:
                found = self._identity.version_of(identity)
            except RegistryError as problem:
                return self._failed(self._note(key, problem))
            self._down = None
            if isinstance(found, Rejected):
                return self._failed(self._note(key, found))
            self._failures.pop(key, None)
            if isinstance(key, int):
                self._ids.entries[key] = found
            return found

    def id_for(self, subject: str, version: int, topic: str, *, register: bool) -> int:
        """The id to write a version under in a topic.

        The registry's own where it answers, else the lowest that instar.lock or an earlier answer gave the version.
        Raises ``RegistryAway``, and ``RecordRejected`` (``no-schema-id``) where the registry has none.
        """
        registry_subject = subject
        if self.formats.registry.get("url") != FILES:
            shape = self.formats.subjects[subject].versions[version].shape
            record = getattr(shape, "name", None) or subject
            registry_subject = value_subject(self.formats.strategy, topic=topic, record=record)
        document = self.formats.documents[subject, version]
        with self._lock:
            known = [number for number, key in self._ids.entries.items() if key == (subject, version)]
            try:
                found = self._identity.id_for(subject, version, document, registry_subject, register=register)
            except RegistryUnreachable as problem:
                if known:
                    return min(known)
                raise self._away(problem) from problem
            except RegistryRefused as problem:
                raise self._away(problem) from problem
            if found is None:
                raise RecordRejected(
                    Rejected(
                        "no-schema-id",
                        f"The registry {self._registry.name} has no schema {subject} {label(version)} under "
                        f"{registry_subject}. Register it (`instar schema register {subject}`), or say register=True.",
                        subject,
                        to_version=label(version),
                    ),
                    topic=topic,
                )
            self._ids.entries.setdefault(found, (subject, version))
            return found

    def close(self) -> None:
        self._registry.close()

    def _note(self, key: int | str, why: Rejected | RegistryError) -> _Failure:
        failure = _Failure(self.clock() + ASK_AGAIN_AFTER_S, why)
        if isinstance(why, RegistryUnreachable):  # then no other id needs to be asked for either
            self._down = failure
        else:
            if len(self._failures) >= _LIMIT_UNKNOWN:
                self._failures.clear()
            self._failures[key] = failure
        return failure

    def _failed(self, failure: _Failure) -> Rejected:
        if isinstance(failure.why, Rejected):
            return failure.why
        raise self._away(failure.why, failure.until_s) from failure.why

    def _away(self, problem: RegistryError, until_s: float | None = None) -> RegistryAway:
        wait_s = ASK_AGAIN_AFTER_S if until_s is None else max(0.0, until_s - self.clock())
        code = "registry-unreachable" if isinstance(problem, RegistryUnreachable) else "registry-refused"
        return RegistryAway(str(problem), code=code, remedy=problem.remedy, retry_after_s=wait_s)
