"""What telemetry costs a worker: off, metrics, metrics and traces, on a real Kafka, alternating in one run.

Every record has a ``traceparent``; of one in a hundred the producer sampled the trace. The same worker reads the same
topic each time, and tells a collector in a process of its own, which takes everything and keeps nothing.

    python bench/telemetry.py                                   # 200 thousand records, 5 rounds
    python bench/telemetry.py --records 50000 --rounds 3
    INSTAR_TEST_BOOTSTRAP=host:9092 python bench/telemetry.py    # on a broker that is already there

What is compared is the CPU time that the process spends on a record, its other threads' included: on a machine with
other work, records a second say more about that than about telemetry. Two ratios to "off" are given: of whole rounds,
the least of each kind; and of the transform and the watching alone, without Kafka, where the kinds take turns every
1,000 records, so that whatever else happens on the machine happens to all of them alike.

A table goes to stderr, JSON to stdout.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "services"), str(ROOT / "tools")]

from worker import Round, broker, fill, one_round  # noqa: E402

from instar.cli.demonstration.run import Stage, set_stage  # noqa: E402
from instar.cli.demonstration.showcase import MIGRATION  # noqa: E402
from instar.cli.log_lines import configure  # noqa: E402
from instar.core.checkpoint import Counts  # noqa: E402
from instar.core.provenance import Stamp  # noqa: E402
from instar.core.trace_context import HEADER, TraceContext  # noqa: E402
from instar.kafka.scan import scan  # noqa: E402
from instar.processor.assemble import Options, assemble_project  # noqa: E402
from instar.processor.observer import Observer  # noqa: E402
from instar.processor.plan import BridgePlan  # noqa: E402
from instar.processor.supervise import unobserved  # noqa: E402
from instar.telemetry.settings import Settings  # noqa: E402
from instar.telemetry.setup import Telemetry  # noqa: E402
from instar.telemetry.watching import Watching  # noqa: E402
from instar.telemetry.work import Work  # noqa: E402

SAMPLED_ONE_IN = 100
BATCH_RECORDS = 1_000
KINDS = {
    "off": Settings(),
    "metrics": Settings("none", "otlp"),
    "metrics and 1 % traces": Settings("otlp", "otlp"),
}
COLLECTOR = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): ...
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def collector() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", COLLECTOR], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def headers(number: int) -> list[tuple[str, bytes]]:
    return [(HEADER, TraceContext(number, number, number % SAMPLED_ONE_IN == 0).header())]


def observer(settings: Settings, plan: BridgePlan) -> Observer:
    if not settings.on:
        return unobserved(plan)
    work = Work(plan.migration, plan.direction, plan.source.name, plan.group, plan.dead_letters.name, replay=True)
    return Watching(Telemetry(settings, "bench"), work, owns=True)


def alone(stage: Stage, plan: BridgePlan, batches: int) -> dict[str, float]:
    """Microseconds of CPU a record, from the poll's end to the commit, without either."""
    cluster, topic = stage.cluster, plan.source.name
    starts, ends = cluster.start_offsets(topic, [0]), cluster.end_offsets(topic, [0])
    records = list(islice(scan(cluster.kafka, topic, starts, ends), 10 * BATCH_RECORDS))
    chunks = [records[at : at + BATCH_RECORDS] for at in range(0, len(records), BATCH_RECORDS)]
    observers = {what: observer(settings, plan) for what, settings in KINDS.items()}
    carries = {what: each.carrying(plan.make_bridge(), lambda _: "t") for what, each in observers.items()}
    stamp = Stamp(plan.migration, "up", plan.source.id, 0)
    spent_s = dict.fromkeys(KINDS, 0.0)
    done = dict.fromkeys(KINDS, 0)
    for number in range(batches):
        chunk = chunks[number % len(chunks)]
        for what, watching in observers.items():
            began_s, carry = time.process_time(), carries[what]
            watching.polled(chunk, time.monotonic())
            outputs = {("t", 0): [output for one in chunk for output in carry(one, stamp).outputs]}
            watching.transformed(1, outputs)
            watching.committed(Counts(read=len(chunk)), [0], time.monotonic(), 0.001)
            if number >= len(chunks):  # before that, routes are opened and instruments made
                spent_s[what] += time.process_time() - began_s
                done[what] += len(chunk)
    for watching in observers.values():
        watching.close()
    return {what: spent_s[what] / done[what] * 1e6 for what in KINDS}


def _cost_us(one: Round) -> float:
    return one.cpu_seconds / one.records * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=400)
    asked = parser.parse_args()
    configure("ERROR")  # of the orders that are broken on purpose it is no news here
    rounds: list[Round] = []
    with (
        collector() as url,
        broker() as bootstrap,
        tempfile.TemporaryDirectory(prefix="instar-bench-") as folder,
    ):
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
        stage = set_stage(Path(folder), {"bootstrap.servers": bootstrap}, "bench-telemetry.")
        options = Options(stage.project.root, None, MIGRATION, "up", stage.cluster.kafka, create=True)
        plan = assemble_project(stage.project, options)
        count = fill(stage, asked.records, (1,), headers)
        for number in range(asked.rounds):
            for what, settings in KINDS.items():
                done = one_round(stage, plan, what, plan.make_bridge, lambda mine, it=settings: observer(it, mine))
                rounds.append(done)
                print(
                    f"round {number + 1}  {what:23} {_cost_us(done):>8.1f} us of CPU a record"
                    f" {done.records_per_s:>12,.0f} records/s",
                    file=sys.stderr,
                )
        alone_us = alone(stage, plan, asked.batches)
    costs_us = {what: min(_cost_us(one) for one in rounds if one.what == what) for what in KINDS}
    ratios = {what: round(cost_us / costs_us["off"], 4) for what, cost_us in costs_us.items()}
    alone_ratios = {what: round(cost_us / alone_us["off"], 4) for what, cost_us in alone_us.items()}
    for title, found in (("whole rounds", ratios), ("alone", alone_ratios)):
        print(f"{title:13}" + "   ".join(f"{what} {ratio:.3f}" for what, ratio in found.items()), file=sys.stderr)
    json.dump(
        {
            "records": count,
            "hops": "orders v1 -> v3",
            "sampled": 1 / SAMPLED_ONE_IN,
            "rounds": [
                {"what": one.what, "cpu_us": round(_cost_us(one), 2), "records_per_s": round(one.records_per_s)}
                for one in rounds
            ],
            "least_cpu_us": {what: round(cost_us, 2) for what, cost_us in costs_us.items()},
            "to_off": ratios,
            "alone_cpu_us": {what: round(cost_us, 2) for what, cost_us in alone_us.items()},
            "alone_to_off": alone_ratios,
        },
        sys.stdout,
    )
    print()


if __name__ == "__main__":
    main()
