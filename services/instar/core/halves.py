"""One partition that was read in two parts: what stands against their order, found in one pass over the target.

History lies below the split, live from there on. Each part keeps its order and is compared by itself; between the two
this is what must hold. Live first, into one compacted topic: no output of history stands behind an output of live of
the same key, for it would be the value that stays. Segregated: no part has an output in the other's topic.

Memory grows with the number of keys that live has published, as the worker's does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from instar.core.comparison import LIMIT_DIFFERENCES, Difference, Kind
from instar.core.published import Output, Scope, classify
from instar.core.record import Record


@dataclass(slots=True)
class Survey:
    """``live_keys`` are those of which live has published a record. ``differences`` shows the first ``faults``."""

    live_keys: set[bytes] = field(default_factory=set)
    faults: int = 0
    differences: list[Difference] = field(default_factory=list)

    def say(self, kind: Kind, record: Record, source_offset: int, message: str) -> None:
        self.faults += 1
        if len(self.differences) < LIMIT_DIFFERENCES:
            self.differences.append(
                Difference(kind, record.partition, source_offset, record.offset, message, found=record)
            )


def own_output(scope: Scope, record: Record) -> Output | None:
    """What the record is of the scope's bridge, if anything, in its own partition; redriven ones too."""
    what, output = classify(scope, record)
    return output if what in ("output", "redriven") else None


def survey_one_topic(scope: Scope, split_at: int, targets: Iterable[Record]) -> Survey:
    """Live first: ``targets`` are all of the target's partition, in order."""
    found = Survey()
    for record in targets:
        output = own_output(scope, record)
        if output is None or not output.own or record.key is None:
            continue
        if output.source_offset >= split_at:
            found.live_keys.add(record.key)
        elif record.key in found.live_keys:
            message = "is of history and stands behind a newer value of its key, which it replaces"
            found.say("out-of-order", record, output.source_offset, message)
    return found


def survey_two_topics(scope: Scope, split_at: int, live: Iterable[Record], history: Iterable[Record]) -> Survey:
    """Segregated: ``live`` are all of the target's partition, ``history`` all of the history topic's."""
    found = Survey()
    for where, records in (("the target", live), ("the history topic", history)):
        for record in records:
            output = own_output(scope, record)
            if output is None or not output.own:
                continue
            if (output.source_offset >= split_at) == (where == "the history topic"):
                part = "history" if output.source_offset < split_at else "live"
                found.say("unexpected", record, output.source_offset, f"is of {part} and stands in {where}")
    return found
