"""What must become of a source record, by the reference chain: decode, fold, encode, in the most obvious way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from instar.core import provenance, redrive
from instar.core.content import Content, problem
from instar.core.cut import Expected, Matcher
from instar.core.formats.framing import Framing, Identity, Named, Write
from instar.core.provenance import Direction
from instar.core.reading import context_of
from instar.core.record import Context, Headers, Record
from instar.core.rejected import (
    NO_KEY,
    TOO_LARGE,
    UNKNOWN_SUBJECT,
    UNKNOWN_VERSION,
    VERSION_ABOVE_TARGET,
    Rejected,
)
from instar.core.subject import Subject
from instar.core.upcasting import carry
from instar.core.upcasting.carry import Carrier
from instar.registry.identify import Identity as SchemaIds

_LOST_BYTES = len(carry.HEADER) + carry.HEADER_LIMIT_BYTES + 10  # the most that the header of what is lost takes
_OURS = frozenset({provenance.HEADER, carry.HEADER, redrive.HEADER})


class Decision(NamedTuple):
    """What must become of a source record: contents, a rejection, or nothing because it is our twin's echo."""

    contents: list[Content]
    rejected: Rejected | None = None
    echo: bool = False


@dataclass(frozen=True, slots=True)
class Judge:
    """One direction's rules. ``denied`` are headers that the migration does not copy."""

    migration: str
    direction: Direction
    version: int
    subjects: Mapping[str, Subject]
    sole_subject: str | None
    source_framing: Framing
    target_framing: Framing
    ids: SchemaIds
    denied: frozenset[str]
    largest_record_bytes: int
    carry_lost: bool
    needs_key: bool = False  # the target is compacted
    _writers: dict[str, Write] = field(default_factory=dict, init=False, repr=False)

    def expect(self, record: Record) -> Expected:
        """What the merge must find for a source record."""
        decision = self.decide(record)
        return Expected([self._matcher(one) for one in decision.contents], decision.rejected, decision.echo)

    def decide(self, record: Record) -> Decision:
        """What must become of a source record."""
        twin = "down" if self.direction == "up" else "up"
        origin = provenance.of(record.headers, record.key, record.value)
        if origin is not None and (origin.migration, origin.direction) == (self.migration, twin):
            return Decision([], echo=True)
        # What the target's framing takes for its own is dropped too: it is when the record is read back.
        headers = self._foreign(self.target_framing.unframed(self.source_framing.unframed(record.headers)))
        if self.needs_key and record.key is None:
            return Decision([], Rejected(NO_KEY, "a compacted target takes no record without a key"))
        if record.value is None:
            tombstone = Content(record.key, record.timestamp_ms, headers, None, 0, None)
            size = self._size(record, None, ())
            return Decision([tombstone]) if size <= self.largest_record_bytes else _too_large()
        framed = self.source_framing.identify(record.value, record.headers)
        if isinstance(framed, Rejected):
            return Decision([], framed)
        named = self._named(framed.identity)
        if isinstance(named, Rejected):
            return Decision([], named)
        subject, version = named
        if self.direction == "up" and version > self.version:
            return Decision([], Rejected(VERSION_ABOVE_TARGET, "above the target"))
        bodies = self._fold(subject, version, framed.body, record)
        if isinstance(bodies, Rejected):
            return Decision([], bodies)
        contents = []
        for body in bodies:
            written = self._written(subject, body)
            if isinstance(written, Rejected):
                return Decision([], written)
            value, added = written
            size = self._size(record, value, added)
            if len(bodies) == 1 and size <= self.largest_record_bytes < size + _LOST_BYTES:
                size += self._lost_bytes(subject, version, framed.body, record)
            if size > self.largest_record_bytes:
                return _too_large()
            contents.append(
                Content(record.key, record.timestamp_ms, headers, subject.name, self.version, self._body(value, added))
            )
        return Decision(contents)

    def read(self, record: Record) -> tuple[Subject, int, bytes] | Rejected:
        """Subject, version and unframed value of a source record that is no tombstone."""
        framed = self.source_framing.identify(record.value or b"", record.headers)
        if isinstance(framed, Rejected):
            return framed
        named = self._named(framed.identity)
        return named if isinstance(named, Rejected) else (*named, framed.body)

    def content(self, record: Record) -> Content | str:
        """What a record of the target holds; in words why it cannot be read."""
        # Denied headers are not left out here: that one is there would be a fault.
        headers = tuple(one for one in self.target_framing.unframed(record.headers) if one[0] not in _OURS)
        if record.value is None:
            return Content(record.key, record.timestamp_ms, headers, None, 0, None)
        framed = self.target_framing.identify(record.value, record.headers)
        if isinstance(framed, Rejected):
            return f"the framing does not read: {framed.code}"
        named = self._named(framed.identity)
        if isinstance(named, Rejected):
            return f"the framing names no version: {named.code}"
        return Content(record.key, record.timestamp_ms, headers, named[0].name, named[1], framed.body)

    def _fold(self, subject: Subject, version: int, body: bytes, record: Record) -> list[bytes] | Rejected:
        chain = subject.chain(version, self.version)
        if isinstance(chain, Rejected):
            return chain
        value = chain.before.decode(body)
        if isinstance(value, Rejected):
            return value
        if version == self.version:
            return [body]
        context = context_of(record)
        folded = chain.fold_owned(value, context)
        if isinstance(folded, Rejected):
            return folded
        if self.carry_lost and self.direction == "up" and len(folded) == 1:
            folded = self._restored(subject, version, body, context) or folded
        bodies = []
        for one in folded:
            encoded = chain.after.encode(one)
            if isinstance(encoded, Rejected):
                return encoded
            bodies.append(encoded)
        return bodies

    def _restored(self, subject: Subject, version: int, body: bytes, context: Context) -> list[object] | None:
        """The value that a record's own ``instar-lost`` header restores, if it has one that is its own."""
        carrier = self._carrier(subject, version)
        if carrier is None or not any(name == carry.HEADER for name, _ in context.headers):
            return None
        lifted = carrier.lift(body, context)
        if isinstance(lifted, Rejected) or lifted.note != "restored":
            return None
        return [subject.versions[self.version].decode(one) for one in lifted.outputs]

    def _carrier(self, subject: Subject, version: int) -> Carrier | None:
        low, high = sorted((version, self.version))
        up, down = subject.program(low, high), subject.program(high, low)
        if isinstance(up, Rejected) or isinstance(down, Rejected):
            return None
        return Carrier.of(down, up, subject.sensitive)

    def _matcher(self, expected: Content) -> Matcher:
        def match(record: Record) -> str | None:
            found = self.content(record)
            return found if isinstance(found, str) else problem(expected, found)

        return match

    def _written(self, subject: Subject, body: bytes) -> tuple[bytes, Headers] | Rejected:
        """The value as the target's framing writes it. The registry's id matters to its length only, which is fixed."""
        write = self._writers.get(subject.name)
        if write is None:
            write = self.target_framing.writer(subject=subject.name, version=self.version, schema_id=0)
            self._writers[subject.name] = write
        return write(body)

    def _body(self, value: bytes, added: Headers) -> bytes:
        """The body as it is read back: a version in the payload is part of it."""
        framed = self.target_framing.identify(value, added)
        return value if isinstance(framed, Rejected) else framed.body

    def _foreign(self, headers: Headers) -> Headers:
        """Headers are kept in their order, but for our own, the framings' and the denied."""
        denied = self.denied
        return tuple(
            header
            for header in headers
            if header[0] not in _OURS and not (denied and any(_denies(rule, header[0]) for rule in denied))
        )

    def _size(self, record: Record, value: bytes | None, added: Headers) -> int:
        """The documented rule of what fits: 100 bytes, key, value, and for each header its name, content and 10."""
        headers = (*self._foreign(self.source_framing.unframed(record.headers)), *added)
        size = 100 + len(record.key or b"") + len(value or b"")
        size += len(provenance.HEADER) + 38 + len(self.migration.encode()) + 10
        return size + sum(len(name.encode()) + len(content or b"") + 10 for name, content in headers)

    def _lost_bytes(self, subject: Subject, version: int, body: bytes, record: Record) -> int:
        """What the header ``instar-lost`` adds: asked only where it decides whether a record fits."""
        carrier = self._carrier(subject, version) if self.carry_lost and self.direction == "down" else None
        lowered = None if carrier is None else carrier.lower(body, context_of(record))
        if lowered is None or isinstance(lowered, Rejected) or lowered.header is None:
            return 0
        return len(carry.HEADER) + len(lowered.header) + 10

    def _named(self, identity: Identity) -> tuple[Subject, int] | Rejected:
        if isinstance(identity, Named):
            name, version = identity.subject or self.sole_subject, identity.version
        else:
            found = self.ids.version_of(identity)
            if isinstance(found, Rejected):
                return found
            name, version = found
        subject = self.subjects.get(name or "")
        if subject is None:
            return Rejected(UNKNOWN_SUBJECT, f"{name!r} is not a subject of the migration")
        if version not in subject.versions:
            return Rejected(UNKNOWN_VERSION, f"{subject.name} has no v{version}")
        return subject, version


def _too_large() -> Decision:
    return Decision([], Rejected(TOO_LARGE, "the output is too large for the target"))


def _denies(rule: str, name: str) -> bool:
    return name.startswith(rule[:-1]) if rule.endswith("*") else name == rule
