"""A bridge: what becomes of one record on its way from the source topic to the target (design section 3).

Pure: it is given records and answers with what to publish. The routes (which program and which framing serve records
of one identity) are opened by the caller when an identity first appears; after that a record costs one dictionary
look-up here.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, Protocol, Self

from instar.core import provenance, redrive
from instar.core.formats.framing import Framing, Identity, Write
from instar.core.formats.framing.noting import Noting
from instar.core.provenance import Direction, Stamp
from instar.core.record import Context, Headers, Output, Record
from instar.core.rejected import CANNOT_FRAME, NO_KEY, TOO_LARGE, Rejected
from instar.core.upcasting import carry
from instar.core.upcasting.carry import Carrier, Run
from instar.core.upcasting.program import Program, Tell

# A batch of one record: 61 bytes of batch header, at most 21 of record header, 5 for each length (KIP-98's format v2).
_RECORD_OVERHEAD_BYTES = 100
_HEADER_OVERHEAD_BYTES = 10

# ``current`` is what in place leaves alone; ``overtaken``, of which a bridge knows nothing, must not replace a newer
# value.
Result = Literal["published", "dead-lettered", "dropped", "echoed", "current", "overtaken"]


class Executor(Protocol):
    """What runs a program: the program itself, or something that answers as it does on every input."""

    def run(self, data: bytes, context: Context) -> list[bytes] | Rejected:
        """As ``Program.run``."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """How records of one identity are carried: the program, and the framing of what comes out.

    ``carrier`` is given where the migration carries what a downcast loses (``carry_lost``). ``executor`` runs the
    program faster, with the same answers; None: the program runs itself. ``source`` is what its records are: subject
    and version.
    """

    program: Program
    write: Write
    carrier: Carrier | None = None
    current: bool = False  # the record is at the target version already, and is left where it stands
    executor: Executor | None = None
    source: tuple[str, int] = field(init=False)
    run: Run = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", (self.program.subject, self.program.from_version))
        object.__setattr__(self, "run", (self.executor or self.program).run)

    def telling(self, tell: Tell) -> Self:
        """The same route, which tells of each hop that it has run: so the program itself runs."""
        program, carrier = self.program.telling(tell), self.carrier
        if carrier is not None:  # the other way is only looked at, for what it loses
            down = program.from_version > program.to_version
            carrier = replace(carrier, down=program) if down else replace(carrier, up=program)
        return replace(self, program=program, carrier=carrier, executor=None)


class Carried(NamedTuple):
    """What became of a record. ``rejected`` is given exactly when it is dead-lettered.

    ``source`` is the subject and version that the record was, as far as it had to be known.
    """

    result: Result
    outputs: list[Output]
    rejected: Rejected | None = None
    source: tuple[str, int] | None = None


OpenRoute = Callable[[Identity], Route | Rejected]
Carry = Callable[[Record, Stamp], Carried]


class Bridge:
    """One migration's records in one direction.

    ``open_route`` may do I/O (ask a registry); what it raises passes through. ``largest_record_bytes`` is the target
    topic's ``max.message.bytes``; ``needs_key`` says that it is compacted, ``in_place`` that it is the source itself.
    ``denied`` names headers that are not
    copied; a trailing ``*`` matches any ending.
    """

    def __init__(
        self,
        migration: str,
        direction: Direction,
        framing: Framing,
        open_route: OpenRoute,
        largest_record_bytes: int,
        denied: frozenset[str] = frozenset(),
        *,
        needs_key: bool = False,
        in_place: bool = False,
    ) -> None:
        self.migration = migration
        self.direction = direction
        self._twin: Direction = "down" if direction == "up" else "up"
        self._framing = framing
        self._open_route = open_route
        self._largest_record_bytes = largest_record_bytes
        ours = {provenance.HEADER, carry.HEADER, redrive.HEADER}
        self._not_copied = {name for name in denied if not name.endswith("*")} | ours
        self._not_copied_prefixes = tuple(name[:-1] for name in denied if name.endswith("*"))
        self._needs_key = needs_key
        self._in_place = in_place
        self._routes: dict[Identity, Route | Rejected] = {}

    def note_identities(self) -> Noting:
        """From now on the framing remembers what each record is, for whoever counts versions."""
        self._framing = noting = Noting(self._framing)
        return noting

    def forget_rejected_routes(self) -> None:
        """Ask again for identities that were unknown: a schema may be registered while the bridge runs.

        Called once a batch, which also bounds what random bytes can make the table hold.
        """
        if any(isinstance(route, Rejected) for route in self._routes.values()):
            self._routes = {key: route for key, route in self._routes.items() if isinstance(route, Route)}

    def telling(self, tell: Tell) -> Self:
        """A bridge of its own that does the same, and tells of each hop that it has run: for single records."""
        twin = copy(self)
        twin._routes = {}  # noqa: SLF001 - of its own class

        def open_route(identity: Identity) -> Route | Rejected:
            route = self._open_route(identity)
            return route if isinstance(route, Rejected) else route.telling(tell)

        twin._open_route = open_route  # noqa: SLF001
        return twin

    def carry(self, record: Record, stamp: Stamp) -> Carried:
        """What becomes of the record; ``stamp`` is that of its partition."""
        headers = record.headers
        if headers:
            if self._is_echo(record):
                return Carried("echoed", [])
            headers = self._copied(headers)
        if self._needs_key and record.key is None:
            message = "The record has no key, and the target topic is compacted: Kafka takes none without a key there."
            return Carried("dead-lettered", [], Rejected(NO_KEY, message))
        if record.value is None:
            if self._in_place:  # a tombstone has no version
                return Carried("current", [])
            return self._finish(record, [(None, headers)], stamp)
        framed = self._framing.identify(record.value, record.headers)
        if isinstance(framed, Rejected):
            return Carried("dead-lettered", [], framed)
        identity, body = framed
        route = self._routes.get(identity)
        if route is None:
            self._routes[identity] = route = self._open_route(identity)
        if isinstance(route, Rejected):
            return Carried("dead-lettered", [], route)
        if route.current:
            return Carried("current", [], None, route.source)
        context = Context(
            record.key, record.headers, record.timestamp_ms, record.topic, record.partition, record.offset
        )
        made = self._transform(route, body, context)
        if isinstance(made, Rejected):
            return Carried("dead-lettered", [], made, route.source)
        bodies, lost = made
        if lost is not None:
            headers = (*headers, (carry.HEADER, lost))
        values: list[tuple[bytes | None, Headers]] = []
        for out in bodies:
            written = route.write(out)
            if isinstance(written, Rejected):
                return Carried("dead-lettered", [], written, route.source)
            value, added = written
            values.append((value, headers + added if added else headers))
        return self._finish(record, values, stamp, route.source)

    def _transform(self, route: Route, body: bytes, context: Context) -> tuple[list[bytes], bytes | None] | Rejected:
        """The bodies that a record becomes, and the header of what they have lost."""
        carrier = route.carrier
        if carrier is None:
            made = route.run(body, context)
            return made if isinstance(made, Rejected) else (made, None)
        if self.direction == "down":
            lowered = carrier.lower(body, context)
            return lowered if isinstance(lowered, Rejected) else (lowered.outputs, lowered.header)
        lifted = carrier.lift(body, context, route.run)
        return lifted if isinstance(lifted, Rejected) else (lifted.outputs, None)

    def _finish(
        self,
        record: Record,
        values: list[tuple[bytes | None, Headers]],
        stamp: Stamp,
        source: tuple[str, int] | None = None,
    ) -> Carried:
        count = len(values)
        if count == 0:
            return Carried("dropped", [], None, source)
        if count > provenance.MAX_FAN_OUT:
            message = f"The record became {count} records; provenance can number {provenance.MAX_FAN_OUT}."
            return Carried("dead-lettered", [], Rejected(CANNOT_FRAME, message), source)
        key = record.key
        outputs = []
        for index, (value, headers) in enumerate(values):
            stamped = (*headers, stamp.header(record.offset, index, count, key, value))
            size = (
                _RECORD_OVERHEAD_BYTES
                + len(key or b"")
                + len(value or b"")
                + sum(_size_bytes(name) + len(content or b"") + _HEADER_OVERHEAD_BYTES for name, content in stamped)
            )
            if size > self._largest_record_bytes:
                return Carried("dead-lettered", [], self._too_large(size), source)
            outputs.append(Output(key, value, stamped, record.timestamp_ms))
        return Carried("published", outputs, None, source)

    def _too_large(self, size_bytes: int) -> Rejected:
        return Rejected(
            TOO_LARGE,
            f"The output has {size_bytes:,} bytes uncompressed; the target topic accepts "
            f"{self._largest_record_bytes:,} (max.message.bytes). Raise the topic's limit and redrive the record.",
        )

    def _is_echo(self, record: Record) -> bool:
        """Is this our twin's own output, come round? Only with our migration's name, its direction, and its CRC."""
        found = provenance.of(record.headers, record.key, record.value)
        return found is not None and found.direction == self._twin and found.migration == self.migration

    def _copied(self, headers: Headers) -> Headers:
        not_copied, prefixes = self._not_copied, self._not_copied_prefixes
        headers = self._framing.unframed(headers)
        for name, _ in headers:
            if name in not_copied or name.startswith(prefixes):
                return tuple(
                    header for header in headers if header[0] not in not_copied and not header[0].startswith(prefixes)
                )
        return headers


def _size_bytes(name: str) -> int:
    """Of a header's name, which Kafka holds in UTF-8."""
    return len(name) if name.isascii() else len(name.encode())
