"""Records/s of the worker, by either executor, against copying unchanged bytes: a real Kafka, all in one run.

The copy is the same worker with the same client settings and the same transactions; only its bridge differs: it keeps
key, value, headers, timestamp and partition, and adds one constant header. So the ratio is what upcasting costs.

    make bench                                   # or: python bench/worker.py --records 200000 --rounds 3
    INSTAR_TEST_BOOTSTRAP=host:9092 make bench   # on a broker that is already there

A table goes to stderr, JSON to stdout.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "services"), str(ROOT / "tools")]

from instar.cli.demonstration.orders import PARTITIONS, orders  # noqa: E402
from instar.cli.demonstration.run import Stage, set_stage  # noqa: E402
from instar.cli.demonstration.showcase import MIGRATION, SUBJECT  # noqa: E402
from instar.cli.log_lines import configure  # noqa: E402
from instar.core.bridge import Bridge, Carried  # noqa: E402
from instar.core.provenance import Stamp  # noqa: E402
from instar.core.record import Output, Record  # noqa: E402
from instar.processor.assemble import Options, assemble_project  # noqa: E402
from instar.processor.cycles import seldom_looked_for  # noqa: E402
from instar.processor.observer import Observer  # noqa: E402
from instar.processor.plan import BridgePlan  # noqa: E402
from instar.processor.prepare import ensure_start  # noqa: E402
from instar.processor.supervise import unobserved  # noqa: E402
from instar.processor.worker import Worker  # noqa: E402
from instar.project.project import load_project  # noqa: E402
from realkafka import KafkaServer  # noqa: E402

CONSTANT_HEADER = ("copied", b"1")


class Began:
    """An observer that notes when the first records came, and otherwise is the one that it was given: joining the group
    is not what is measured."""

    def __init__(self, observer: Observer) -> None:
        self.began_s: float | None = None
        self.began_cpu_s = 0.0
        self._observer = observer

    def polled(self, records: Sequence[Record], began_s: float) -> None:
        if self.began_s is None:
            self.began_s, self.began_cpu_s = time.monotonic(), time.process_time()
        self._observer.polled(records, began_s)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._observer, name)


class Copy:
    """What any mirror does."""

    def carry(self, record: Record, _stamp: Stamp) -> Carried:
        headers = (*record.headers, CONSTANT_HEADER)
        return Carried("published", [Output(record.key, record.value, headers, record.timestamp_ms)])

    def forget_rejected_routes(self) -> None: ...


@dataclass(frozen=True)
class Round:
    what: str
    records: int
    seconds: float
    cpu_seconds: float  # of this process, the client's own threads included

    @property
    def records_per_s(self) -> float:
        return self.records / self.seconds


@contextmanager
def broker() -> Iterator[str]:
    given = os.environ.get("INSTAR_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="instar-bench-") as folder, KafkaServer(Path(folder)) as server:
        yield server.bootstrap


def fill(
    stage: Stage,
    records: int,
    versions: tuple[int, ...],
    more_headers: Callable[[int], list[tuple[str, bytes]]] = lambda _: [],
) -> int:
    """Old orders only, none broken: what a backfill meets. How many there are. Each gets ``more_headers``."""
    project = load_project(stage.project.root)
    ids = {version: number for number, (_, version) in project.ids().entries.items()}
    wanted = {ids[version].to_bytes(4, "big") for version in versions}
    producer = Producer({**stage.cluster.kafka, "enable.idempotence": True, "linger.ms": 50, "compression.type": "lz4"})
    count = 0
    for one in orders(project.catalogue[SUBJECT], ids, records):
        if one.value is None or one.value[:1] != b"\0" or one.value[1:5] not in wanted:
            continue
        count += 1
        headers = [*one.headers, *more_headers(count)]
        while True:
            try:
                producer.produce(
                    stage.old_topic, one.value, one.key, one.partition, headers=headers, timestamp=one.timestamp_ms
                )
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
    return count


def one_round(
    stage: Stage,
    plan: BridgePlan,
    what: str,
    make: "Callable[[], Bridge | Copy]",
    observe: Callable[[BridgePlan], Observer] = unobserved,
) -> Round:
    """One pass over the whole topic, under a group and into topics of its own."""
    name = f"bench-{uuid4().hex[:8]}"
    stage.cluster.create(name, PARTITIONS, {"retention.ms": "-1"})
    bounds = stage.cluster.end_offsets(plan.source.name, plan.partitions)
    mine = replace(
        plan,
        migration=name,
        target=stage.cluster.topic(name),
        bounds=bounds,
        make_bridge=make,  # type: ignore[arg-type]
    )
    ensure_start(mine, stage.cluster, recover=False)
    began = Began(observe(mine))
    with seldom_looked_for():
        Worker(mine, "bench", stop=threading.Event(), observer=began).run()
    ended_s, ended_cpu_s = time.monotonic(), time.process_time()
    if began.began_s is None:
        raise SystemExit("the worker saw no record")
    return Round(what, sum(bounds.values()), ended_s - began.began_s, ended_cpu_s - began.began_cpu_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    configure("ERROR")  # of the orders that are broken on purpose it is no news here
    with broker() as bootstrap, tempfile.TemporaryDirectory(prefix="instar-bench-") as folder:
        stage = set_stage(Path(folder), {"bootstrap.servers": bootstrap}, f"bench-{uuid4().hex[:6]}.")
        options = Options(stage.project.root, None, MIGRATION, "up", stage.cluster.kafka, create=True)
        plan = assemble_project(stage.project, options)
        slow = assemble_project(stage.project, replace(options, executor="reference"))
        count = fill(stage, asked.records, (1,))
        rounds: list[Round] = []
        for number in range(asked.rounds):
            for what, make in (("copy", Copy), ("spans", plan.make_bridge), ("reference", slow.make_bridge)):
                done = one_round(stage, plan, what, make)
                rounds.append(done)
                print(f"round {number + 1}  {_words(done)}", file=sys.stderr)
    whats = ("copy", "spans", "reference")
    rates = {what: _median(rounds, what, lambda one: one.records_per_s) for what in whats}
    cpu_us = {what: _median(rounds, what, lambda one: one.cpu_seconds / one.records * 1e6) for what in whats}
    print(file=sys.stderr)
    for what in whats:
        ratio = f"{rates[what] / rates['copy']:.3f} of the copy, by CPU {cpu_us['copy'] / cpu_us[what]:.3f}"
        print(f"median   {what:9} {rates[what]:>10,.0f}/s {cpu_us[what]:>6.1f} us   {ratio}", file=sys.stderr)
    json.dump(
        {
            "records": count,
            "hops": "orders v1 -> v3",
            "rounds": [{"what": one.what, "records_per_s": round(one.records_per_s)} for one in rounds],
            "median_records_per_s": {what: round(rate) for what, rate in rates.items()},
            "median_cpu_us_per_record": {what: round(us, 1) for what, us in cpu_us.items()},
            "worker_to_copy": round(rates["spans"] / rates["copy"], 4),
            "reference_to_copy": round(rates["reference"] / rates["copy"], 4),
        },
        sys.stdout,
    )
    print()


def _words(done: Round) -> str:
    cpu_us = done.cpu_seconds / done.records * 1e6
    return f"{done.what:9} {done.records_per_s:>10,.0f} records/s {cpu_us:>6.1f} us of this process's CPU a record"


def _median(rounds: Sequence[Round], what: str, figure: Callable[[Round], float]) -> float:
    return statistics.median(figure(one) for one in rounds if one.what == what)


if __name__ == "__main__":
    main()
