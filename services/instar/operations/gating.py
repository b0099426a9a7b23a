"""The gates of a migration's settings."""

from instar.core.rollout.event import GateVerdict
from instar.project.project import Project


def gate_verdicts(project: Project, name: str, action: str) -> tuple[GateVerdict, ...]:
    """Those before an action: not evaluated here yet, so each that is configured is unknown, which counts as no."""
    return tuple(
        GateVerdict(f"gate-{number}", "unknown", "gates are not evaluated yet")
        for number, gate in enumerate(project.settings.migrations[name].gates, 1)
        if gate.before == action
    )
