"""A line of the audit as the history page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instar.dashboard.callers import Caller, Role
from instar.state.audit import BEGUN, REFUSED, Deed

_KINDS = {"done": "good", "nothing": "good", "undone": "good", REFUSED: "no", "failed": "no"}
_FOR_OPERATORS = frozenset({"address"})


@dataclass(frozen=True, slots=True)
class Line:
    """``kind``: good, no, or unknown where nobody knows (yet) what became of it. ``about`` are names and values."""

    deed: Deed
    kind: str
    outcome: str
    about: tuple[tuple[str, str], ...]


def shown(deed: Deed, caller: Caller) -> Line:
    """Whence a request came is for operators."""
    said = [
        (name.replace("_", " "), text)
        for name, value in deed.details.items()
        if (caller.may(Role.OPERATOR) or name not in _FOR_OPERATORS) and (text := _text(value))
    ]
    outcome = "begun, no end is known" if deed.outcome == BEGUN else deed.outcome
    return Line(deed, _KINDS.get(deed.outcome, "unknown"), outcome, tuple(said))


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
