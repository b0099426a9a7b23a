"""A line over time as SVG that the server draws, with the same figures as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

WIDTH, HEIGHT = 600, 96
_TOP = 14
_ROWS = 12


@dataclass(frozen=True, slots=True)
class Chart:
    """``line`` and ``area`` are SVG paths in a box of WIDTH by HEIGHT; ``rows`` are time and figure, for the table."""

    unit: str
    line: str
    area: str
    top: str
    began: str
    ended: str
    rows: tuple[tuple[str, str], ...]
    width: int = WIDTH
    height: int = HEIGHT


def chart(points: Sequence[tuple[float, float]], unit: str) -> Chart | None:
    """Points are a time in seconds since 1970 and a figure; None for fewer than two, which are no line."""
    if len(points) < 2:
        return None
    first, last = points[0][0], points[-1][0]
    most = max(value for _, value in points)
    across = max(last - first, 1e-9)
    placed = [
        (
            WIDTH * (at - first) / across,
            HEIGHT - (HEIGHT - _TOP) * (value / most if most > 0 else 0.0),
        )
        for at, value in points
    ]
    line = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
    every = max(1, len(points) // _ROWS)
    rows = tuple((_clock(at), f"{value:,.0f}") for at, value in points[::every])
    area = f"{line} L{WIDTH} {HEIGHT} L0 {HEIGHT} Z"
    return Chart(unit, line, area, f"{most:,.0f}", _clock(first), _clock(last), rows)


def _clock(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%H:%M:%S}"
