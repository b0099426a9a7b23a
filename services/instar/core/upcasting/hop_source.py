"""Where things stand in the text of a hop's file, so that findings and rejections can name the line."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FunctionType, TracebackType
from typing import Any


@dataclass(frozen=True, slots=True)
class Lines:
    """1-based lines of a hop's file: of each top-level name, and of each element of ``changes``."""

    names: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[int, ...] = ()

    def of_change(self, index: int) -> int | None:
        return self.changes[index] if index < len(self.changes) else self.names.get("changes")


def lines_of(source: str) -> Lines:
    """The lines of a source text that has been executed already; of a text that does not parse, none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return Lines()
    names: dict[str, int] = {}
    changes: tuple[int, ...] = ()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names[node.name] = node.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    names[target.id] = node.lineno
                    if target.id == "changes" and isinstance(node.value, ast.List | ast.Tuple):
                        changes = tuple(element.lineno for element in node.value.elts)
    return Lines(names, changes)


def compiled_name(namespace: Mapping[str, Any], file: str) -> str:
    """The name that the hop's code was compiled under, as tracebacks show it; it may differ from ``file``."""
    for value in namespace.values():
        if isinstance(value, FunctionType) and value.__globals__ is namespace:
            return value.__code__.co_filename
    return str(namespace.get("__file__") or file)


def raised_at(trace: TracebackType | None, compiled: str, file: str) -> str | None:
    """The innermost line of the author's own code, ``upcasters/orders/v1_to_v2.py line 7``.

    The author's code is the hop's file and the helper files beside it: frames further in are a library's.
    """
    folder = compiled.rpartition("/")[0]
    place = None
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name == compiled:
            place = f"{file} line {trace.tb_lineno}"
        elif folder and name.rpartition("/")[0] == folder:
            place = f"{file.rpartition('/')[0]}/{name.rpartition('/')[2]} line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


def said_by(error: BaseException, limit_chars: int = 200) -> str:
    """Type and text of an exception on one line, as a message shows it."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # an exception whose own text cannot be made is still reported, by its type
        text = ""
    if len(text) > limit_chars:
        text = text[: limit_chars - 3] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
