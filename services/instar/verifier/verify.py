"""Verifying one direction in full: everything that it has published, partition by partition.

What is compared is what the group's checkpoints say is published: source offsets below them. Everything is read
committed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from instar.core.comparison import Comparison
from instar.core.provenance import Direction
from instar.project.project import Project
from instar.verifier import halves
from instar.verifier.full import Watch, compare_partition
from instar.verifier.opening import KafkaOpener


@dataclass(frozen=True, slots=True)
class Verification:
    """A result and its scope: which source offsets of which topic (from, to) it speaks of."""

    migration: str
    direction: Direction
    fingerprint: str
    source: str
    target: str
    scope: Mapping[int, tuple[int, int]]
    result: Comparison


def verify(
    project: Project,
    migration_name: str,
    direction: Direction,
    kafka: Mapping[str, Any],
    on_record: Callable[[], None] = lambda: None,
) -> Verification:
    """Compare everything that a direction has published. Raises ``KafkaTrouble``."""
    opener = KafkaOpener(project, migration_name, direction, kafka)
    inputs = opener.open()
    total = Comparison()
    for partition in inputs.checkpoints:
        watch = Watch(on_record=on_record)
        if inputs.checkpoints[partition].split is None:
            total.add(compare_partition(opener, inputs, partition, None, watch).result)
        else:
            total.add(halves.compare_partition(opener, inputs, partition, watch).result)
    scope = {partition: (inputs.first(partition), inputs.bound(partition)) for partition in inputs.checkpoints}
    return Verification(
        migration_name, direction, inputs.fingerprint, inputs.source.topic, inputs.target.topic, scope, total
    )
