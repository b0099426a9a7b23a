"""Verifications as they were kept: each in a line, and in full."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instar.operations.stating import state_of
from instar.project.project import Project
from instar.state.verifications import Verified
from instar.verifier.page import coverage, faults, verdict
from instar.verifier.report import FORMAT, time_text


@dataclass(frozen=True, slots=True)
class Kept:
    """One run. Times are milliseconds since 1970; ``until_ms`` is until when it counts for the rollout, 0: it does not.

    What an earlier instar kept has no ``by``, ``mode`` and ``coverage``.
    """

    id: int
    word: str
    is_right: bool
    is_complete: bool
    mode: str
    directions: tuple[str, ...]
    coverage: tuple[str, ...]
    faults: int
    by: str
    began: str
    ended: str
    until_ms: int
    fingerprint: str

    @property
    def until(self) -> str:
        return time_text(self.until_ms) if self.until_ms else ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "verdict": self.word,
            "right": self.is_right,
            "complete": self.is_complete,
            "mode": self.mode or None,
            "directions": list(self.directions),
            "coverage": list(self.coverage),
            "faults": self.faults,
            "by": self.by or None,
            "began": self.began or None,
            "ended": self.ended,
            "counts_until": self.until or None,
            "fingerprint": self.fingerprint,
        }


def kept(number: int, verified: Verified) -> Kept:
    documents = documents_of(verified)
    return Kept(
        number,
        verdict(documents) if documents else "right" if verified.is_right else "not right",
        verified.is_right,
        all(one["complete"] for one in documents),
        documents[0]["mode"] if documents else "",
        tuple(one["direction"] for one in documents),
        tuple(coverage(one) for one in documents),
        sum(faults(one["totals"]) for one in documents),
        str(verified.report.get("by", "")),
        min((one["began"] for one in documents), default=""),
        time_text(verified.at_ms),
        verified.until_ms,
        verified.fingerprint,
    )


def documents_of(verified: Verified) -> Sequence[Mapping[str, Any]]:
    """The reports of all directions; none where an earlier instar kept less than that."""
    return verified.report.get("reports", ()) if verified.report.get("format") == FORMAT else ()


def newest(project: Project, migration: str, count: int, before: int | None = None) -> list[Kept]:
    """The last ones, the newest first. Raises ``StateTrouble``."""
    with state_of(project) as state:
        return [kept(*each) for each in state.verifications.list(migration, count, before)]


def one(project: Project, migration: str, number: int) -> Verified:
    """Raises ``StateTrouble``, ``NotThere`` among it."""
    with state_of(project) as state:
        return state.verifications.get(migration, number)
