"""``instar history [M]``: what was done, by whom, why, under which plan, and whether that was changed afterwards."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from instar.cli import completing
from instar.cli.exits import NO, OK, USAGE, fail
from instar.cli.output import Format, print_rows, stderr
from instar.cli.scope import EnvironmentOption, ProjectOption, open_project
from instar.core.ledger import Broken, Entry, Head
from instar.core.rollout.telling import effect_told, told
from instar.operations.stating import state_of
from instar.state.ledger import Ledger

_COLUMNS = {
    "number": "no.",
    "at": "at (UTC)",
    "migration": "migration",
    "actor": "who",
    "action": "what",
    "reason": "why",
    "fingerprint": "plan",
}
_ANCHOR = re.compile(r"(?P<number>[1-9]\d*):(?P<hash>[0-9a-f]{64})\Z")
_SHORT = 8
_NEWEST = 50


def add_to(app: typer.Typer) -> None:
    app.command("history")(history)


def history(
    migration: Annotated[
        str | None,
        typer.Argument(
            help="Of one migration. Default: of the whole environment.",
            metavar="[MIGRATION]",
            autocompletion=completing.migrations,
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the whole chain of hashes; exit code 3 where it is broken.")
    ] = False,
    anchors: Annotated[
        list[str] | None,
        typer.Option("--anchor", metavar="NUMBER:HASH", help="With --verify: an end that an earlier --verify printed."),
    ] = None,
    newest: Annotated[int, typer.Option("--newest", min=1, help="How many entries.")] = _NEWEST,
    everything: Annotated[bool, typer.Option("--all", help="All entries.")] = False,
    output: Annotated[Format, typer.Option("-o", "--output")] = Format.TABLE,
    project: ProjectOption = None,
    environment: EnvironmentOption = None,
) -> int:
    """Show the ledger: each step, decision and approval, with who, when and why.

    --verify reads all of the environment's entries and holds each to the hash of the one before it. It finds entries
    that were edited, removed, added or reordered, and rollouts that differ from their last entry. Keep the end that it
    prints somewhere else, and give it back as --anchor: only that finds a ledger that was written anew as a whole.
    """
    if anchors and not verify:
        fail("--anchor is for --verify alone.", exit_code=USAGE)
    ends = [_anchor(text) for text in anchors or []]
    opened = open_project(project, environment)
    with state_of(opened) as state:
        if verify:
            return _verify(state.ledger, ends, output)
        found = state.ledger.entries(migration, newest=None if everything else newest)
    print_rows([_row(entry, output) for entry in found], _COLUMNS, output)
    if not found:
        _say(f"The ledger of {opened.environment_name} has nothing{f' about {migration}' if migration else ''} yet.")
    elif len(found) == newest and not everything:
        _say(f"The newest {newest} entries; --all shows all of them.")
    return OK


def _verify(ledger: Ledger, anchors: list[Head], output: Format) -> int:
    found = ledger.verify(anchors)
    row: dict[str, Any]
    if isinstance(found, Broken):
        row = {"sound": False, "entry": found.number, "migration": found.migration, "why": found.why}
        words = f"broken at entry {found.number}{f' ({found.migration})' if found.migration else ''}: {found.why}"
    else:
        row = {"sound": True, "entries": found.head.number, "head": found.head.hash}
        words = f"sound: {found.head.number} entries, the end is {found.head.number}:{found.head.hash}"
    if output is Format.TABLE:
        print(words)
        if isinstance(found, Broken):
            _say("→ Entries before it are as they were written. Compare this one and the later ones with a backup.")
    else:
        print_rows([row], {}, output)
    return NO if isinstance(found, Broken) else OK


def _row(entry: Entry, output: Format) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": entry.number,
        "at": datetime.fromtimestamp(entry.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
        "migration": entry.migration,
        "actor": entry.actor,
        "action": told(entry) if output is Format.TABLE else entry.action,
        "reason": entry.reason,
    }
    if output is Format.TABLE:
        return row | {"fingerprint": entry.fingerprint[:_SHORT]}
    return row | {
        "at_ms": entry.at_ms,
        "effect": effect_told(entry),
        "fingerprint": entry.fingerprint,
        "details": json.loads(entry.details),
        "revision": entry.state_revision,
        "hash": entry.hash,
    }


def _anchor(text: str) -> Head:
    match = _ANCHOR.match(text)
    if match is None:
        fail(f"{text!r} is not an end of a ledger.", "`instar history --verify` prints one: NUMBER:HASH.", USAGE)
    return Head(int(match["number"]), match["hash"])


def _say(text: str) -> None:
    stderr.print(text, markup=False, soft_wrap=True)
