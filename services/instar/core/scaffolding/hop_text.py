"""A draft as the text of a hop's file."""

import re
from collections.abc import Mapping
from textwrap import wrap

from instar.core.finding import Finding
from instar.core.scaffolding.draft import Draft, Line
from instar.core.version import label

WIDTH_CHARS = 120


def hop_text(draft: Draft, subject: str, from_version: int, to_version: int) -> str:
    """Every guess is marked ``# guess:``, and what only the author can say ``# todo:`` with the line to add."""
    old, new = label(from_version), label(to_version)
    guesses = sum(bool(line.guess) for line in draft.lines)
    todos = [finding for finding in draft.left if finding.severity == "error"]
    parts = [
        f'"""{_summary(draft, subject, old, new)}"""',
        "",
        *_imports(draft.imports),
        "",
        *_changes(draft, todos),
    ]
    if guesses or todos:
        parts += ["", *_comment(f"Drafted from the schemas of {old} and {new}: read each guess, then delete its mark.")]
    return "\n".join(_squeezed(parts)) + "\n"


def _summary(draft: Draft, subject: str, old: str, new: str) -> str:
    if not draft.lines and not draft.left:
        return f"{old} to {new} of {_plain(subject)}: every record stays as it is."
    return f"{old} to {new} of {_plain(subject)}."


def _plain(subject: str) -> str:
    return re.sub(r'[\\"]', "_", subject)


def _imports(imports: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The standard library's first, then instar's own, as import sorters want them."""
    standard = {module: names for module, names in imports.items() if not module.startswith("instar")}
    own = {module: names for module, names in imports.items() if module.startswith("instar")}
    lines: list[str] = []
    for group in (standard, own):
        if group:
            lines += [f"from {module} import {', '.join(names)}" for module, names in sorted(group.items())]
            lines.append("")
    return lines


def _changes(draft: Draft, todos: list[Finding]) -> list[str]:
    if not draft.lines and not todos:
        return ["changes = []"]
    lines = ["changes = ["]
    for line in draft.lines:
        lines += _change(line)
    for todo in todos:
        lines += _comment(f"todo: {todo.message}", "    ")
        lines += _comment(todo.remedy.removeprefix("add: "), "    ")
    lines.append("]")
    return lines


def _change(line: Line) -> list[str]:
    code = f"    {line.code},"
    if not line.guess:
        return [code]
    one = f"{code}  # guess: {line.guess}"
    if len(one) <= WIDTH_CHARS:
        return [one]
    return [*_comment(f"guess: {line.guess}", "    "), code]


def _comment(text: str, indent: str = "") -> list[str]:
    flat = " ".join(text.split())
    return wrap(flat, WIDTH_CHARS, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _squeezed(lines: list[str]) -> list[str]:
    """No two empty lines in a row."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return kept
