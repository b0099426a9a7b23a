"""The load of a rehearsal: one managed producer that writes real records over and over, in the format of the day."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka.serialization import SerializationContext

from instar.cli.rehearsal.scratch import Scratch
from instar.client.errors import Closing
from instar.client.managed_producer import ManagedProducer, Way
from instar.core import provenance, redrive
from instar.core.provenance import NO_TOPIC_ID, Stamp
from instar.core.record import Headers, Output, Record
from instar.core.rollout.phase import Side
from instar.core.upcasting import carry
from instar.processor.assemble import Options, assemble_project
from instar.processor.plan import BridgePlan

HEADER = "instar-rehearsal"
_OURS = {provenance.HEADER, carry.HEADER, redrive.HEADER}
LIMIT_SAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Pair:
    """One real record as a producer of either side writes it. Headers are those that its format needs."""

    key: bytes | None
    partition: int
    old: bytes
    old_headers: Headers
    new: bytes
    new_headers: Headers


def pairs(there: Scratch, sample: Iterable[Record]) -> list[Pair]:
    """The records of the sample that have exactly one form on either side and come back from the new one."""
    up, down = _plan(there, "up").make_bridge(), _plan(there, "down").make_bridge()
    found: list[Pair] = []
    for record in sample:
        if record.value is None or len(found) >= LIMIT_SAMPLES:
            continue
        carried = up.carry(record, _stamp(there, record, "up"))
        if carried.result != "published" or len(carried.outputs) != 1 or carried.outputs[0].value is None:
            continue
        (output,) = carried.outputs
        back = down.carry(_read_as(there, record, output), _stamp(there, record, "down"))
        if back.result == "published" and len(back.outputs) == 1 and output.value is not None:
            old_headers = tuple(each for each in record.headers if each[0] not in _OURS)
            found.append(
                Pair(record.key, record.partition, record.value, old_headers, output.value, _plain(output.headers))
            )
    return found


@dataclass
class Load:
    """Runs in a thread of its own until it is told to end. ``sent`` counts what the broker has acknowledged."""

    there: Scratch
    pairs: Sequence[Pair]
    per_s: float
    sent: int = 0
    refused: str = ""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rehearsal load", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> int:
        """Stop, and wait for the last answer; how many were written. Raises RuntimeError where one was not."""
        self._stop.set()
        self._thread.join()
        if self.refused:
            raise RuntimeError(self.refused)
        return self.sent

    def _run(self) -> None:
        ways = {side: self._way(side) for side in ("old", "new")}
        with ManagedProducer(
            self.there.kafka, self.there.name, name="rehearsal", old=ways["old"], new=ways["new"], wait_s=600.0
        ) as producer:
            began_s, number = time.monotonic(), 0
            while not self._stop.is_set():
                pair = self.pairs[number % len(self.pairs)]
                try:
                    producer.produce(
                        (pair, number),
                        key=pair.key,
                        partition=pair.partition,
                        on_delivery=lambda error, _: self._answered(error),
                    )
                except Closing as closing:
                    self.refused = str(closing)
                    return
                number += 1
                ahead_s = number / self.per_s - (time.monotonic() - began_s)
                if ahead_s > 0:
                    self._stop.wait(ahead_s)
                elif ahead_s < -1.0:
                    began_s = time.monotonic() - number / self.per_s  # authority moved meanwhile: no rush afterwards
            producer.flush(60.0)

    def _answered(self, error: object) -> None:
        if error is None:
            self.sent += 1
        else:
            self.refused = self.refused or str(error)

    def _way(self, side: Side) -> Way:
        migration = self.there.migration
        topic = migration.source.topic if side == "old" else migration.target.topic

        def serialize(value: tuple[Pair, int], context: SerializationContext) -> bytes:
            pair, number = value
            headers = pair.old_headers if side == "old" else pair.new_headers
            if isinstance(context.headers, list):
                context.headers.extend([*headers, (HEADER, str(number).encode())])
            return pair.old if side == "old" else pair.new

        return Way(topic, serialize)


def _plan(there: Scratch, direction: provenance.Direction) -> BridgePlan:
    root = there.project.root
    options = Options(root, there.project.environment_name, there.name, direction, there.kafka, dry=True)
    return assemble_project(there.project, options)


def _stamp(there: Scratch, record: Record, direction: provenance.Direction) -> Stamp:
    return Stamp(there.name, direction, NO_TOPIC_ID, record.partition)


def _read_as(there: Scratch, record: Record, output: Output) -> Record:
    """The output as a native record of the new topic."""
    topic = there.migration.target.topic
    return Record(topic, record.partition, 0, output.key, output.value, _plain(output.headers), output.timestamp_ms)


def _plain(headers: Headers) -> Headers:
    return tuple(each for each in headers if each[0] not in _OURS)
