"""The command line as a person calls it, in this process: exit code, data and words."""

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import structlog

from instar.cli.main import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did. ``out`` is stdout, ``err`` is stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def instar(*arguments: object, at: Path, stdin: str | bytes = b"") -> Ran:
    """Run ``instar ARGUMENTS`` in the folder ``at``."""
    out, err = io.StringIO(), io.StringIO()
    data = stdin.encode() if isinstance(stdin, str) else stdin
    with (
        contextlib.chdir(at),
        mock.patch.object(sys, "argv", ["instar", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8")),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _own_log(),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return Ran(code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def _own_log() -> Iterator[None]:
    """A command configures the log for its process, which here is the tests'."""
    try:
        yield
    finally:
        structlog.reset_defaults()
