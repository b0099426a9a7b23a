"""The figures that move while somebody looks, by the name under which a page shows them."""

from instar.core.estimate import duration_text
from instar.core.status import PartitionStatus, Status
from instar.dashboard.moves import Moves
from instar.dashboard.views.rollout import told
from instar.dashboard.watcher import Seen


def live_values(seen: Seen, moves: Moves) -> dict[str, str]:
    """``orders-v3/up/lag``: ``18,200``. A page marks an element with the name, and its text is kept up to date."""
    values: dict[str, str] = {}
    for name, look in seen.migrations.items():
        for status in look.statuses:
            values |= {f"{name}/{status.direction}/{key}": text for key, text in figures(status).items()}
        if look.letters is not None:
            values[f"{name}/letters"] = f"{look.letters:,}"
        move = moves.of(name)
        if move is not None:
            values[f"{name}/move"] = told(move)
    return values


def figures(status: Status) -> dict[str, str]:
    """One direction's figures as text, with those of its partitions."""
    found = {
        "state": status.state,
        "lag": f"{status.lag_records:,}",
        "rate": f"{status.speed.records_per_s:,.0f}",
        "done": f"{status.part_done:.1%}",
        "part": f"{status.part_done:.4f}",
        "left": left_text(status),
        "workers": "unknown" if status.workers is None else str(status.workers),
        "read": f"{status.counts.read:,}",
        "outputs": f"{status.counts.outputs:,}",
    }
    for row in status.partitions:
        at = f"{row.partition}/"
        found |= {
            f"{at}checkpoint": "–" if row.offset is None else f"{row.offset:,}",
            f"{at}end": f"{row.end:,}",
            f"{at}lag": f"{row.lag_records:,}",
            f"{at}rate": f"{row.speed.records_per_s:,.0f}",
            f"{at}part": f"{row.part_done:.4f}",
            f"{at}done": f"{row.part_done:.1%}",
            f"{at}left": left_of(row),
        }
    return found


def left_of(row: PartitionStatus) -> str:
    """How long until nothing of a partition is left."""
    if not row.lag_records:
        return "–"
    pace = row.speed.offsets_per_s
    return f"about {duration_text(row.lag_records / pace)}" if pace > 0 else "no end in sight"


def left_text(status: Status) -> str:
    """How long until nothing is left, in words."""
    if not status.lag_records:
        return "nothing to go"
    return f"about {duration_text(status.left_s)}" if status.left_s is not None else "no end in sight"
