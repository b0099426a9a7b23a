"""What must become of a source record, by the reference chain: decode, fold, encode, in the most obvious way."""

from collections.abc import Mapping
from dataclasses import dataclass

from instar.core import provenance, redrive
from instar.core.compare import Expected, Matcher
from instar.core.formats.framing import Framing, Identity, Named
from instar.core.provenance import Direction
from instar.core.record import Context, Headers, Record
from instar.core.rejected import (
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

    def expect(self, record: Record) -> Expected:
        twin = "down" if self.direction == "up" else "up"
        origin = provenance.of(record.headers, record.key, record.value)
        if origin is not None and (origin.migration, origin.direction) == (self.migration, twin):
            return Expected([], echo=True)
        if record.value is None:
            return Expected([self._tombstone(record)])
        framed = self.source_framing.identify(record.value, record.headers)
        if isinstance(framed, Rejected):
            return Expected([], framed)
        named = self._named(framed.identity)
        if isinstance(named, Rejected):
            return Expected([], named)
        subject, version = named
        if self.direction == "up" and version > self.version:
            return Expected([], Rejected(VERSION_ABOVE_TARGET, "above the target"))
        bodies = self._fold(subject, version, framed.body, record)
        if isinstance(bodies, Rejected):
            return Expected([], bodies)
        if any(self._too_large(record, body) for body in bodies):
            return Expected([], Rejected(TOO_LARGE, "the output is too large for the target"))
        return Expected([self._matcher(record, subject, body) for body in bodies])

    def _fold(self, subject: Subject, version: int, body: bytes, record: Record) -> list[bytes] | Rejected:
        chain = subject.chain(version, self.version)
        if isinstance(chain, Rejected):
            return chain
        value = chain.before.decode(body)
        if isinstance(value, Rejected):
            return value
        if version == self.version:
            return [body]
        context = Context(
            record.key, record.headers, record.timestamp_ms, record.topic, record.partition, record.offset
        )
        folded = chain.fold(value, context)
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

    def _matcher(self, source: Record, subject: Subject, expected: bytes) -> Matcher:
        def match(record: Record) -> str | None:
            if record.value is None:
                return "a tombstone instead of a value"
            framed = self.target_framing.identify(record.value, record.headers)
            if isinstance(framed, Rejected):
                return f"the framing does not read: {framed.code}"
            named = self._named(framed.identity)
            if isinstance(named, Rejected):
                return f"the framing names no version: {named.code}"
            if (named[0].name, named[1]) != (subject.name, self.version):
                return f"framed as {named[0].name} v{named[1]} instead of {subject.name} v{self.version}"
            if framed.body != expected and not self._same(subject, framed.body, expected):
                return "the value is not the chain's result"
            return self._headers_problem(source, record)

        return match

    def _same(self, subject: Subject, found: bytes, expected: bytes) -> bool:
        """A payload field is written into the body, so a JSON body may differ in its bytes by exactly that."""
        if self.target_framing.kind != "payload-field":
            return False
        write = self.target_framing.writer(subject=subject.name, version=self.version, schema_id=None)
        written = write(expected)
        return not isinstance(written, Rejected) and written[0] == found

    def _tombstone(self, source: Record) -> Matcher:
        def match(record: Record) -> str | None:
            return (
                "a value instead of a tombstone" if record.value is not None else self._headers_problem(source, record)
            )

        return match

    def _headers_problem(self, source: Record, record: Record) -> str | None:
        """Headers are kept in their order, but for our own, the framings' and the denied."""
        want = self._foreign(self.source_framing.unframed(source.headers))
        have = self._foreign(self.target_framing.unframed(record.headers))
        if want != have:
            return f"headers differ: {[name for name, _ in want]} became {[name for name, _ in have]}"
        return None

    def _foreign(self, headers: Headers) -> Headers:
        ours = {provenance.HEADER, carry.HEADER, redrive.HEADER}
        return tuple(
            (name, content)
            for name, content in headers
            if name not in ours and not any(_denies(rule, name) for rule in self.denied)
        )

    def _too_large(self, record: Record, body: bytes) -> bool:
        """The documented rule of what fits: 100 bytes, key, value, and for each header its name, content and 10."""
        headers = [(name, len(content or b"")) for name, content in self._foreign(record.headers)]
        headers.append((provenance.HEADER, 38 + len(self.migration.encode())))
        size = 100 + len(record.key or b"") + len(body) + sum(len(name) + length + 10 for name, length in headers)
        return size + (5 if self.target_framing.kind == "registry-prefix" else 0) > self.largest_record_bytes

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


def _denies(rule: str, name: str) -> bool:
    return name.startswith(rule[:-1]) if rule.endswith("*") else name == rule
