"""What one bridge published, as a verifier finds it: the target's and the dead letters' records that name it.

Only headers are read here. Whether what a record holds is right is asked elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from instar.core import dead_letter, provenance, redrive
from instar.core.provenance import Direction, Provenance
from instar.core.record import Record
from instar.core.redrive import Settled

Window = tuple[int, int | None]
"""Offsets of the target from the first on, up to and without the second; None: to this day."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose outputs are looked at, and those of which source offsets: ``first`` up to and without ``bound``.

    Records without valid provenance are ``rogue`` where nobody but the bridge may write the target, else native; where
    authority has moved, they are native at the target offsets that were written while the target had it.
    A compacted source may lack records that were carried, a compacted target may lack outputs.
    """

    migration: str
    direction: Direction
    topic_id: bytes
    first: int = 0
    bound: int | None = None
    natives_are_rogue: bool = False
    native_windows: tuple[Window, ...] = ()
    source_compacted: bool = False
    target_compacted: bool = False

    def ahead(self, source_offset: int) -> bool:
        return self.bound is not None and source_offset >= self.bound

    def rogue(self, offset: int) -> bool:
        """Might nobody but the bridge write the target at that offset of it?"""
        return self.natives_are_rogue and not any(
            begun <= offset and (ended is None or offset < ended) for begun, ended in self.native_windows
        )


@dataclass(frozen=True, slots=True)
class Output:
    """A record that names a source record of the scope.

    Without ``own`` its checksum is another's: it was changed, or an application forwarded the header.
    """

    record: Record
    source_offset: int
    index: int
    count: int
    own: bool = True


class Letter(NamedTuple):
    """A dead letter of the scope. ``record`` has the headers of the original."""

    record: Record
    source_offset: int
    verdict: dead_letter.Verdict
    settled: Settled | None


What = Literal["output", "redriven", "astray", "foreign", "native"]


def classify(scope: Scope, record: Record) -> tuple[What, Output | None]:
    """What a record of the target is.

    An ``output`` stands in the order of its source, a ``redriven`` one anywhere; ``astray`` is an output that stands
    in another partition than its source record; ``foreign`` is what another bridge, or this one from another topic of
    the same name, has written; ``native`` is everything else.
    """
    found: Provenance | None = provenance.of(record.headers, record.key, record.value)
    own = found is not None
    if found is None:
        found = _forwarded_or_changed(record)
        if found is None:
            return "native", None
    if (found.migration, found.direction, found.topic_id) != (scope.migration, scope.direction, scope.topic_id):
        return ("foreign" if own else "native"), None
    output = Output(record, found.offset, found.index, found.count, own)
    if found.partition != record.partition:
        return ("astray", output) if own else ("native", None)
    if redrive.redriven_from(record.headers) is not None:
        return "redriven", output
    return "output", output


def _forwarded_or_changed(record: Record) -> Provenance | None:
    """The provenance of a record that does not match its checksum."""
    for name, content in reversed(record.headers):
        if name == provenance.HEADER:
            return provenance.parse(content)
    return None


def letters_of(
    scope: Scope,
    records: Iterable[Record],
    settled: Mapping[tuple[int, int], Settled],
    on_other: Callable[[Letter], None] = lambda _: None,
) -> Iterator[Letter]:
    """The scope's dead letters; ``on_other`` is told of those that stand in another partition than their source."""
    for record in records:
        letter = letter_of(scope, record, settled)
        if letter is None:
            continue
        if letter.verdict.source.partition != record.partition:
            on_other(letter)
            continue
        yield letter


def letter_of(scope: Scope, record: Record, settled: Mapping[tuple[int, int], Settled]) -> Letter | None:
    """A record of the dead-letter topic; None when it is none of the scope's."""
    parsed = dead_letter.parse(record.headers)
    if parsed is None:
        return None
    verdict, original = parsed
    theirs = (verdict.migration, verdict.direction, verdict.source.topic_id)
    if theirs != (scope.migration, scope.direction, scope.topic_id.hex()):
        return None
    at = (record.partition, record.offset)
    return Letter(record._replace(headers=original), verdict.source.offset, verdict, settled.get(at))
