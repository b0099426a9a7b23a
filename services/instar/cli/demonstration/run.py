"""Running the demonstration: produce, bridge both ways, read everything again and compare."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import Producer

from instar.cli.demonstration.orders import PARTITIONS, orders
from instar.cli.demonstration.showcase import MIGRATION, SUBJECT, make_project
from instar.cli.log_lines import configure
from instar.core import dead_letter
from instar.core.comparison import Comparison
from instar.core.dead_letter import Verdict
from instar.core.provenance import Direction
from instar.core.record import Record
from instar.kafka.cluster import Cluster
from instar.kafka.errors import KafkaTrouble
from instar.kafka.scan import scan
from instar.processor.assemble import Options, assemble, assemble_project
from instar.processor.lag import standing
from instar.processor.prepare import ensure_start
from instar.processor.supervise import Slot, Tally, supervise
from instar.project.project import Project, load_project
from instar.verifier.verify import Verification, verify

DIRECTIONS: tuple[Direction, ...] = ("up", "down")


class Watcher(Protocol):
    """Who is told how far the demonstration is."""

    def step(self, title: str, total: int | None) -> Callable[[int], None]:
        """A new step begins; the answer is called with how much of it is done."""
        ...


@dataclass(slots=True)
class Outcome:
    """What came of it. Counts are sums over both directions, as the independent comparison found them."""

    records: int
    seconds: float = 0.0
    bridged_s: float = 0.0
    verifications: dict[Direction, Verification] = field(default_factory=dict)
    missed: int = 0  # produced, but not among what the comparison read
    balanced: bool = True
    letters: list[tuple[Record, Verdict]] = field(default_factory=list)

    @property
    def total(self) -> Comparison:
        total = Comparison()
        for verification in self.verifications.values():
            total.add(verification.result)
        return total

    @property
    def right(self) -> bool:
        return self.total.right and not self.missed and self.balanced

    def as_dict(self) -> dict[str, Any]:
        total = self.total
        return {
            "produced": self.records,
            "read": total.read,
            "published": total.published,
            "outputs": total.outputs,
            "dead_lettered": total.dead_lettered,
            "dropped": total.dropped,
            "echoed": total.echoed,
            "lost": total.lost + self.missed,
            "duplicated": total.duplicated,
            "out_of_order": total.out_of_order,
            "mismatched": total.mismatched,
            "balanced": self.balanced,
            "bridged_s": round(self.bridged_s, 3),
            "seconds": round(self.seconds, 3),
            "differences": [
                {"kind": one.kind, "partition": one.partition, "offset": one.source_offset, "message": one.message}
                for one in total.differences
            ],
        }


@dataclass(frozen=True, slots=True)
class Stage:
    """The demonstration's project and topics on one cluster."""

    project: Project
    cluster: Cluster
    old_topic: str
    new_topic: str
    dead_letter_topic: str


def set_stage(folder: Path, kafka: dict[str, Any], prefix: str) -> Stage:
    make_project(folder, prefix, str(kafka["bootstrap.servers"]))
    cluster = Cluster(kafka)
    project = load_project(folder)
    if project.errors:
        raise KafkaTrouble(f"The showcase is broken: {project.errors[0].message}")
    migration = project.settings.migrations[MIGRATION]
    stage = Stage(project, cluster, migration.source.topic, migration.target.topic, migration.dead_letter_topic)
    # The orders are of last January: under the default retention Kafka would delete them before they are read.
    cluster.create(stage.old_topic, PARTITIONS, {"retention.ms": "-1"})
    return stage


