"""What the live demonstration says on the terminal: where to look, who plays, what happens, and what to try."""

import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from instar.cli.demonstration.live.cast import OWNERS
from instar.cli.demonstration.live.names import Names

_CAST = (
    ("till", "writes orders v1, follows the rollout"),
    ("webshop", "writes orders v2, follows the rollout"),
    ("app", "writes orders v3, to the new topic already"),
    ("old-import", "writes what nobody can read, now and then"),
    ("signup", "writes customers v1, follows the rollout"),
    ("billing", "reads orders v1, follows the rollout"),
    ("reports", "reads orders v2 every 20 s, so it lags"),
    ("search", "reads orders v3 from the new topic"),
    ("newsletter", "reads customers v2, follows the rollout"),
)
BUILT_IN = (
    "In this process's memory: it has no settings of topics, so no rollout can begin and both migrations stay drafts.",
    "It lists no groups, so nobody can say who reads, and no answer is yes.",
    "It proves nothing about exactly-once. `make demo-serve` shows all of it on a real Kafka (Java 17, Maven).",
)
NO_FAUST = (
    "The census counts while it is read: the program that keeps its tables needs Faust (pip install 'instar[census]')."
)


class Teller:
    """Lines for a person. Several threads tell."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def opening(self, address: str, broker: str, folder: Path, notes: Iterable[str]) -> None:
        say = self._console.print
        say("\n[bold]A shop at work[/bold]: programs of three generations on one stream, carried both ways.\n")
        for title, text in (("dashboard", address), ("broker", broker), ("project", str(folder))):
            say(f"  {title:<11}{text}", markup=False, soft_wrap=True)
        for note in notes:
            say(f"  {'':<11}{note}", markup=False, style="yellow", soft_wrap=True)
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 2))
        table.add_column(no_wrap=True)
        table.add_column()
        table.add_column(no_wrap=True)
        for name, what in _CAST:
            table.add_row(name, what, OWNERS.get(name, "nobody's"))
        say()
        say(table)
        say()

    def happens(self, who: str, what: str) -> None:
        style = {"trouble": "red", "": "dim"}.get(who, "")
        self._console.print(f"  {who:<11}{what}", markup=False, soft_wrap=True, style=style)

    def what_next(self, address: str, folder: Path, names: Names, *, built_in: bool, whole: bool) -> None:
        say, at, instar = self._console.print, f"--project {folder}", instar_command()
        orders, customers = names.migration("orders"), names.migration("customers")
        title = "Everything is at work" if whole else "What could be started is at work"
        say(f"\n[bold]{title}[/bold]: Ctrl-C ends all of it and removes the project.\n")
        pages = [
            ("", "may the old versions go, and why not"),
            (f"migrations/{orders}", "how far it is; pause, resume, rate"),
            ("consumers", "who reads and writes which version"),
            ("dead-letters", "what could not be carried, and how far it comes today"),
            (f"records?topic={names.old('orders')}", "any record at every version"),
        ]
        if not built_in:
            pages.insert(2, (f"migrations/{customers}", "it is switched: roll it back, and forward again"))
        for page, what in pages:
            say(f"  {address}/{page:<34}  {what}", markup=False, soft_wrap=True)
        say()
        commands = [
            f"{instar} can-retire orders v1 {at}",
            f"{instar} status {orders} {at}",
            f"{instar} census show orders {at}",
            f"{instar} dlq list --migration {orders} {at}",
            f"{instar} tail {names.new('orders')} --version v1 {at}",
        ]
        if not built_in:
            commands += [
                f"{instar} approve {orders} switch --by you --reason 'let us see' {at}",
                f"{instar} switch {orders} --execute --wait --by ana --reason 'approved' {at}",
            ]
        for command in commands:
            say(f"  {command}", markup=False, soft_wrap=True)
        say()


def instar_command() -> str:
    """How this instar is called from a shell here."""
    if shutil.which("instar"):
        return "instar"
    beside = Path(sys.executable).with_name("instar")
    return str(beside) if beside.exists() else f"{sys.executable} -m instar"
