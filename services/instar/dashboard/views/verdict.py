"""A verdict as the home page shows it."""

from dataclasses import dataclass

from instar.core.retirement import Answer, Reason, Verdict
from instar.core.version import parse_label
from instar.project.project import Project
from instar.project.subject_file import deprecation_of

LIMIT_REASONS = 5
WORDS: dict[Answer, str] = {"yes": "Yes, it can go", "no": "No, not yet", "unknown": "Unknown"}


@dataclass(frozen=True, slots=True)
class Shown:
    """``against`` are the reasons for a no, ``unseen`` those of sources that could not be asked. ``waits_for`` are the
    owners of what stands in the way, where somebody has said whose it is."""

    verdict: Verdict
    word: str
    against: tuple[Reason, ...]
    unseen: tuple[Reason, ...]
    owner: str
    contact: str
    end: str
    waits_for: tuple[str, ...]

    @property
    def told(self) -> list[tuple[str, tuple[Reason, ...], int]]:
        """By source its first reasons, and how many more it has: of hundreds of groups another page tells."""
        return [
            (source, reasons[:LIMIT_REASONS], max(0, len(reasons) - LIMIT_REASONS))
            for source, reasons in self._by_source().items()
        ]

    @property
    def sources(self) -> list[str]:
        """``groups (65)``, ``sunset``."""
        return [f"{source} ({len(each)})" if len(each) > 1 else source for source, each in self._by_source().items()]

    def _by_source(self) -> dict[str, tuple[Reason, ...]]:
        found: dict[str, list[Reason]] = {}
        for reason in self.against:
            found.setdefault(reason.source, []).append(reason)
        return {source: tuple(reasons) for source, reasons in found.items()}


def shown(project: Project, verdict: Verdict) -> Shown:
    subject = project.catalogue[verdict.subject]
    source = project.sources[verdict.subject]
    number = parse_label(verdict.version)
    ends = None if number is None else deprecation_of(source.notes, number)
    return Shown(
        verdict,
        WORDS[verdict.answer],
        tuple(reason for reason in verdict.reasons if reason.answer == "no"),
        tuple(reason for reason in verdict.reasons if reason.answer == "unknown"),
        subject.owner,
        subject.contact,
        "no end announced" if ends is None else ends.short,
        tuple(dict.fromkeys(name for reason in verdict.reasons for name in reason.owner.split(", ") if name)),
    )