def run(stage: Stage, records: int, workers: int, watcher: Watcher) -> Outcome:
    """The whole demonstration. Raises ``KafkaTrouble``."""
    began_s = time.monotonic()
    outcome = Outcome(records)
    options = [_options(stage, direction) for direction in DIRECTIONS]
    plans = [assemble_project(stage.project, replace(one, create=True)) for one in options]
    project = load_project(stage.project.root)  # with the ids that were just given to the versions
    ids = {version: number for number, (_, version) in project.ids().entries.items()}
    produced = _produce(stage, project, ids, records, watcher.step("producing orders at v1, v2 and v3", records))
    slots = []
    for one, plan in zip(options, plans, strict=True):
        ensure_start(plan, stage.cluster, recover=False)
        bounds = stage.cluster.end_offsets(plan.source.name, plan.partitions)
        slots += [
            # The demonstration tells of the dead letters itself.
            Slot(f"demo-{number}", partial(assemble, replace(one, bounds=bounds)), begin=partial(configure, "ERROR"))
            for number in range(workers)
        ]
    done = watcher.step("bridging old to new, and new to old", records)
    bridging_s = time.monotonic()

    def show(tally: Tally) -> None:
        done(tally.counts.read - tally.counts.echoed)

    supervise(slots, threading.Event(), show)
    outcome.bridged_s = time.monotonic() - bridging_s
    for one, plan in zip(options, plans, strict=True):
        outcome.balanced = outcome.balanced and standing(plan, stage.cluster).total.balanced
        compared = _Counter(watcher.step(f"reading again and comparing ({one.direction})", None))
        verification = verify(project, MIGRATION, one.direction, one.kafka, compared.one_more)
        outcome.verifications[one.direction] = verification
        native = verification.result.read - verification.result.echoed
        outcome.missed += abs(produced[one.direction] - native)
    outcome.letters = _letters(stage)
    outcome.seconds = time.monotonic() - began_s
    return outcome


def _options(stage: Stage, direction: Direction) -> Options:
    return Options(stage.project.root, None, MIGRATION, direction, stage.cluster.kafka)


def _produce(
    stage: Stage, project: Project, ids: dict[int, int], records: int, done: Callable[[int], None]
) -> dict[Direction, int]:
    """Produce the orders, as somebody else's programs would. How many went to either topic."""
    producer = Producer({**stage.cluster.kafka, "enable.idempotence": True, "linger.ms": 20, "log_level": 3})
    counts: dict[Direction, int] = {"up": 0, "down": 0}
    failures: list[str] = []

    def delivered(error: Any, _message: Any) -> None:
        if error is not None:
            failures.append(str(error))

    for number, one in enumerate(orders(project.catalogue[SUBJECT], ids, records), start=1):
        topic = stage.new_topic if one.new else stage.old_topic
        while True:
            try:
                producer.produce(
                    topic,
                    value=one.value,
                    key=one.key,
                    partition=one.partition,
                    headers=one.headers,
                    timestamp=one.timestamp_ms,
                    on_delivery=delivered,
                )
                break
            except BufferError:
                producer.poll(0.1)
        counts["down" if one.new else "up"] += 1
        if number % 500 == 0:
            producer.poll(0)
            done(number)
    left = producer.flush(60)
    if left or failures:
        raise KafkaTrouble(f"{left + len(failures)} orders could not be produced: {(failures or ['timed out'])[0]}.")
    done(records)
    return counts


@dataclass(slots=True)
class _Counter:
    done: Callable[[int], None]
    count: int = 0

    def one_more(self) -> None:
        self.count += 1
        if self.count % 1_000 == 0:
            self.done(self.count)


def _letters(stage: Stage, limit: int = 20) -> list[tuple[Record, Verdict]]:
    """Some dead letters, to show one of."""
    partitions = range(PARTITIONS)
    starts = stage.cluster.start_offsets(stage.dead_letter_topic, partitions)
    ends = stage.cluster.end_offsets(stage.dead_letter_topic, partitions)
    found: list[tuple[Record, Verdict]] = []
    for record in scan(stage.cluster.kafka, stage.dead_letter_topic, starts, ends):
        parsed = dead_letter.parse(record.headers)
        if parsed is not None and len(found) < limit:
            found.append((record, parsed[0]))
    return found
