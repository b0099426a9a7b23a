"""Records/s of the worker against copying unchanged bytes, on a real Kafka, alternating in one run.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Producer

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "services"), str(ROOT / "tools")]

from instar.cli.demonstration.orders import PARTITIONS, orders  # noqa: E402
from instar.cli.demonstration.run import Stage, set_stage  # noqa: E402
from instar.cli.demonstration.showcase import MIGRATION, SUBJECT  # noqa: E402
from instar.core.bridge import Bridge, Carried  # noqa: E402
from instar.core.provenance import Stamp  # noqa: E402
from instar.core.record import Output, Record  # noqa: E402
from instar.processor.assemble import Options, assemble_project  # noqa: E402
from instar.processor.plan import BridgePlan  # noqa: E402
from instar.processor.prepare import ensure_start  # noqa: E402
from instar.processor.worker import Worker  # noqa: E402
from instar.project.project import load_project  # noqa: E402
from realkafka import KafkaServer  # noqa: E402

CONSTANT_HEADER = ("copied", b"1")


class Timed:
    """A bridge that notes when it saw its first record: joining the group is not what is measured."""

    def __init__(self, bridge: "Bridge | Copy") -> None:
        self._bridge = bridge
        self.began_s: float | None = None
        self.carry = self._first

    def _first(self, record: Record, stamp: Stamp) -> Carried:
        self.began_s = time.monotonic()
        return self._bridge.carry(record, stamp)

    def forget_rejected_routes(self) -> None:
        if self.began_s is not None:
            self.carry = self._bridge.carry
        self._bridge.forget_rejected_routes()


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


def fill(stage: Stage, records: int, versions: tuple[int, ...]) -> int:
    """Old orders only, none broken: what a backfill meets. How many there are."""
    project = load_project(stage.project.root)
    ids = {version: number for number, (_, version) in project.ids().entries.items()}
    wanted = {ids[version].to_bytes(4, "big") for version in versions}
    producer = Producer({**stage.cluster.kafka, "enable.idempotence": True, "linger.ms": 50, "compression.type": "lz4"})
    count = 0
    for one in orders(project.catalogue[SUBJECT], ids, records):
        if one.value is None or one.value[:1] != b"\0" or one.value[1:5] not in wanted:
            continue
        count += 1
        while True:
            try:
                producer.produce(
                    stage.old_topic, one.value, one.key, one.partition, headers=one.headers, timestamp=one.timestamp_ms
                )
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()
    return count


def one_round(stage: Stage, plan: BridgePlan, what: str, make: "Callable[[], Bridge | Copy]") -> Round:
    """One pass over the whole topic, under a group and into topics of its own."""
    name = f"bench-{uuid4().hex[:8]}"
    stage.cluster.create(name, PARTITIONS, {"retention.ms": "-1"})
    timed = Timed(make())
    bounds = stage.cluster.end_offsets(plan.source.name, plan.partitions)
    mine = replace(
        plan,
        migration=name,
        target=stage.cluster.topic(name),
        bounds=bounds,
        make_bridge=lambda: timed,  # type: ignore[arg-type,return-value]
    )
    ensure_start(mine, stage.cluster, recover=False)
    Worker(mine, "bench", stop=threading.Event()).run()
    ended_s = time.monotonic()
    if timed.began_s is None:
        raise SystemExit("the worker saw no record")
    return Round(what, sum(bounds.values()), ended_s - timed.began_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with broker() as bootstrap, tempfile.TemporaryDirectory(prefix="instar-bench-") as folder:
        stage = set_stage(Path(folder), {"bootstrap.servers": bootstrap}, f"bench-{uuid4().hex[:6]}.")
        options = Options(stage.project.root, None, MIGRATION, "up", stage.cluster.kafka, create=True)
        plan = assemble_project(stage.project, options)
        count = fill(stage, asked.records, (1,))
        rounds: list[Round] = []
        for number in range(asked.rounds):
            for what, make in (("copy", Copy), ("worker", plan.make_bridge)):
                done = one_round(stage, plan, what, make)
                rounds.append(done)
                print(f"round {number + 1}  {what:7} {done.records_per_s:>12,.0f} records/s", file=sys.stderr)
    rates = {
        what: statistics.median(one.records_per_s for one in rounds if one.what == what) for what in ("copy", "worker")
    }
    print(f"\nmedian   copy {rates['copy']:,.0f}/s   worker {rates['worker']:,.0f}/s   ", end="", file=sys.stderr)
    print(f"worker / copy {rates['worker'] / rates['copy']:.3f}", file=sys.stderr)
    json.dump(
        {
            "records": count,
            "hops": "orders v1 -> v3",
            "rounds": [{"what": one.what, "records_per_s": round(one.records_per_s)} for one in rounds],
            "median_records_per_s": {what: round(rate) for what, rate in rates.items()},
            "worker_to_copy": round(rates["worker"] / rates["copy"], 4),
        },
        sys.stdout,
    )
    print()


if __name__ == "__main__":
    main()
