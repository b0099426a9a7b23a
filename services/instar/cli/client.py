"""``instar client``: what programs that read and write are given."""

import typer

from instar.cli import client_types


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="For programs that read and write: models of the records.", no_args_is_help=True)
    client_types.add_to(group)
    app.add_typer(group, name="client")
