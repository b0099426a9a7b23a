"""Records/s of a bridge alone: records in memory, no Kafka. What a worker spends on transforming, and on what.

    python bench/bridge.py                          # orders v1, v2 and v3 to v3; deployment statuses (JSON) v1 to v5
    python bench/bridge.py --parts                  # where the time of one order goes, step by step

Time is this thread's own, so that other work on the machine counts less. A table goes to stderr, JSON to stdout.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "services")]

from instar.cli.demonstration.orders import orders  # noqa: E402
from instar.core.bridge import Bridge, Route  # noqa: E402
from instar.core.formats.framing.registry_prefix import MAGIC, PREFIX, RegistryPrefix  # noqa: E402
from instar.core.provenance import Stamp  # noqa: E402
from instar.core.record import Context, Record  # noqa: E402
from instar.core.rejected import Rejected  # noqa: E402
from instar.core.subject import Subject  # noqa: E402
from instar.core.upcasting.program import Program  # noqa: E402
from instar.core.upcasting.spans.executor import Spans, compile_spans  # noqa: E402
from instar.project.project import load_project  # noqa: E402

TIMESTAMP_MS = 1_767_600_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", action="store_true", help="step by step instead of as a whole")
    asked = parser.parse_args()
    catalogue = load_project(ROOT).catalogue
    if asked.parts:
        found = parts(program_of(catalogue["orders"], 1, 3), asked.records, asked.rounds)
        for step, us in found.items():
            print(f"{step:44} {us:>8.2f} us", file=sys.stderr)
        print(json.dumps({"us_per_record": found}))
        return
    cases = [("orders", version, 3) for version in (1, 2, 3)] + [("github-deployment-status", 1, 5)]
    rates = {}
    for subject, start, end in cases:
        values = values_of(catalogue[subject], start, asked.records)
        found_rates = bridge_rates(catalogue[subject], start, end, values, asked.rounds)
        rates[f"{subject} v{start} -> v{end}"] = {executor: round(rate) for executor, rate in found_rates.items()}
        told = "   ".join(f"{who} {rate:>9,.0f}/s {1e6 / rate:>7.2f} us" for who, rate in found_rates.items())
        print(f"{subject:26} v{start} -> v{end}   {told}", file=sys.stderr)
    print(json.dumps({"records": asked.records, "rounds": asked.rounds, "median_records_per_s": rates}))


def program_of(subject: Subject, start: int, end: int) -> Program:
    program = subject.program(start, end)
    if isinstance(program, Rejected):
        raise SystemExit(program.message)
    return program


def values_of(subject: Subject, version: int, count: int) -> list[bytes]:
    """Framed values of one version, each under its number as the registry id."""
    prefix = PREFIX.pack(MAGIC, version)
    if subject.name == "orders":
        ids = {each: each for each in subject.versions}
        made = [one.value for one in orders(subject, ids, 4 * count) if one.value and one.value[:5] == prefix]
        program, context = program_of(subject, version, max(ids)), Context()
        found = [value for value in made if not isinstance(program.run(value[PREFIX.size :], context), Rejected)]
    else:
        schema, random = subject.versions[version], Random(7)
        found = [prefix + bytes(schema.encode(schema.sample(random))) for _ in range(min(count, 500))]  # type: ignore[arg-type]
    return [found[at % len(found)] for at in range(count)]


def bridge_rates(subject: Subject, start: int, end: int, values: Sequence[bytes], rounds: int) -> dict[str, float]:
    """The median of each executor, taking turns."""
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for executor in ("reference", "spans"):
            taken.setdefault(executor, []).append(bridge_rate(subject, start, end, values, executor))
    return {executor: statistics.median(rates) for executor, rates in taken.items()}


def bridge_rate(subject: Subject, start: int, end: int, values: Sequence[bytes], executor: str) -> float:
    program = program_of(subject, start, end)
    write = RegistryPrefix().writer(subject=subject.name, version=end, schema_id=end)
    fast = compile_spans(program) if executor == "spans" else None
    route = Route(program, write, executor=fast if isinstance(fast, Spans) else None)
    bridge = Bridge("bench", "up", RegistryPrefix(), lambda _: route, 1_000_000)
    headers = (("source", b"shop"), ("trace", b"17"))
    records = [
        Record("source", 0, offset, b"customer-17", value, headers, TIMESTAMP_MS) for offset, value in enumerate(values)
    ]
    stamp = Stamp("bench", "up", bytes(16), 0)
    return _rate(lambda record: bridge.carry(record, stamp), records)


def _rate(work: Callable[[Any], Any], inputs: Sequence[Any]) -> float:
    began_s = time.thread_time()
    for each in inputs:
        work(each)
    return len(inputs) / (time.thread_time() - began_s)


def parts(program: Program, records: int, rounds: int) -> dict[str, float]:
    """Microseconds per record of each step of the reference executor on orders, the median of the rounds."""
    chain = program.chain
    subject = load_project(ROOT).catalogue[chain.subject]
    framed = values_of(subject, chain.from_version, records)
    bodies = [value[PREFIX.size :] for value in framed]
    fast = compile_spans(program)
    if not isinstance(fast, Spans):
        raise SystemExit(fast.why)
    taken: dict[str, list[float]] = {}

    def timed(step: str, work: Callable[[Any], Any], inputs: Sequence[Any]) -> list[Any]:
        began_s = time.thread_time()
        made = [work(each) for each in inputs]
        taken.setdefault(step, []).append((time.thread_time() - began_s) / len(inputs) * 1e6)
        return made

    context = Context()
    for _ in range(rounds):
        values = timed("decode", program.decode, bodies)
        for link in chain.links:
            values = [outputs[0] for outputs in timed(f"hop {link.hop.name}", _hop(link.run), values)]
            timed(f"validation after {link.hop.name}", link.schema.problem, values)
        timed("encode", chain.after.encode, values)
        timed("all of it: the reference executor", lambda body: program.run(body, context), bodies)
        timed("all of it: spans", lambda body: fast.run(body, context), bodies)
        for executor in ("reference", "spans"):
            rate = bridge_rate(subject, chain.from_version, chain.to_version, framed, executor)
            taken.setdefault(f"with framing, headers, provenance: {executor}", []).append(1e6 / rate)
    return {step: round(statistics.median(us), 2) for step, us in taken.items()}


def _hop(run: Callable[[Any, Context], Any]) -> Callable[[Any], Any]:
    context = Context()
    return lambda value: run(value, context)


if __name__ == "__main__":
    main()
