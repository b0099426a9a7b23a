"""The risk class of a change: what it can cost those who have the data.

additive: what was there stays what it was. transforming: values, names or places change, and nothing is lost on the way
up. destructive: something is lost on the way up, or there is no way back.
"""

from typing import Literal

from instar.core.upcasting.hop import BoundHop
from instar.core.upcasting.operation import Operation
from instar.core.upcasting.operations.add import Add
from instar.core.upcasting.operations.allow_absent import AllowAbsent
from instar.core.upcasting.operations.allow_null import AllowNull
from instar.core.upcasting.operations.inside import Inside
from instar.core.upcasting.operations.map_values import MapValues
from instar.core.upcasting.operations.when import When

Risk = Literal["additive", "transforming", "destructive"]

RISKS: tuple[Risk, ...] = ("additive", "transforming", "destructive")


def worst(risks: list[Risk]) -> Risk:
    """The highest of them; of none, additive."""
    return max(risks, key=RISKS.index, default="additive")


def risk_of(hop: BoundHop) -> Risk:
    """The class of a hop, from what it loses and what it does. A hop of functions may do anything but lose."""
    if hop.lost_up or hop.one_way:
        return "destructive"
    changes = hop.hop.changes
    return "additive" if changes is not None and all(map(_only_adds, changes)) else "transforming"


def _only_adds(change: Operation) -> bool:
    match change:
        case Add() | AllowNull() | AllowAbsent():
            return True
        case MapValues(mapping=mapping):
            return not mapping  # only says what new symbols are on the way down
        case Inside(changes=inner) | When(changes=inner):
            return all(map(_only_adds, inner))
    return False
