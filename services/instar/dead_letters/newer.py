"""Would a redriven record replace a newer value of its key? Only a compacted target has to ask.

Kafka has no compare-and-set, so it is asked twice: before anything is written, and again when the outputs are written
and not yet visible. Then their offsets are fixed, and whatever stands before them can be told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from instar.core.provenance import Direction
from instar.core.record import Record
from instar.core.redrive import LetterPosition, redriven_from
from instar.core.translate import Lane
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.letters import Letter
from instar.kafka.scan import scan

_TWIN: dict[Direction, Direction] = {"up": "down", "down": "up"}


@dataclass(slots=True)
class NewerValues:
    """Which of some letters have a newer value of their key in the target, or on its way there.

    Newer are: a copy of a later source record; a native record that the reverse bridge has carried to behind the
    letter's source, or has not carried at all, since then nothing tells which is the newer.
    """

    cluster: Cluster
    migration: str
    direction: Direction
    source: Topic
    target: Topic
    _by_key: dict[tuple[int, bytes | None], list[Letter]] = field(default_factory=dict)
    _seen_to: dict[int, int] = field(default_factory=dict)
    _twin_checkpoints: Mapping[int, int] = field(default_factory=dict)

    def before(self, letters: Iterable[Letter]) -> set[LetterPosition]:
        """Of these letters, those that must not be redriven, as far as committed records tell."""
        self._by_key = {}
        for letter in letters:
            self._by_key.setdefault((letter.record.partition, letter.record.key), []).append(letter)
        partitions = sorted({partition for partition, _ in self._by_key})
        committed = self.cluster.committed(
            f"instar.{self.migration}.{_TWIN[self.direction]}", self.target.name, partitions
        )
        self._twin_checkpoints = {partition: offset for partition, (offset, _) in committed.items()}
        self._seen_to = self.cluster.end_offsets(self.target.name, partitions, committed=True)
        starts = self.cluster.start_offsets(self.target.name, partitions)
        newer: set[LetterPosition] = set()
        for record in scan(self.cluster.kafka, self.target.name, starts, self._seen_to):
            newer |= self._older_than(record)
        return newer | self._behind_natives()

    def written_before(self, own: set[LetterPosition]) -> set[LetterPosition]:
        """Of the letters asked about before, those whose outputs, being written, stand behind a newer value.

        Read uncommitted: what another's open transaction holds counts as if it will be committed.
        """
        partitions = sorted(self._seen_to)
        ends = self.cluster.end_offsets(self.target.name, partitions)
        pending: dict[tuple[int, bytes | None], set[LetterPosition]] = {}
        newer: set[LetterPosition] = set()
        for record in scan(self.cluster.kafka, self.target.name, self._seen_to, ends, committed=False):
            key = (record.partition, record.key)
            if redriven_from(record.headers) in own:
                newer |= pending.pop(key, set())  # whatever stands behind the last of ours replaces it, as it should
            else:
                pending.setdefault(key, set()).update(self._older_than(record))
        return newer

    def _older_than(self, record: Record) -> set[LetterPosition]:
        letters = self._by_key.get((record.partition, record.key))
        if not letters:
            return set()
        copy = Lane(self.migration, self.direction, self.source.id, None).copy(record)
        if copy is not None:
            return {one.position for one in letters if one.record.offset < copy.source_offset}
        carried_to = self._twin_checkpoints.get(record.partition)
        if carried_to is not None and record.offset < carried_to:
            return set()  # its own copy in the source tells which is newer
        return {one.position for one in letters}

    def _behind_natives(self) -> set[LetterPosition]:
        """Letters behind whose source stands the copy of a native record of the target."""
        starts = {
            partition: min(
                one.record.offset for (where, _), some in self._by_key.items() if where == partition for one in some
            )
            for partition in self._twin_checkpoints
        }
        if not starts:
            return set()
        lows = self.cluster.start_offsets(self.source.name, starts)
        ends = self.cluster.end_offsets(self.source.name, starts, committed=True)
        begin = {partition: max(start, lows[partition]) for partition, start in starts.items()}
        twin = Lane(self.migration, _TWIN[self.direction], self.target.id, None)
        newer: set[LetterPosition] = set()
        for record in scan(self.cluster.kafka, self.source.name, begin, ends):
            letters = self._by_key.get((record.partition, record.key))
            if letters and twin.copy(record) is not None:
                newer |= {one.position for one in letters if one.record.offset < record.offset}
        return newer
