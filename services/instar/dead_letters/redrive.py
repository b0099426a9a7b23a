"""Redriving dead letters: through today's chain to the target, as the bridge would have published them.

What a letter becomes carries the bridge's provenance and a marker, since it stands behind records that came after it.
A letter that the chain still rejects stays outstanding and is not written anywhere again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

from instar.core.bridge import Bridge, Carry
from instar.core.checkpoint import Counts
from instar.core.provenance import Direction, Stamp
from instar.core.record import Output, Record
from instar.core.redrive import LetterPosition, Settled, marker
from instar.core.rejected import Rejected
from instar.dead_letters.newer import NewerValues
from instar.dead_letters.observer import Observer, Unobserved
from instar.dead_letters.settler import BATCH_LETTERS, Settler
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import AmbiguousOutcome, Unreachable
from instar.kafka.letters import Letter

ATTEMPTS = 20

Result = Literal["redriven", "dropped", "rejected", "newer-value", "other-topic"]


class Outcome(NamedTuple):
    """What became, or would become, of one letter. ``rejected`` is today's reason where it is rejected again."""

    letter: Letter
    result: Result
    outputs: int = 0
    rejected: Rejected | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """One direction of a migration, as its worker runs it.

    ``history`` takes what becomes of source offsets below their partition's split (``splits``), where there is one.
    """

    migration: str
    direction: Direction
    source: Topic
    target: Topic
    bridge: Bridge
    history: Topic | None = None
    splits: Mapping[int, int] = field(default_factory=dict)

    def into(self, record: Record) -> str:
        """The topic that a letter's record belongs into."""
        if self.history is not None and record.offset < self.splits.get(record.partition, 0):
            return self.history.name
        return self.target.name


@dataclass(frozen=True, slots=True)
class _Prepared:
    outcomes: list[Outcome]
    outputs: list[tuple[str, int, list[Output]]]

    @property
    def by_place(self) -> dict[tuple[str, int], list[Output]]:
        found: dict[tuple[str, int], list[Output]] = {}
        for topic, partition, some in self.outputs:
            found.setdefault((topic, partition), []).extend(some)
        return found

    @property
    def counts(self) -> Counts:
        """What the letters became; those that stay as they are are not counted."""
        results = [one.result for one in self.outcomes]
        redriven, dropped = results.count("redriven"), results.count("dropped")
        outputs = sum(one.outputs for one in self.outcomes)
        return Counts(read=redriven + dropped, published=redriven, outputs=outputs, dropped=dropped)


class Superseded(Exception):
    """While redriven records were being written, newer values of their keys got in before them."""

    def __init__(self, letters: set[LetterPosition]) -> None:
        super().__init__(f"{len(letters)} letters have newer values")
        self.letters = letters


def would_redrive(lane: Lane, cluster: Cluster, letters: Iterable[Letter]) -> Iterator[Outcome]:
    """What redriving these outstanding letters would do. Writes nothing; raises ``KafkaTrouble``."""
    for batch in _batches(letters):
        yield from _prepare(lane, batch, _newer(lane, cluster, batch), lane.bridge.carry).outcomes


def redrive(
    lane: Lane,
    cluster: Cluster,
    settler: Settler,
    letters: Iterable[Letter],
    by: str,
    now_ms: Callable[[], int],
    observer: Observer | None = None,
) -> Iterator[Outcome]:
    """Redrive letters, in their order; those that are settled by now are passed over. Raises ``KafkaTrouble``."""
    observer = observer or Unobserved()
    carry = observer.carrying(lane.bridge, lane.into)
    for batch in _batches(letters):
        yield from _redrive_batch(lane, cluster, settler, batch, by, now_ms, observer, carry)


