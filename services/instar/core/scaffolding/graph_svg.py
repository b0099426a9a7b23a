"""A graph of hops as an SVG picture, drawn with rectangles, lines and text only: no font, script or network."""

from collections.abc import Iterable
from html import escape

from instar.core.scaffolding.graph import Edge, Lane
from instar.core.scaffolding.graph_text import COLOURS, short_losses
from instar.core.version import label

_BOX_WIDTH_PX, _BOX_HEIGHT_PX = 88, 44
_GAP_PX = 250
_LINE_PX = 15
_MARGIN_PX = 24
_TITLE_PX = 30
_LETTER_PX = 6.4  # of 11 px text, wide enough for any sans-serif
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1c1b1f}.title{font-weight:600;font-size:15px}"
    ".small{font-size:11px}.note{font-size:10px;fill:#5f5b66}.box{fill:#f4f1fa;stroke:#5f5b66}"
)


def svg(lanes: Iterable[Lane]) -> str:
    """A subject a row, versions from left to right, each hop coloured by its risk with its losses below it."""
    drawn: list[str] = []
    top = float(_MARGIN_PX)
    width = 0.0
    for lane in lanes:
        parts, height = _row(lane, top)
        drawn += parts
        top += height
        width = max(width, 2 * _MARGIN_PX + len(lane.versions) * _BOX_WIDTH_PX + (len(lane.versions) - 1) * _GAP_PX)
    width = max(width, 420)
    legend, legend_height = _legend(top)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {top + legend_height:g}" '
        f'width="{width:g}" height="{top + legend_height:g}" role="img" aria-label="Versions and hops">'
    )
    background = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", background, *drawn, *legend, "</svg>"]) + "\n"


def _row(lane: Lane, top: float) -> tuple[list[str], float]:
    parts = [_text(_MARGIN_PX, top + 14, lane.subject, "title")]
    middle = top + _TITLE_PX + _BOX_HEIGHT_PX / 2
    left = {version: _MARGIN_PX + index * (_BOX_WIDTH_PX + _GAP_PX) for index, version in enumerate(lane.versions)}
    lines = 0
    for edge in lane.edges:
        words = _words(edge)
        parts += _arrow(edge, left[edge.from_version] + _BOX_WIDTH_PX, left[edge.to_version], middle)
        centre = (left[edge.from_version] + _BOX_WIDTH_PX + left[edge.to_version]) / 2
        for index, line in enumerate(words):
            parts.append(_text(centre, middle + _LINE_PX * (index + 1) + 2, line, "small", anchor="middle"))
        lines = max(lines, len(words))
    for version in lane.versions:
        parts += _box(left[version], middle - _BOX_HEIGHT_PX / 2, label(version), lane.note(version))
    below = max(_BOX_HEIGHT_PX / 2, lines * _LINE_PX + 6)
    return parts, _TITLE_PX + _BOX_HEIGHT_PX / 2 + below + _MARGIN_PX


def _box(x: float, y: float, name: str, note: str) -> list[str]:
    shape = f'<rect class="box" x="{x:g}" y="{y:g}" width="{_BOX_WIDTH_PX}" height="{_BOX_HEIGHT_PX}" rx="8"/>'
    centre = x + _BOX_WIDTH_PX / 2
    lines = [_text(centre, y + (20 if note else 27), name, "", anchor="middle")]
    if note:
        lines.append(_text(centre, y + 35, _fitted(note, _BOX_WIDTH_PX), "note", anchor="middle"))
    return [shape, *lines]


def _arrow(edge: Edge, start: float, end: float, y: float) -> list[str]:
    colour = COLOURS[edge.risk or "missing"]
    dashes = ' stroke-dasharray="4 4"' if edge.risk is None else ""
    line = f'<line x1="{start:g}" y1="{y:g}" x2="{end:g}" y2="{y:g}" stroke="{colour}" stroke-width="2"{dashes}/>'
    name = _text((start + end) / 2, y - 7, f"{edge.name} · {edge.risk or 'missing'}", "small", "middle", colour)
    heads = [] if edge.risk is None else [_head(end, y, -8, colour)]
    if edge.risk is not None and not edge.one_way:
        heads.append(_head(start, y, 8, colour))
    return [line, *heads, name]


def _head(x: float, y: float, back: float, colour: str) -> str:
    return f'<path d="M{x:g} {y:g} L{x + back:g} {y - 5:g} L{x + back:g} {y + 5:g} Z" fill="{colour}"/>'


def _words(edge: Edge) -> list[str]:
    """What a hop loses, in lines that fit between two boxes."""
    room = int((_GAP_PX - 20) / _LETTER_PX)
    lines: list[str] = []
    for said in short_losses(edge):
        line = ""
        for word in said.split(" "):
            if line and len(line) + 1 + len(word) > room:
                lines.append(line)
                line = ""
            line = f"{line} {word}" if line else word
        lines.append(line)
    return [_fitted(line, _GAP_PX - 20) for line in lines]


def _legend(top: float) -> tuple[list[str], float]:
    parts: list[str] = []
    x = float(_MARGIN_PX)
    for name, colour in COLOURS.items():
        parts.append(f'<rect x="{x:g}" y="{top:g}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(x + 15, top + 9, name, "small"))
        x += 30 + len(name) * _LETTER_PX
    return parts, 10.0 + _MARGIN_PX


def _fitted(text: str, width_px: float) -> str:
    room = int(width_px / _LETTER_PX)
    return text if len(text) <= room else text[: room - 1] + "…"


def _text(x: float, y: float, said: str, kind: str, anchor: str = "start", colour: str = "") -> str:
    looks = "".join(
        f' {name}="{value}"'
        for name, value in (("class", kind), ("style", f"fill:{colour}" if colour else ""))
        if value
    )
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}"{at}{looks}>{escape(said)}</text>'
