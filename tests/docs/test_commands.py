"""Every command that the README and the pages show is there, and takes the options that it is shown with."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from instar.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = re.compile(r"^(?:    |\$ )(instar [a-z].*?)$", re.MULTILINE)


def shown(page: Path) -> Iterator[list[str]]:
    """The words of each command, without what a shell would not give it."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    for line in SHOWN.findall(text):
        yield shlex.split(re.split(r" [<|>&;] ?|  +#?", line)[0], comments=True)


def wrong(words: list[str]) -> str:
    """What is wrong with it; empty: nothing."""
    command: Any = get_command(app)
    rest = words[1:]
    while isinstance(command, TyperGroup):
        name = rest.pop(0) if rest else ""
        if name not in command.commands:
            return f"there is no {name!r}"
        command = command.commands[name]
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}
    asked = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    return f"it takes no {', '.join(sorted(asked - known))}" if asked - known else ""


def test_commands_are_found() -> None:
    assert sum(len(list(shown(page))) for page in PAGES) > 120


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_can_be_given(page: Path) -> None:
    assert {" ".join(words): why for words in shown(page) if (why := wrong(words))} == {}


@pytest.mark.parametrize("line", ["instar prance", "instar dlq dance", "instar status orders-v2 --colour"])
def test_a_command_that_is_not_there_is_found(line: str) -> None:
    assert wrong(line.split())
