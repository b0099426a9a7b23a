"""Reading a record outside a bridge: which subject and version it is, and its value at any other version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from instar.core.formats.framing import Framing, Named, SchemaGuid, SchemaId
from instar.core.record import Context, Headers, Record
from instar.core.rejected import UNKNOWN_SUBJECT, UNKNOWN_VERSION, Rejected
from instar.core.subject import Subject
from instar.core.version import label

VersionOf = Callable[[SchemaId | SchemaGuid], "tuple[str, int] | Rejected"]


@dataclass(frozen=True, slots=True)
class Read:
    """What a record is. ``body`` are the bytes of the value without framing."""

    subject: Subject
    version: int
    body: bytes

    def value(self) -> Any | Rejected:
        """The value at the record's own version."""
        value = self.subject.versions[self.version].decode(self.body)
        if isinstance(value, Rejected):
            return value.within(subject=self.subject.name, from_version=label(self.version))
        return value

    def values_at(self, version: int, context: Context) -> list[Any] | Rejected:
        """What the record is at another version: one value; several or none where its event fans out or ends."""
        program = self.subject.program(self.version, version)
        if isinstance(program, Rejected):
            return program
        value = program.decode(self.body)
        if isinstance(value, Rejected):
            return value
        values = program.chain.fold_owned(value, context)
        return program.redacted(values, self.body, context) if isinstance(values, Rejected) else values


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the records of one framing.

    ``version_of`` names the version of a registry's id; it may do I/O, and what it raises passes through.
    """

    framing: Framing
    subjects: Mapping[str, Subject]
    version_of: VersionOf

    def read(self, value: bytes, headers: Headers) -> Read | Rejected:
        framed = self.framing.identify(value, headers)
        if isinstance(framed, Rejected):
            return framed
        identity = framed.identity
        named = (
            (identity.subject or self._sole_subject, identity.version)
            if isinstance(identity, Named)
            else self.version_of(identity)
        )
        if isinstance(named, Rejected):
            return named
        name, version = named
        subject = self.subjects.get(name or "")
        if subject is None:
            what = f"names the subject {name!r}" if name else "does not name its subject"
            known = ", ".join(sorted(self.subjects)) or "no subject"
            return Rejected(UNKNOWN_SUBJECT, f"The record {what}; known here: {known}.")
        if version not in subject.versions:
            has = ", ".join(label(one) for one in sorted(subject.versions))
            message = f"The record is {subject.name} {label(version)}, and schemas/{subject.name} has {has}."
            return Rejected(UNKNOWN_VERSION, message, subject.name, from_version=label(version))
        return Read(subject, version, framed.body)

    @property
    def _sole_subject(self) -> str | None:
        return next(iter(self.subjects)) if len(self.subjects) == 1 else None


def context_of(record: Record) -> Context:
    """What a hop may know of a record beside its value."""
    return Context(record.key, record.headers, record.timestamp_ms, record.topic, record.partition, record.offset)
