"""Carrying what a downcast loses: a header from which the next upcast restores the record as it was.

After a down chain made y of x, ``up(y)`` is computed at once and compared with x. What differs becomes a *patch* in
the header ``instar-lost``. The next upcast of exactly those bytes applies it. The header's bytes:

    1   format version, 1
    4   CRC-32 of y's bytes (without framing), big-endian: binds the header to the record
    4   CRC-32 of the restored record's bytes: a chain that has changed since then cannot restore something else
    ..  compact JSON: [version restored to, [[place, value], ...], [place removed, ...]]

Applications forward headers into records of their own and hops get edited, so a header that does not match to the
last bit is ignored, and the plain upcast stands. Sensitive fields are never carried.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from zlib import crc32

from instar.core.formats.shape import MISSING
from instar.core.record import Context, Headers
from instar.core.rejected import Rejected
from instar.core.upcasting import exact_json
from instar.core.upcasting.difference import Place, differing
from instar.core.upcasting.pattern import Pattern, holds, parse_pattern
from instar.core.upcasting.program import Program
from instar.core.upcasting.value import copy_of

HEADER: Final = "instar-lost"
HEADER_LIMIT_BYTES: Final = 4096
FORMAT_VERSION: Final = 1
_PREFIX_BYTES = 9

AsRead = Callable[[bytes], bytes]
Run = Callable[[bytes, Context], list[bytes] | Rejected]
LowerNote = Literal["nothing-lost", "carried", "carried-in-part", "withheld", "over-limit"]
LiftNote = Literal["no-header", "restored", "other-record", "other-version", "unreadable-header", "changed-chain"]


@dataclass(frozen=True, slots=True)
class Lowered:
    """A record after its downcast.

    ``header`` is the value of ``instar-lost``, None when there is nothing to carry or it cannot be carried. ``note``
    says which: ``carried-in-part`` and ``withheld`` leave sensitive fields behind, ``over-limit`` carries nothing.
    """

    outputs: list[bytes]
    header: bytes | None
    note: LowerNote


@dataclass(frozen=True, slots=True)
class Lifted:
    """A record after its upcast. Any ``note`` but ``restored`` means that the plain upcast stands."""

    outputs: list[bytes]
    note: LiftNote


@dataclass(frozen=True, slots=True)
class Patch:
    """What makes the restored record of the upcast one: values to put, places to remove."""

    version: int
    puts: tuple[tuple[Place, Any], ...]
    removals: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Carrier:
    """The way down from one version to another and back up, for one subject.

    ``sensitive`` are the field patterns whose values must not stand in a header.
    """

    down: Program
    up: Program
    sensitive: tuple[Pattern, ...] = field(default=())

    @classmethod
    def of(cls, down: Program, up: Program, sensitive: tuple[str, ...] = ()) -> "Carrier":
        """A carrier of two programs that are each other's way back. ValueError when they are not."""
        if (down.from_version, down.to_version, down.subject) != (up.to_version, up.from_version, up.subject):
            raise ValueError("the two programs are not each other's way back")
        return cls(down, up, tuple(parse_pattern(path) for path in sensitive))

    def lower(self, data: bytes, context: Context, as_read: AsRead | None = None) -> Lowered | Rejected:
        """Downcast a record's value (without framing) and pack what that loses.

        ``as_read`` gives the bytes that ``lift`` will be handed for an output, where a framing inside the payload
        changes them; the header is bound to those.
        """
        value = self.down.decode(data)
        if isinstance(value, Rejected):
            return value
        folded = self.down.chain.fold(value, context)
        if isinstance(folded, Rejected):
            return self.down.redacted(folded, data, context)
        outputs = self.down.encode_all(folded)
        if isinstance(outputs, Rejected):
            return outputs
        if len(outputs) != 1:
            return Lowered(outputs, None, "nothing-lost")
        lowered = outputs[0] if as_read is None else as_read(outputs[0])
        header, note = self._pack(value, lowered, context)
        return Lowered(outputs, header, note)

    def _pack(self, value: Any, lowered: bytes, context: Context) -> tuple[bytes | None, LowerNote]:
        """The header for a record and the bytes that it became."""
        base = self._upcast(lowered, context)
        puts: list[tuple[Place, Any]] = []
        removals: list[Place] = []
        withheld = False
        # Where nothing comes back up at all, the record is carried whole, at the place () which is all of it.
        changes = [((), MISSING, value)] if base is MISSING else list(differing(base, value))
        for place, before, after in changes:
            if after is not MISSING and holds(self.sensitive, after, place):
                withheld = True
            elif after is MISSING:
                withheld = withheld or holds(self.sensitive, before, place)
                removals.append(place)
            else:
                puts.append((place, after))
        if not puts and not removals:
            return None, "withheld" if withheld else "nothing-lost"
        patch = Patch(self.up.to_version, tuple(puts), tuple(removals))
        restored = self._restore(base, patch)
        if restored is None:  # what is left without the sensitive fields is no valid record
            return None, "withheld"
        content = [patch.version, [[list(place), part] for place, part in puts], [list(place) for place in removals]]
        header = _prefix(lowered, restored) + exact_json.dumps(content)
        if len(header) > HEADER_LIMIT_BYTES:
            return None, "over-limit"
        return header, "carried-in-part" if withheld else "carried"

    def _upcast(self, lowered: bytes, context: Context) -> Any:
        """The one value that the bytes become on the way up, MISSING where they are rejected."""
        value = self.up.decode(lowered)
        if isinstance(value, Rejected):
            return MISSING
        folded = self.up.chain.fold_owned(value, context)
        return MISSING if isinstance(folded, Rejected) or len(folded) != 1 else folded[0]

    def _restore(self, base: Any, patch: Patch) -> bytes | None:
        """The bytes of the restored record; None when the patch does not fit or yields an invalid record."""
        try:
            value = copy_of(base)
            for place in patch.removals:
                value = _changed(value, place, MISSING)
            for place, part in patch.puts:
                value = _changed(value, place, copy_of(part))
        except (KeyError, IndexError, TypeError):
            return None
        if value is MISSING or self.up.chain.after.problem(value) is not None:
            return None
        data = self.up.chain.after.encode(value)
        return None if isinstance(data, Rejected) else data

    def lift(self, data: bytes, context: Context, run: Run | None = None) -> Lifted | Rejected:
        """Upcast a record's value (without framing), and restore what its header carries, if it is this record's.

        ``run`` is what makes the plain upcast, where that is not the program itself.
        """
        header = next((content for name, content in reversed(context.headers) if name == HEADER), None)
        note: LiftNote = "no-header"
        if header is not None:
            read = _read(header, data, self.up.to_version)
            if isinstance(read, Patch):
                restored = self._restore(self._upcast(data, context), read)
                if restored is not None and header[:_PREFIX_BYTES] == _prefix(data, restored):
                    return Lifted([restored], "restored")
                note = "changed-chain"
            else:
                note = read
        outputs = (run or self.up.run)(data, context)
        return outputs if isinstance(outputs, Rejected) else Lifted(outputs, note)


