"""A graph of hops for a terminal, and as Mermaid for a page that draws it."""

import re
from collections.abc import Iterable

from instar.core.scaffolding.graph import Edge, Lane, losses
from instar.core.version import label

# Of a long list of losses this many are named in a drawing; the list command names all.
_SHOWN_LOSSES = 3


def text(lanes: Iterable[Lane]) -> str:
    """A subject a paragraph, a hop a line, below it what it loses."""
    return "\n\n".join("\n".join(_lane(each)) for each in lanes) + "\n"


def _lane(lane: Lane) -> list[str]:
    lines = [lane.subject]
    by_start = {edge.from_version: edge for edge in lane.edges}
    for version in lane.versions:
        note = lane.note(version)
        lines.append(f"  {label(version)}{f'  ({note})' if note else ''}")
        edge = by_start.get(version)
        if edge is not None:
            lines += _edge(edge)
    return lines


def _edge(edge: Edge) -> list[str]:
    if edge.risk is None:
        return [f"  :  no hop that binds: {edge.name} is missing"]
    arrow = "|" if edge.one_way else "‖"
    head = f"  {arrow}  {edge.risk}" + (f": {edge.summary}" if edge.summary else "")
    return [head, *(f"  {arrow}    {line}" for line in losses(edge))]


def mermaid(lanes: Iterable[Lane]) -> str:
    """A Mermaid flowchart. Both ways: a line with two heads; one way: with one; a missing hop is dotted."""
    lines = ["flowchart LR"]
    number = 0
    classes: dict[str, list[str]] = {}
    for index, lane in enumerate(lanes):
        lines.append(f'  subgraph s{index}["{_escaped(lane.subject)}"]')
        for version in lane.versions:
            note = lane.note(version)
            name = f"{label(version)}<br/>{_escaped(note)}" if note else label(version)
            lines.append(f'    s{index}v{version}["{name}"]')
        lines.append("  end")
        for edge in lane.edges:
            ends = f"s{index}v{edge.from_version}", f"s{index}v{edge.to_version}"
            arrow = "-.->" if edge.risk is None else "-->" if edge.one_way else "<-->"
            lines.append(f'  {ends[0]} {arrow}|"{_said(edge)}"| {ends[1]}')
            classes.setdefault(edge.risk or "missing", []).append(str(number))
            number += 1
    for risk, numbers in sorted(classes.items()):
        lines.append(f"  linkStyle {','.join(numbers)} stroke:{COLOURS[risk]}")
    return "\n".join(lines) + "\n"


COLOURS = {"additive": "#2e7d32", "transforming": "#b26a00", "destructive": "#b3261e", "missing": "#757575"}


def _said(edge: Edge) -> str:
    if edge.risk is None:
        return "missing"
    return "<br/>".join(_escaped(line) for line in [edge.risk, *short_losses(edge)])


def short_losses(edge: Edge) -> list[str]:
    """Losses with the first few names only."""
    made = []
    for line in losses(edge):
        names = line.split(", ")
        rest = len(names) - _SHOWN_LOSSES
        made.append(f"{', '.join(names[:_SHOWN_LOSSES])} and {rest} more" if rest > 0 else line)
    return made


def _escaped(text: str) -> str:
    """Mermaid reads quotes, brackets and # in labels; entity codes are taken as they are meant."""
    return re.sub(r'["#<>|{}\[\]&;]', lambda match: f"#{ord(match[0])};", text)
