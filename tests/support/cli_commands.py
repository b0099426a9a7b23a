"""Every command of the command line, as it is written: `plan`, `dlq list`."""

from collections.abc import Iterator

from typer.core import TyperGroup
from typer.main import get_command

from instar.cli.main import app


def commands() -> set[str]:
    return set(_below(get_command(app), ""))


def _below(command: object, path: str) -> Iterator[str]:
    if not isinstance(command, TyperGroup):
        yield path
        return
    for name, each in command.commands.items():
        yield from _below(each, f"{path} {name}".strip())
