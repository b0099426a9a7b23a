"""What may stand in a hop's file, and what is wrong with it."""

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from instar.core.finding import Finding
from instar.core.upcasting.hop_source import Lines
from instar.core.upcasting.operation import Misfit
from instar.core.upcasting.paths import parse

NAMES = ("changes", "upcast", "downcast", "lost", "partial")

_TWO_FORMS = "changes = [...], or def upcast(record, context) with or without def downcast(record, context)"


def mistakes(namespace: Mapping[str, Any], lines: Lines) -> list[Finding]:
    """Every mistake in an executed hop file; the caller adds file and subject."""
    return [
        *_form(namespace, lines),
        *_changes(namespace, lines),
        *_functions(namespace, lines),
        *_lost(namespace, lines),
        *_partial(namespace, lines),
    ]


def _form(namespace: Mapping[str, Any], lines: Lines) -> list[Finding]:
    has_changes = "changes" in namespace
    functions = [name for name in ("upcast", "downcast") if name in namespace]
    if has_changes and functions:
        return [
            Finding(
                "hop-both-forms",
                f"the hop has both changes and {' and '.join(functions)}",
                "keep one form: an operation for each change, or functions for all of it",
                line=lines.names.get(functions[0]),
            )
        ]
    if functions == ["downcast"]:
        return [
            Finding(
                "hop-without-upcast",
                "the hop has a downcast and no upcast",
                "add: def upcast(record, context)",
                line=lines.names.get("downcast"),
            )
        ]
    if not has_changes and not functions:
        return [_neither(namespace, lines)]
    return []


def _neither(namespace: Mapping[str, Any], lines: Lines) -> Finding:
    own = [name for name in lines.names if name in namespace] or [name for name in namespace if name[:2] != "__"]
    for name in own:
        likely = get_close_matches(name.lower(), NAMES, n=1, cutoff=0.75)
        if likely:
            return Finding(
                "hop-without-form",
                f"the hop says {name}, which means nothing here",
                f"did you mean {likely[0]}?",
                line=lines.names.get(name),
            )
    return Finding("hop-without-form", "the hop says nothing: it has no changes and no upcast", f"write {_TWO_FORMS}")


def _changes(namespace: Mapping[str, Any], lines: Lines) -> list[Finding]:
    if "changes" not in namespace:
        return []
    changes = namespace["changes"]
    if not isinstance(changes, list | tuple):
        return [
            Finding(
                "hop-wrong-type",
                f"changes is a {type(changes).__name__}, not a list",
                "write changes = [...], with the operations of instar.changes",
                line=lines.names.get("changes"),
            )
        ]
    return [
        Finding(
            "hop-wrong-type",
            f"changes[{index}] is {_what(change)}, not an operation",
            'call one of the functions of instar.changes there, for example rename("old", "new")',
            line=lines.of_change(index),
        )
        for index, change in enumerate(changes)
        if isinstance(change, type) or not (callable(getattr(change, "bind", None)) and hasattr(change, "summary"))
    ]


def _what(value: Any) -> str:
    if inspect.isfunction(value):
        return f"the function {value.__name__} itself"
    return f"a {type(value).__name__}"


def _functions(namespace: Mapping[str, Any], lines: Lines) -> list[Finding]:
    found = []
    for name in ("upcast", "downcast"):
        if name not in namespace:
            continue
        problem = _function_problem(namespace[name])
        if problem:
            remedy = f"write def {name}(record, context): and return a dict"
            found.append(Finding("hop-wrong-type", f"{name} {problem}", remedy, line=lines.names.get(name)))
    return found


def _function_problem(function: Any) -> str | None:
    if not callable(function):
        return f"is a {type(function).__name__}, not a function"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "is async, and a hop does no I/O to wait for"
    if inspect.isgeneratorfunction(function):
        return "is a generator: return a list to make several records of one"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a callable of C that does not say: it is known when it runs
        return None
    try:
        signature.bind(None, None)
    except TypeError:
        return f"takes {signature}, and is called with (record, context)"
    return None


def _lost(namespace: Mapping[str, Any], lines: Lines) -> list[Finding]:
    if "lost" not in namespace:
        return []
    lost = namespace["lost"]
    remedy = 'write lost = {"up": ["a.b"], "down": ["c"]}: field paths that cannot be restored'
    line = lines.names.get("lost")
    if not isinstance(lost, dict):
        return [Finding("hop-wrong-type", f"lost is a {type(lost).__name__}, not a dict", remedy, line=line)]
    found = []
    for direction, paths in lost.items():
        if direction not in ("up", "down"):
            message = f"lost names {direction!r}, which is no direction: there are up and down"
            found.append(Finding("hop-wrong-type", message, remedy, line=line))
        elif not isinstance(paths, list | tuple) or not all(isinstance(path, str) and path for path in paths):
            message = f'lost["{direction}"] is not a list of field paths'
            found.append(Finding("hop-wrong-type", message, remedy, line=line))
        else:
            found += [bad for bad in (_bad_path(path, line) for path in paths) if bad is not None]
    return found


def _bad_path(path: str, line: int | None) -> Finding | None:
    try:
        parse(path)
    except Misfit as misfit:
        return Finding(misfit.code, f"lost: {misfit.message}", misfit.remedy, line=line, path=misfit.path)
    return None


def _partial(namespace: Mapping[str, Any], lines: Lines) -> list[Finding]:
    if "partial" not in namespace:
        return []
    partial = namespace["partial"]
    if isinstance(partial, list | tuple) and all(direction in ("up", "down") for direction in partial):
        return []
    remedy = 'write partial = ["down"]: the directions in which the hop rejects some valid records'
    return [Finding("hop-wrong-type", "partial is not a list of directions", remedy, line=lines.names.get("partial"))]
