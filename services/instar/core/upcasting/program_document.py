"""A program as data, for executors in other languages: what each hop does, never the code of a function."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from instar.core.formats.shape import MISSING
from instar.core.upcasting.chain import Chain, Link
from instar.core.upcasting.operation import Operation
from instar.core.version import label

FORMAT = 1
_FUNCTION = "function"


def program_document(chain: Chain) -> dict[str, Any]:
    """The hops of a chain in the order in which they run.

    ``changes`` is None for a hop of functions. ``portable`` says whether the data alone is enough: a hop of functions
    and a change that calls one are not, since only the function's name is here.
    """
    hops = [_hop(link) for link in chain.links]
    return {
        "format": FORMAT,
        "subject": chain.subject,
        "from_version": label(chain.from_version),
        "to_version": label(chain.to_version),
        "one_way": chain.one_way,
        "portable": all(hop["portable"] for hop in hops),
        "hops": hops,
    }


def _hop(link: Link) -> dict[str, Any]:
    bound = link.hop
    upwards = link.to_version > link.from_version
    changes = None if bound.hop.changes is None else [_operation(each) for each in bound.hop.changes]
    return {
        "hop": bound.name,
        "direction": "up" if upwards else "down",
        "from_version": label(link.from_version),
        "to_version": label(link.to_version),
        "summary": bound.hop.summary,
        "lost": list(bound.lost_up if upwards else bound.lost_down),
        "partial": bound.partial_up if upwards else bound.partial_down,
        "portable": changes is not None and not _calls(changes),
        "changes": changes,
    }


def _operation(operation: Operation) -> dict[str, Any]:
    """``{"op": "rename", "path": ..., ...}`` with the operation's own fields; a function only by its name."""
    made: dict[str, Any] = {"op": _snake(type(operation).__name__)}
    if is_dataclass(operation):
        for each in fields(operation):
            value = getattr(operation, each.name)
            if value is not MISSING and value is not None:
                made[each.name] = _value(value)
    return made


def _value(value: Any) -> Any:
    match value:
        case Mapping():
            return [[_value(key), _value(part)] for key, part in value.items()]
        case tuple() | list() | frozenset():
            return [_value(part) for part in value]
        case str() | bool() | int() | float() | None:
            return value
        case Operation():
            return _operation(value)
    if callable(value):
        return {_FUNCTION: getattr(value, "__name__", "unnamed")}
    return str(value)


def _calls(document: Any) -> bool:
    """Does a function stand anywhere in it?"""
    if isinstance(document, dict):
        return set(document) == {_FUNCTION} or any(map(_calls, document.values()))
    return isinstance(document, list) and any(map(_calls, document))


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
