"""Where a command's words go: data to stdout, everything for people to stderr."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from instar.core.value_text import compact, pretty

stderr = Console(stderr=True, highlight=False)


class Format(StrEnum):
    """What ``-o`` takes where a command prints rows."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"


class Document(StrEnum):
    """What ``-o`` takes where a command shows one thing."""

    TABLE = "table"
    JSON = "json"


def plain(value: Any) -> Any:
    """What orjson cannot write by itself, for ``default=``."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def one_line(text: str, limit_chars: int = 500) -> str:
    """What somebody else wrote, for a terminal: one line that moves no cursor, hides nothing and does not fill the
    screen. What cannot be printed is escaped (``\\x1b``, ``\\u202e``)."""
    cut = text if len(text) <= limit_chars else f"{text[:limit_chars]}… ({len(text):,} characters)"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)


def print_json(document: Any) -> None:
    """One JSON document on stdout, indented when a person looks at it."""
    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0)
    sys.stdout.write(orjson.dumps(document, default=plain, option=options).decode())
    sys.stdout.flush()


def print_document(document: Any) -> None:
    """Like ``print_json``, for documents with records in them: every number keeps all its digits."""
    sys.stdout.write((pretty if sys.stdout.isatty() else compact)(document) + "\n")
    sys.stdout.flush()


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], output: Format) -> None:
    """Rows as a table, one JSON array, or a JSON object a line. ``columns`` maps keys to headings."""
    if output is Format.JSON:
        print_json(list(rows))
    elif output is Format.NDJSON:
        print_lines(rows)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in columns.values():
            table.add_column(heading, overflow="fold")
        for row in rows:
            table.add_row(*("" if row.get(key) is None else _cell(row[key]) for key in columns))
        Console(highlight=False, markup=False).print(table)


def _cell(value: Any) -> str:
    return "\n".join(map(one_line, str(value).split("\n")))


def print_lines(rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        sys.stdout.write(orjson.dumps(row, default=plain, option=orjson.OPT_APPEND_NEWLINE).decode())
    sys.stdout.flush()
