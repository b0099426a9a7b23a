"""JSON in files: a record a line, or one record that is the whole file."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import orjson

from instar.archives.item import Item
from instar.core.rejected import TOO_LARGE, Rejected

RECORD_LIMIT_BYTES: Final = 64 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_LINES: Final = (".jsonl", ".ndjson", ".jsonlines")


def holds_lines(path: Path) -> bool:
    """Has the file a record on each line? By what is in it; by its name where one line or none says nothing."""
    with path.open("rb") as file:
        first = _first_line(file)
        if first is None:
            return path.suffix.lower() in _LINES
        try:
            orjson.loads(first)
        except orjson.JSONDecodeError:
            return path.suffix.lower() in _LINES
        return _first_line(file) is not None or path.suffix.lower() in _LINES


def lines(file: BinaryIO) -> Iterator[Item]:
    """Each line that is not blank. A line past the limit is rejected, its beginning kept."""
    number = 0
    while line := file.readline(RECORD_LIMIT_BYTES + 1):
        number += 1
        place = f"line {number}"
        if len(line) > RECORD_LIMIT_BYTES:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(RECORD_LIMIT_BYTES)
            yield Item(place, line[:1000], _too_large())
            continue
        data = (line.removeprefix(_BOM) if number == 1 else line).strip()
        if data:
            yield Item(place, data)


def document(file: BinaryIO) -> Iterator[Item]:
    data = file.read(RECORD_LIMIT_BYTES + 1)
    if len(data) > RECORD_LIMIT_BYTES:
        yield Item("the file", data[:1000], _too_large())
    else:
        yield Item("the file", data.removeprefix(_BOM).strip())


def _too_large() -> Rejected:
    return Rejected(TOO_LARGE, f"The record has more than {RECORD_LIMIT_BYTES // 1024 // 1024} MiB.")


def _first_line(file: BinaryIO) -> bytes | None:
    """The next line that is not blank; None at the end."""
    while line := file.readline(RECORD_LIMIT_BYTES):
        stripped = line.removeprefix(_BOM).strip()
        if stripped:
            return stripped
    return None