def without_header(headers: Headers) -> Headers:
    """The headers without ``instar-lost``: it belongs to one record and is never forwarded."""
    return tuple(header for header in headers if header[0] != HEADER)


def _prefix(lowered: bytes, restored: bytes) -> bytes:
    return bytes([FORMAT_VERSION]) + crc32(lowered).to_bytes(4, "big") + crc32(restored).to_bytes(4, "big")


def _read(header: bytes, data: bytes, version: int) -> Patch | LiftNote:
    """The patch in a header, if it belongs to the bytes. Anybody may have written it: nothing in it is trusted."""
    if len(header) > HEADER_LIMIT_BYTES or len(header) < _PREFIX_BYTES or header[0] != FORMAT_VERSION:
        return "unreadable-header"
    if header[1:5] != crc32(data).to_bytes(4, "big"):
        return "other-record"
    try:
        made_for, puts, removals = exact_json.loads(header[_PREFIX_BYTES:])
        patch = Patch(
            made_for,
            tuple((_place(place), part) for place, part in puts),
            tuple(_place(place) for place in removals),
        )
    except (ValueError, TypeError):
        return "unreadable-header"
    return patch if made_for == version else "other-version"


def _place(steps: list[Any]) -> Place:
    return tuple(_steps(steps))


def _steps(steps: list[Any]) -> Iterator[str | int]:
    for step in steps:
        if isinstance(step, bool) or not isinstance(step, str | int):
            raise TypeError("a place is made of names and indexes")
        yield step


def _changed(value: Any, place: Place, part: Any) -> Any:
    """The value with the part at the place, or without it (MISSING). KeyError or the like where there is no place."""
    if not place:
        return part
    if isinstance(value, tuple):  # a branch of a union is not a step of a place
        return (value[0], _changed(value[1], place, part))
    step, rest = place[0], place[1:]
    if isinstance(value, list) == isinstance(step, str):
        raise TypeError("an index into a record, or a name into an array")
    if rest:
        value[step] = _changed(value[step], rest, part)
    elif part is MISSING:
        del value[step]
    else:
        value[step] = part
    return value
