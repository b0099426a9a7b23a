"""What a schema says, as Python text: names and docs are untrusted, and none of it may become code.

Every character that is not printable (line ends, controls, marks that turn the direction of text) is written as an
escape, so that what a reader sees is what Python reads.
"""

import math
import textwrap
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

_WIDTH = 100  # characters of a line of documentation
_QUOTE = '\\"'
LIMIT_DOC_CHARS = 4000


class NotWritable(ValueError):
    """A value has no literal."""


def quoted(text: str) -> str:
    """A string literal with double quotes, on one line."""
    return f'"{"".join(map(_inside, text))}"'


def docstring(text: str, indent: str = "") -> list[str]:
    """The lines of a docstring, wrapped; none for a text without a word. Spaces are not kept as they are."""
    paragraphs = [" ".join(each.split()) for each in text[:LIMIT_DOC_CHARS].splitlines()]
    blocks = "\n".join(paragraphs).strip("\n").split("\n\n")
    width = _WIDTH - len(indent)
    wrapped: list[str] = []
    for block in blocks:
        lines = textwrap.wrap(" ".join(block.split()), width, break_long_words=False, break_on_hyphens=False)
        if lines:
            wrapped += ["", *lines] if wrapped else lines
    if not wrapped:
        return []
    escaped = [_in_docs(line) for line in wrapped]
    if len(escaped) == 1:
        return [f'{indent}"""{escaped[0]}"""']
    first, *rest = escaped
    return [f'{indent}"""{first}', *(f"{indent}{line}" if line else "" for line in rest), f'{indent}"""']


def literal(value: Any) -> str:
    """A plain value as an expression of literals and of what the modules import. Raises ``NotWritable``."""
    match value:
        case None | bool() | int():
            return repr(value)
        case str():
            return quoted(value)
        case bytes():
            return f'b"{"".join(map(_byte, value))}"'
        case float():
            return repr(value) if math.isfinite(value) else f'float("{value}")'
        case Decimal() | UUID():
            return f'{type(value).__name__}("{value}")'
        case datetime():
            parts = [value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond]
            zone = "" if value.tzinfo is None else ", tzinfo=dt.UTC"
            return f"dt.datetime({', '.join(map(str, parts))}{zone})"
        case date():
            return f"dt.date({value.year}, {value.month}, {value.day})"
        case time():
            return f"dt.time({value.hour}, {value.minute}, {value.second}, {value.microsecond})"
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{literal(key)}: {literal(each)}' for key, each in value.items())}}}"
        case (str() as name, part):
            return f"({quoted(name)}, {literal(part)})"
    raise NotWritable(type(value).__name__)


def _in_docs(line: str) -> str:
    """Quotes stay as they are but at either end, where they would join the docstring's own, and where three meet."""
    bare = line.strip('"')
    before = len(line) - len(line.lstrip('"')) if bare else len(line)
    after = len(line) - before - len(bare)
    inner = "".join(char if char == '"' else _inside(char) for char in bare).replace('"""', _QUOTE * 3)
    return _QUOTE * before + inner + _QUOTE * after


def _byte(byte: int) -> str:
    return _inside(chr(byte)) if byte < 0x7F else f"\\x{byte:02x}"


def _inside(char: str) -> str:
    """One character between double quotes."""
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