def _redrive_batch(
    lane: Lane,
    cluster: Cluster,
    settler: Settler,
    batch: list[Letter],
    by: str,
    now_ms: Callable[[], int],
    observer: Observer,
    carry: Carry,
) -> list[Outcome]:
    told: dict[LetterPosition, Outcome] = {}
    superseded: set[LetterPosition] = set()
    todo = [letter for letter in batch if letter.position not in settler.settled]
    for _ in range(ATTEMPTS):
        todo = [letter for letter in todo if letter.position not in settler.settled]
        observer.polled([letter.record for letter in todo], time.monotonic())
        newer = _newer(lane, cluster, todo)
        prepared = _prepare(lane, todo, NewerFound(newer.values, newer.letters | superseded), carry)
        observer.transformed(sum(_size_bytes(letter.record) for letter in todo), prepared.by_place)
        # Told in any case: what an ambiguous commit settled is passed over the next time.
        told |= {outcome.letter.position: outcome for outcome in prepared.outcomes}
        done = [outcome for outcome in prepared.outcomes if outcome.result in ("redriven", "dropped")]
        settled = {one.letter.position: Settled("redriven", now_ms(), by, outputs=one.outputs) for one in done}
        began_s = time.monotonic()
        try:
            if not settled or settler.attempt(prepared.outputs, settled, _check(newer.values, set(settled))):
                observer.committed(prepared.counts, (), began_s, time.monotonic() - began_s)
                return list(told.values())
            observer.aborted("not known to be committed")
        except Superseded as found:
            observer.aborted(str(found))
            superseded |= found.letters
    raise Unreachable(
        f"Letters of {lane.migration} could not be redriven in {ATTEMPTS} attempts: each transaction was aborted.",
        "Nothing of them is visible. Is the cluster well? Run the command again.",
    )


class NewerFound(NamedTuple):
    """Letters with newer values, and whom to ask again; neither where the target is not compacted."""

    values: NewerValues | None
    letters: set[LetterPosition]


def _newer(lane: Lane, cluster: Cluster, letters: Sequence[Letter]) -> NewerFound:
    if not lane.target.compacted or not letters:
        return NewerFound(None, set())
    values = NewerValues(cluster, lane.migration, lane.direction, lane.source, lane.target)
    return NewerFound(values, values.before(letters))


def _check(values: NewerValues | None, own: set[LetterPosition]) -> Callable[[], None] | None:
    if values is None:
        return None

    def check() -> None:
        found = values.written_before(own) & own
        if found:
            raise Superseded(found)

    return check


def _prepare(lane: Lane, letters: Sequence[Letter], newer: NewerFound, carry: Carry) -> _Prepared:
    """Run letters through the bridge, in their order; ``carry`` is the bridge's, watched or not."""
    lane.bridge.forget_rejected_routes()
    outcomes: list[Outcome] = []
    outputs: list[tuple[str, int, list[Output]]] = []
    for letter in letters:
        if letter.verdict.source.topic_id != lane.source.id.hex():
            outcomes.append(Outcome(letter, "other-topic"))
            continue
        if letter.position in newer.letters:
            outcomes.append(Outcome(letter, "newer-value"))
            continue
        record = letter.record
        try:
            carried = carry(record, Stamp(lane.migration, lane.direction, lane.source.id, record.partition))
        except AmbiguousOutcome as problem:  # not the record's fault: nothing can be said about it
            raise Unreachable(
                f"While redriving dead letters of {lane.migration}, its schema could not be identified: {problem}.",
                "Is the registry there? Run the command again; what is redriven stays so.",
            ) from problem
        if carried.rejected is not None:
            outcomes.append(Outcome(letter, "rejected", rejected=carried.rejected))
            continue
        mark = marker(letter.position)
        made = [output._replace(headers=(*output.headers, mark)) for output in carried.outputs]
        if made:
            outputs.append((lane.into(record), record.partition, made))
        outcomes.append(Outcome(letter, "redriven" if made else "dropped", len(made)))
    return _Prepared(outcomes, outputs)


def _batches(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    source = iter(letters)
    while batch := list(islice(source, BATCH_LETTERS)):
        yield batch


def _size_bytes(record: Record) -> int:
    return len(record.key or b"") + len(record.value or b"")
