"""Counts what a test run did with the real servers, and judges afterwards whether that was enough."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


def report_path(root: Path) -> Path:
    """Where a test run in the repository `root` leaves its counts."""
    return root / ".cache" / "last-run.json"


@dataclass(slots=True)
class Count:
    """The tests that need one kind of server: how many ran, failed (they count as run), were skipped, and why."""

    ran: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def skip(self, reason: str) -> None:
        """Counts one test that was skipped."""
        self.skipped += 1
        self.reasons[reason] += 1

    def held(self) -> dict[str, object]:
        """The same for a JSON file."""
        return {"ran": self.ran, "failed": self.failed, "skipped": self.skipped, "reasons": dict(self.reasons)}

    def line(self, name: str) -> str:
        """One line for people."""
        failed = f" ({self.failed} failed)" if self.failed else ""
        reasons = "; ".join(f"{count} x {reason}" for reason, count in self.reasons.most_common())
        skipped = f"{self.skipped} skipped: {reasons}" if self.skipped else "none skipped"
        return f"{name}: {self.ran} tests ran{failed}, {skipped}"


@dataclass(slots=True)
class Tally:
    """What one test run did with real brokers and real registries."""

    kafka: Count = field(default_factory=Count)
    registry: Count = field(default_factory=Count)

    def lines(self) -> list[str]:
        """What is said at the very end of a test run; nothing where no such test was chosen."""
        named = (("real Kafka", self.kafka), ("real registry", self.registry))
        return [count.line(name) for name, count in named if count.ran + count.skipped]

    def write(self, path: Path) -> None:
        """Leaves the counts in `path` as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.unfinished")
        held = {"kafka": self.kafka.held(), "registry": self.registry.held()}
        unfinished.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")
        unfinished.replace(path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The counts that `write` left.

        Raises:
            OSError: there is no such file.
            ValueError: the file holds something else.
        """
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            return cls(kafka=_count(held["kafka"]), registry=_count(held["registry"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is no report of a test run: {error!r}") from error


def _count(held: Mapping[str, object]) -> Count:
    numbers = {name: held[name] for name in ("ran", "failed", "skipped")}
    if not all(isinstance(number, int) for number in numbers.values()) or not isinstance(held["reasons"], dict):
        raise TypeError(f"counts are numbers, reasons are a mapping: {held!r}")
    return Count(reasons=Counter(held["reasons"]), **numbers)  # type: ignore[arg-type]


def why_not_enough(path: Path, cannot: str | None) -> str | None:
    """Why the run whose report is `path` does not prove the product on real servers, or None where it does.

    `cannot` is why this machine could not have run them (None: it could); then there is nothing to prove.
    """
    if cannot is not None:
        return None
    try:
        tally = Tally.read(path)
    except (OSError, ValueError) as error:
        return f"Java and Maven are here, but the test run left no usable report: {error}"
    for name, count in (("Kafka", tally.kafka), ("registry", tally.registry)):
        if count.ran == 0:
            reasons = "; ".join(count.reasons) or "no such test was collected"
            return f"Java and Maven are here, but no test ran against a real {name}: {reasons}"
    return None
