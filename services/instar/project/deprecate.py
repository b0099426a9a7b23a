"""Writing into subject.toml that a version ends, without touching what else its author wrote there.

TOML has several ways of writing the same thing. The common ones are edited in place; the result is read again and must
say what was meant and nothing else, or nothing is written.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from instar.core.version import label
from instar.project.lock import write_atomically
from instar.project.schema_files import FOLDER
from instar.project.subject_file import NAME
from instar.project.toml_lines import TomlLines

_KEYS = ("deprecated", "sunset")


class NotEditable(Exception):
    """The file is written in a way that cannot be edited safely. ``remedy`` says what to add by hand."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def deprecate(root: Path, subject: str, version: int, notes: Mapping[str, Any]) -> str:
    """Set ``deprecated`` and ``sunset`` of a version, or take them away where ``notes`` is empty.

    Returns the file. Raises ``NotEditable``, OSError.
    """
    file = f"{FOLDER}/{subject}/{NAME}"
    path = root / file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    write_atomically(path, edited(text, version, notes))
    return file


def edited(text: str, version: int, notes: Mapping[str, Any]) -> str:
    """The text with the version's notes set. Raises ``NotEditable``."""
    name = label(version)
    before = tomllib.loads(text)
    known = before.get("versions", {}).get(name, {})
    wanted = {key: value for key, value in known.items() if key not in _KEYS} | dict(notes)
    made = _edit(text, name, known, wanted)
    expected = {**before, "versions": {**before.get("versions", {}), name: wanted}}
    try:
        is_right = made is not None and tomllib.loads(made) == expected
    except tomllib.TOMLDecodeError:
        is_right = False
    if made is None or not is_right:
        raise NotEditable(
            f"{NAME} writes {name} in a way that cannot be edited without touching other lines.",
            remedy=f"Write it by hand: [versions] {name} = {_inline(wanted)}",
        )
    return made


def _edit(text: str, name: str, known: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    lines = text.splitlines(keepends=True)
    if not text.endswith("\n") and lines:
        lines[-1] += "\n"
    header = _header(lines, f"versions.{name}")
    if header is not None:
        return "".join(_in_table(lines, header, wanted))
    if known:
        number = TomlLines(text).line_of(("versions", name))
        return None if number is None else _inline_edit(lines, number - 1, name, wanted)
    entry = f"{name} = {_inline(wanted)}\n"
    table = _header(lines, "versions")
    if table is not None:
        lines.insert(_end(lines, table), entry)
        return "".join(lines)
    return "".join([*lines, "\n[versions]\n" if lines else "[versions]\n", entry])


def _header(lines: list[str], name: str) -> int | None:
    pattern = re.compile(rf"\[\s*{re.escape(name)}\s*\]\s*(#.*)?$")
    return next((index for index, line in enumerate(lines) if pattern.match(line.strip())), None)


def _end(lines: list[str], header: int) -> int:
    """Past the last entry of a table."""
    end = header + 1
    for index in range(header + 1, len(lines)):
        stripped = lines[index].strip()
        if stripped.startswith("["):
            break
        if stripped and not stripped.startswith("#"):
            end = index + 1
    return end


def _in_table(lines: list[str], header: int, wanted: Mapping[str, Any]) -> list[str]:
    key = re.compile(rf"\s*({'|'.join(_KEYS)})\s*=")
    end = _end(lines, header)
    kept = [line for line in lines[header + 1 : end] if not key.match(line)]
    added = [f"{name} = {_value(wanted[name])}\n" for name in _KEYS if name in wanted]
    return [*lines[: header + 1], *kept, *added, *lines[end:]]


def _inline_edit(lines: list[str], index: int, name: str, wanted: Mapping[str, Any]) -> str | None:
    """``v1 = { ... }`` on one line, with whatever comment comes behind it."""
    line = lines[index].rstrip("\r\n")
    for end in (match.end() for match in re.finditer(r"\}", line)):
        try:
            parsed = tomllib.loads(line[:end])
        except tomllib.TOMLDecodeError:
            continue
        if set(parsed) == {name}:
            lines[index] = f"{name} = {_inline(wanted)}{line[end:]}\n"
            return "".join(lines)
    return None


def _inline(entries: Mapping[str, Any]) -> str:
    inside = ", ".join(f"{key} = {_value(value)}" for key, value in entries.items())
    return f"{{ {inside} }}" if inside else "{}"


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case date():
            return value.isoformat()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
