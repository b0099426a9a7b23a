"""Counting one partition: the checkpoint's balance against what stands in the target and in the dead letters."""

from collections.abc import Iterator

from instar.core.balance import Watermarks, balance, count
from instar.core.comparison import Comparison
from instar.core.record import Record
from instar.kafka.errors import Refused
from instar.verifier.full import LIMIT_READINGS, Watch, add_ahead
from instar.verifier.inputs import Inputs, Opener, Side


def compare_partition(opener: Opener, inputs: Inputs, partition: int, watch: Watch) -> tuple[Comparison, int]:
    """The comparison, and how many readings it took. Raises ``Refused`` without counts to hold against."""
    result = _once(opener, inputs, partition, watch)
    readings = 1
    while not result.right and readings < LIMIT_READINGS:
        again = _once(opener, opener.open(), partition, watch)
        readings += 1
        settled = again.faults == result.faults
        result = again
        if settled:
            break
    return result, readings


def _once(opener: Opener, inputs: Inputs, partition: int, watch: Watch) -> Comparison:
    point = inputs.checkpoints[partition]
    if not point.topic_id and not point.counts.read:
        raise Refused(
            f"The checkpoint of partition {partition} holds no counts: another tool has set the group's offsets.",
            "Use --mode full.",
        )
    scope = inputs.scope(partition)
    target, letters = inputs.target, inputs.letters

    def watched(side: Side) -> Iterator[Record]:
        for record in side.read(partition, side.starts[partition], side.ends[partition]):
            watch.on_record()
            yield record

    counted = count(scope, watched(target), watched(letters), inputs.settled)
    marks = Watermarks(_marks(inputs.source, partition), _marks(target, partition), _marks(letters, partition))
    result = balance(partition, point, marks, counted, compacted=target.compacted)
    if counted.furthest >= 0:
        add_ahead(result, partition, counted.furthest, opener.committed().get(partition))
    return result


def _marks(side: Side, partition: int) -> tuple[int, int]:
    return side.starts[partition], side.ends[partition]
