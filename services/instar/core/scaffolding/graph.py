"""The versions of subjects and the hops between them as a graph: one plain value that every drawing is made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from instar.core.compat.risk import Risk, risk_of
from instar.core.subject import Subject
from instar.core.upcasting.hop import BoundHop
from instar.core.version import label


@dataclass(frozen=True, slots=True)
class Edge:
    """A hop. ``risk`` is None where there is no hop yet, or it does not bind."""

    from_version: int
    to_version: int
    risk: Risk | None
    summary: str = ""
    one_way: bool = False
    lost_up: tuple[str, ...] = ()
    lost_down: tuple[str, ...] = ()
    partial_up: bool = False
    partial_down: bool = False
    changes: tuple[str, ...] = ()
    file: str = ""

    @property
    def name(self) -> str:
        return f"{label(self.from_version)}_to_{label(self.to_version)}"

    @property
    def way_back(self) -> str:
        if self.risk is None:
            return "missing"
        if self.one_way:
            return "none"
        if self.partial_down:
            return "some records"
        return "with losses" if self.lost_down else "whole"


@dataclass(frozen=True, slots=True)
class Lane:
    """One subject: its versions and what leads from each to the next. ``notes`` say more of a version."""

    subject: str
    versions: tuple[int, ...]
    edges: tuple[Edge, ...]
    notes: tuple[tuple[int, str], ...] = ()

    def note(self, version: int) -> str:
        return dict(self.notes).get(version, "")


def lane(subject: Subject, notes: Iterable[tuple[int, str]] = ()) -> Lane:
    """The graph of one subject. A hop that is missing is an edge without risk: the gap is what one looks for."""
    versions = tuple(sorted(subject.versions))
    edges = [_edge(version, subject.hops.get(version)) for version in versions if version + 1 in subject.versions]
    return Lane(subject.name, versions, tuple(edges), tuple(notes))


def _edge(version: int, hop: BoundHop | None) -> Edge:
    if hop is None:
        return Edge(version, version + 1, None)
    return Edge(
        hop.from_version,
        hop.to_version,
        risk_of(hop),
        hop.hop.summary,
        hop.one_way,
        hop.lost_up,
        hop.lost_down,
        hop.partial_up,
        hop.partial_down,
        hop.summary_lines,
        hop.file,
    )


def row(lane: Lane, edge: Edge) -> dict[str, Any]:
    """An edge for ``upcaster list``."""
    return {
        "subject": lane.subject,
        "hop": edge.name,
        "risk": edge.risk or "missing",
        "way_back": edge.way_back,
        "lost_up": list(edge.lost_up),
        "lost_down": list(edge.lost_down),
        "partial_up": edge.partial_up,
        "partial_down": edge.partial_down,
        "changes": list(edge.changes),
        "summary": edge.summary,
        "file": edge.file,
    }


def losses(edge: Edge) -> list[str]:
    """What is lost, in words, a line each."""
    lines = []
    if edge.lost_up:
        lines.append(f"up loses {', '.join(edge.lost_up)}")
    if edge.one_way:
        lines.append("no way down")
    elif edge.lost_down:
        lines.append(f"down loses {', '.join(edge.lost_down)}")
    if edge.partial_up:
        lines.append("up rejects some records")
    if edge.partial_down and not edge.one_way:
        lines.append("down rejects some records")
    return lines
