"""Peak memory of the verifier over growing numbers of records, and its speed against the worker's, on a real Kafka.

For each size: orders at v1 are produced, a worker carries them to v3, and `instar verify` compares them in full and by
digests, first computing them and then with those that were kept. Every command is a process of its own, whose peak
resident memory the kernel reports when it ends. Memory is flat when it does not grow with the size.

    python bench/verifier_memory.py                                   # 100 thousand, 1 million, 3 million
    python bench/verifier_memory.py --sizes 20000 100000
    python bench/verifier_memory.py --modes full                       # the full comparison only
    INSTAR_TEST_BOOTSTRAP=host:9092 python bench/verifier_memory.py    # on a broker that is already there

A table goes to stderr, JSON to stdout.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "services"), str(ROOT / "tools")]

from worker import broker, fill  # noqa: E402

from instar.cli.demonstration.run import Stage, set_stage  # noqa: E402
from instar.cli.demonstration.showcase import MIGRATION  # noqa: E402

SIZES = (100_000, 1_000_000, 3_000_000)
MODES = ("full", "digest", "digest again", "counts")  # again: held against the digests that were kept


@dataclass(frozen=True)
class Measured:
    """One command. ``records`` are source records; ``cpu_s`` and ``peak_mib`` are its process's CPU time and largest
    resident set."""

    what: str
    records: int
    seconds: float
    cpu_s: float
    peak_mib: float

    @property
    def records_per_s(self) -> float:
        return self.records / self.seconds


def measure(stage: Stage, what: str, records: int, *arguments: str) -> Measured:
    """Run ``instar ARGUMENTS`` and ask the kernel what it took. Ends the bench where the command fails."""
    command = [sys.executable, "-m", "instar", *arguments, "--project", str(stage.project.root), "-o", "json"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "services")}
    with tempfile.TemporaryFile() as out:
        began_s = time.monotonic()
        process = subprocess.Popen(command, env=variables, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began_s
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"`{' '.join(command)}` ended with {process.returncode}")
    return Measured(what, records, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def one_size(folder: Path, bootstrap: str, asked: int, modes: list[str]) -> list[Measured]:
    stage = set_stage(folder, {"bootstrap.servers": bootstrap}, f"bench-{uuid4().hex[:6]}.")
    # Gives the versions their registry ids, which the orders then carry.
    measure(stage, "prepare", 1, "worker", MIGRATION, "--direction", "up", "--until", "now", "--create")
    records = fill(stage, asked, (1,))
    verify = ("verify", MIGRATION, "--direction", "up", "--mode")
    worker = measure(stage, "worker", records, "worker", MIGRATION, "--direction", "up", "--until", "now")
    return [worker, *(measure(stage, f"verify {mode}", records, *verify, mode.split()[0]) for mode in modes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    asked = parser.parse_args()
    found: list[Measured] = []
    with broker() as bootstrap:
        for size in asked.sizes:
            with tempfile.TemporaryDirectory(prefix="instar-bench-") as folder:
                measured = one_size(Path(folder), bootstrap, size, asked.modes)
            worker = measured[0]
            for one in measured:
                ratio = one.records_per_s / worker.records_per_s
                print(
                    f"{one.what:20} {one.records:>10,} records {one.seconds:>8.1f} s {one.records_per_s:>10,.0f}/s "
                    f"{ratio:>6.2f} of worker {worker.cpu_s / one.cpu_s:>6.2f} by CPU {one.peak_mib:>7.0f} MiB",
                    file=sys.stderr,
                )
            found += measured
    json.dump([{**asdict(one), "records_per_s": round(one.records_per_s)} for one in found], sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
